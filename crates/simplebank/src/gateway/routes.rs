//! Which method a verb and a path mean: the routing table, read from the `google.api.http` annotations.

use std::{collections::BTreeMap, fmt};

use http::{Method, uri::PathAndQuery};
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, Value};

use super::{field_path::FieldPath, reply::Refusal, text};
use crate::pb::google_api::{HttpRule, http_rule::Pattern};

/// An annotation that cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("{method}: {fault}")]
pub struct RouteError {
    method: String,
    fault: String,
}

/// All routes, by path and then by verb.
#[derive(Debug)]
pub(super) struct Routes(matchit::Router<Vec<Route>>);

/// One way to reach one method.
#[derive(Debug)]
pub(super) struct Route {
    verb: Method,
    /// The fields that the variable parts of the path fill, from left to right.
    pub(super) variables: Vec<FieldPath>,
    pub(super) body: BodyRule,
    pub(super) input: MessageDescriptor,
    pub(super) output: MessageDescriptor,
    /// Where the gRPC service stack serves the method.
    pub(super) grpc_path: PathAndQuery,
}

/// What the body of a request means.
#[derive(Debug)]
pub(super) enum BodyRule {
    /// Nothing; the other fields come from the query.
    Ignored,
    /// The whole message; the query means nothing.
    Message,
    /// One field, which is a message; the other fields come from the query.
    Field(FieldDescriptor),
}

/// A route, and the variable parts of the path as they were sent.
#[derive(Debug)]
pub(super) struct Found<'r, 'p> {
    pub(super) route: &'r Route,
    pub(super) captured: Vec<&'p str>,
}

impl Routes {
    pub(super) fn from_descriptors(pool: &DescriptorPool) -> Result<Self, RouteError> {
        let mut by_path = BTreeMap::<String, Vec<Route>>::new();
        for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            let fail = |fault: String| RouteError { method: method.full_name().to_owned(), fault };
            for rule in rules(&method).map_err(fail)? {
                let (path, route) = Route::new(&method, rule).map_err(fail)?;
                let routes = by_path.entry(path).or_default();
                if routes.iter().any(|other| other.verb == route.verb) {
                    return Err(fail(format!("another method is served under the same {} path", route.verb)));
                }
                routes.push(route);
            }
        }
        let mut router = matchit::Router::new();
        for (path, routes) in by_path {
            let method = routes[0].grpc_path.to_string();
            router.insert(path, routes).map_err(|error| RouteError { method, fault: error.to_string() })?;
        }
        Ok(Self(router))
    }

    /// The route for a verb and a path. HEAD is GET without the body, which the server leaves out.
    pub(super) fn find<'p>(&self, verb: &Method, path: &'p str) -> Result<Found<'_, 'p>, Refusal> {
        let verb = if verb == Method::HEAD { &Method::GET } else { verb };
        let (routes, captured) = self.at(path)?;
        match routes.iter().find(|route| route.verb == *verb) {
            Some(route) => Ok(Found { route, captured }),
            None => Err(Refusal::wrong_verb(allow(routes))),
        }
    }

    /// The verbs that a path can be asked with, as the header `Allow` lists them.
    pub(super) fn allowed(&self, path: &str) -> Result<String, Refusal> {
        self.at(path).map(|(routes, _)| allow(routes))
    }

    fn at<'p>(&self, path: &'p str) -> Result<(&[Route], Vec<&'p str>), Refusal> {
        let matched = self.0.at(path).map_err(|_| Refusal::not_found())?;
        let captured: Vec<&str> = matched.params.iter().map(|(_, text)| text).collect();
        if captured.contains(&"") { Err(Refusal::not_found()) } else { Ok((matched.value, captured)) }
    }
}

fn allow(routes: &[Route]) -> String {
    let mut verbs: Vec<&str> = routes.iter().map(|route| route.verb.as_str()).collect();
    if verbs.contains(&"GET") {
        verbs.push("HEAD");
    }
    verbs.push("OPTIONS");
    verbs.sort_unstable();
    verbs.join(", ")
}

impl Route {
    fn new(method: &MethodDescriptor, rule: HttpRule) -> Result<(String, Self), String> {
        if method.is_client_streaming() || method.is_server_streaming() {
            return Err("a streaming method has no JSON mapping here".to_owned());
        }
        if !rule.response_body.is_empty() {
            return Err("response_body is not supported".to_owned());
        }
        let (verb, template) = verb_and_template(rule.pattern.ok_or("the annotation names no path")?)?;
        let input = method.input();
        let (path, variables) = parse_template(&template, &input)?;
        let body = match rule.body.as_str() {
            "" => BodyRule::Ignored,
            "*" => BodyRule::Message,
            name => BodyRule::Field(body_field(&input, name)?),
        };
        let grpc_path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let grpc_path = grpc_path.parse().map_err(|error| format!("{grpc_path} is not a path: {error}"))?;
        Ok((path, Self { verb, variables, body, input, output: method.output(), grpc_path }))
    }

    pub(super) fn takes_body(&self) -> bool {
        !matches!(self.body, BodyRule::Ignored)
    }
}

fn rules(method: &MethodDescriptor) -> Result<Vec<HttpRule>, String> {
    let annotation = method.parent_pool().get_extension_by_name("google.api.http");
    let options = method.options();
    let Some(annotation) = annotation.filter(|annotation| options.has_extension(annotation)) else {
        return Ok(Vec::new());
    };
    let Value::Message(rule) = &*options.get_extension(&annotation) else {
        return Err("the annotation is not a google.api.HttpRule".to_owned());
    };
    let mut first: HttpRule = rule.transcode_to().map_err(|error| error.to_string())?;
    let mut rules = std::mem::take(&mut first.additional_bindings);
    rules.insert(0, first);
    Ok(rules)
}

fn verb_and_template(pattern: Pattern) -> Result<(Method, String), String> {
    Ok(match pattern {
        Pattern::Get(path) => (Method::GET, path),
        Pattern::Put(path) => (Method::PUT, path),
        Pattern::Post(path) => (Method::POST, path),
        Pattern::Delete(path) => (Method::DELETE, path),
        Pattern::Patch(path) => (Method::PATCH, path),
        Pattern::Custom(custom) => return Err(format!("custom verb {} is not supported", custom.kind)),
    })
}

/// Splits `/v1/accounts/{id}/entries` into the router's path and the fields of its variables. Wild-cards,
/// patterns inside variables and `:verb` endings are refused; this API has no use for them.
fn parse_template(template: &str, input: &MessageDescriptor) -> Result<(String, Vec<FieldPath>), String> {
    let refuse = |why: fmt::Arguments<'_>| Err(format!("path {template}: {why}"));
    let Some(rest) = template.strip_prefix('/') else { return refuse(format_args!("must start with /")) };
    let mut path = String::new();
    let mut variables = Vec::new();
    for segment in rest.split('/') {
        let variable = segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}'));
        if let Some(name) = variable {
            match FieldPath::resolve(input, name) {
                Some(field) if field.is_scalar() => variables.push(field),
                _ => return refuse(format_args!("{name} is not a single scalar field")),
            }
            // Named by position, so that routes of one shape share a node whatever their fields are called.
            path.push_str(&format!("/{{{}}}", variables.len()));
        } else if segment.is_empty() || segment.contains(['*', '{', '}', ':', '=']) {
            return refuse(format_args!("only literals and {{field}} are supported"));
        } else {
            path.push('/');
            path.push_str(segment);
        }
    }
    Ok((path, variables))
}

fn body_field(input: &MessageDescriptor, name: &str) -> Result<FieldDescriptor, String> {
    let field = input.get_field_by_name(name).ok_or_else(|| format!("body names no field: {name}"))?;
    match field.kind() {
        Kind::Message(_) if text::is_single(&field) => Ok(field),
        _ => Err(format!("body field {name} is not a single message")),
    }
}
