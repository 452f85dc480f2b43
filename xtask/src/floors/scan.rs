//! Rules that no dependency list shows: what library code must not do to the process it runs in.

use anyhow::Context as _;

use super::layout::{self, Role};
use crate::files;
use crate::finding::Finding;
use crate::source::{Purpose, Source, Token};
use crate::workspace::Workspace;

/// A row of tokens that library code does not contain outside its tests.
struct Forbidden {
    tokens: &'static [&'static str],
    problem: &'static str,
    remedy: &'static str,
}

const TAKE_AN_ARGUMENT: &str = "take it as an argument; only a program reads its environment (invariant 5)";
const RETURN_AN_ERROR: &str = "return an error; only a program decides to end (invariant 5)";
const LEAVE_THE_SUBSCRIBER: &str = "emit events and leave the subscriber to the program (invariant 5)";

const FORBIDDEN: &[Forbidden] = &[
    Forbidden {
        tokens: &["std", ":", ":", "env"],
        problem: "reads the process environment",
        remedy: TAKE_AN_ARGUMENT,
    },
    Forbidden {
        tokens: &["process", ":", ":", "exit"],
        problem: "ends the process",
        remedy: RETURN_AN_ERROR,
    },
    Forbidden {
        tokens: &["process", ":", ":", "abort"],
        problem: "ends the process",
        remedy: RETURN_AN_ERROR,
    },
    Forbidden {
        tokens: &["tracing_subscriber"],
        problem: "names a subscriber",
        remedy: LEAVE_THE_SUBSCRIBER,
    },
    Forbidden {
        tokens: &["set_global_default"],
        problem: "installs a subscriber",
        remedy: LEAVE_THE_SUBSCRIBER,
    },
    Forbidden { tokens: &["clap"], problem: "parses arguments", remedy: TAKE_AN_ARGUMENT },
];

/// The one crate that may spell asynq's Redis keys.
const KNOWS_ASYNQ_KEYS: &str = "aftercommit-redis";

/// Reads the sources of every library crate.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for package in workspace.members() {
        if layout::row(&package.name).is_none_or(|row| row.role != Role::Library) {
            continue;
        }
        let directory = workspace.directory_of(package);
        for path in files::walk(&workspace.root().join(&directory))? {
            if path.extension() != Some("rs") || !path.starts_with("src") {
                continue;
            }
            let path = directory.join(path);
            let text =
                files::read_text(workspace.root(), &path)?.with_context(|| format!("{path} is no text"))?;
            findings.extend(judge(&package.name, &Source::parse(&path, text)?));
        }
    }
    Ok(findings)
}

fn judge(package: &str, source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |token: &Token, problem: &str, remedy: &str| {
        findings.push(Finding::error(format!("{}:{}", source.path, token.line), problem, remedy));
    };
    for forbidden in FORBIDDEN {
        for token in product_code(source.find(forbidden.tokens)) {
            add(token, &format!("library code {}", forbidden.problem), forbidden.remedy);
        }
    }
    for token in product_code(env_imports(source).into_iter()) {
        add(token, "library code reads the process environment", TAKE_AN_ARGUMENT);
    }
    for token in product_code(source.tokens().iter().filter(|token| token.text.starts_with("\"asynq:"))) {
        if package != KNOWS_ASYNQ_KEYS {
            add(
                token,
                "spells a Redis key of asynq",
                "only aftercommit-redis knows asynq's keys (invariant 2)",
            );
        }
    }
    findings
}

fn product_code<'a>(tokens: impl Iterator<Item = &'a Token>) -> impl Iterator<Item = &'a Token> {
    tokens.filter(|token| token.purpose == Purpose::Product)
}

/// `use std::{.., env, ..}`: the one spelling of the import that is no plain path.
fn env_imports(source: &Source) -> Vec<&Token> {
    let tokens = source.tokens();
    let opens_group =
        |window: &[Token]| window.iter().map(|token| token.text.as_str()).eq(["std", ":", ":", "{"]);
    let starts =
        tokens.windows(4).enumerate().filter(|(_, window)| opens_group(window)).map(|(at, _)| at + 4);
    starts
        .flat_map(|start| {
            let group = tokens[start..].iter().take_while(|token| token.text != ";");
            group.filter(|token| token.text == "env").collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use cargo_metadata::camino::Utf8Path;

    use super::*;

    fn problems(package: &str, text: &str) -> Vec<String> {
        let source = Source::parse(Utf8Path::new("crates/a/src/lib.rs"), text.to_owned()).unwrap();
        judge(package, &source).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn library_code_that_touches_its_process_is_found() {
        for text in [
            "fn f() { std::env::var(\"HOME\"); }",
            "use std::env;",
            "use std::{collections::HashMap, env};",
            "fn f() { std::process::exit(1) }",
            "fn f() { tracing_subscriber::fmt::init() }",
            "fn f() { tracing::subscriber::set_global_default(s); }",
            "#[derive(clap::Parser)] struct A;",
        ] {
            assert_eq!(problems("aftercommit", text).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_finding_names_the_line() {
        let problems = problems("aftercommit", "\n\nfn f() { std::process::exit(1) }");
        assert!(problems[0].contains("crates/a/src/lib.rs:3: library code ends the process"), "{problems:?}");
    }

    #[test]
    fn tests_and_compile_time_values_are_free() {
        for text in [
            "#[cfg(test)] mod tests { use std::env; fn f() { std::process::exit(1) } }",
            "const V: &str = env!(\"CARGO_PKG_VERSION\");",
            "//! std::env::var\nuse std::{fmt, io};\nfn f(env: u8) { g(env) }",
        ] {
            assert_eq!(problems("aftercommit", text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn keys_of_asynq_are_for_the_redis_crate_alone() {
        let text = "const KEY: &str = \"asynq:{default}:pending\";";
        assert_eq!(problems("aftercommit", text).len(), 1);
        assert_eq!(problems("aftercommit-redis", text), Vec::<String>::new());
    }
}
