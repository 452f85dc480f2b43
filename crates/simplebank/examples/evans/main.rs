//! A gRPC client that knows nothing of the bank beforehand: it asks a running server what there is, and calls it with
//! JSON. `make evans` talks; `make evans CALL='call CreateUser {"username":"alice10",..}'` asks once.

mod codec;
mod reflection;

use anyhow::{Context, Result, bail};
use clap::Parser;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, SerializeOptions};
use reflection::Reflection;
use std::io::{BufRead, Write, stdin, stdout};
use std::process::ExitCode;
use tonic::transport::Channel;

const HELP: &str = "services                list the services
describe NAME           show a service or a message, as in: describe pb.SimpleBank
call METHOD [JSON]      call a method, as in: call VerifyEmail {\"email_id\":\"1\",\"secret_code\":\"x\"}
exit                    leave";

/// Talks to a gRPC server through its reflection service.
#[derive(Parser)]
struct Args {
    /// Where the server is
    #[arg(long, default_value = "http://localhost:9090")]
    server: String,
    /// What to do; without it, lines of standard input say so
    #[arg(trailing_var_arg = true)]
    command: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<()> {
    let channel = Channel::from_shared(args.server.clone())?.connect().await;
    let channel =
        channel.with_context(|| format!("no gRPC server at {}; `make server` starts one", args.server))?;
    if !args.command.is_empty() {
        return obey(&channel, &args.command.join(" ")).await;
    }
    println!("{HELP}");
    loop {
        print!("{} > ", args.server);
        stdout().flush()?;
        let mut line = String::new();
        if stdin().lock().read_line(&mut line)? == 0 || line.trim() == "exit" {
            return Ok(());
        }
        if let Err(error) = obey(&channel, line.trim()).await {
            println!("{error:#}");
        }
    }
}

async fn obey(channel: &Channel, line: &str) -> Result<()> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let mut reflection = Reflection::of(channel);
    match word {
        "" => {}
        "services" => reflection.services().await?.iter().for_each(|name| println!("{name}")),
        "describe" => describe(&reflection.files_of(rest).await?, rest)?,
        "call" => {
            let (method, json) = rest.split_once(' ').unwrap_or((rest, "{}"));
            let method = find(&mut reflection, method).await?;
            println!("{}", call(channel, method, json).await?);
        }
        "help" => println!("{HELP}"),
        _ => bail!("unknown: {word}\n{HELP}"),
    }
    Ok(())
}

fn describe(pool: &DescriptorPool, name: &str) -> Result<()> {
    if let Some(service) = pool.get_service_by_name(name) {
        for method in service.methods() {
            let (input, output) = (method.input(), method.output());
            println!("rpc {}({}) returns ({})", method.name(), input.full_name(), output.full_name());
        }
    } else if let Some(message) = pool.get_message_by_name(name) {
        for field in message.fields() {
            println!("{:>3}  {}: {:?}", field.number(), field.name(), field.kind());
        }
    } else {
        bail!("{name} is neither a service nor a message");
    }
    Ok(())
}

/// The method of this name, in whichever service has it; `pb.SimpleBank.CreateUser` names both.
async fn find(reflection: &mut Reflection, name: &str) -> Result<MethodDescriptor> {
    for service in reflection.services().await? {
        let pool = reflection.files_of(&service).await?;
        let methods = pool
            .get_service_by_name(&service)
            .into_iter()
            .flat_map(|found| found.methods().collect::<Vec<_>>());
        for method in methods {
            if method.name() == name || method.full_name() == name {
                return Ok(method);
            }
        }
    }
    bail!("no service has a method {name}")
}

async fn call(channel: &Channel, method: MethodDescriptor, json: &str) -> Result<String> {
    let mut input = serde_json::Deserializer::from_str(json);
    let message =
        DynamicMessage::deserialize(method.input(), &mut input).context("the request is not right")?;
    input.end().context("something follows the request")?;
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name()).parse()?;
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await?;
    let codec = codec::Dynamic(method.output());
    match client.unary(tonic::Request::new(message), path, codec).await {
        Ok(answer) => {
            let mut text = serde_json::Serializer::pretty(Vec::new());
            let options = SerializeOptions::new().skip_default_fields(false).use_proto_field_name(true);
            answer.into_inner().serialize_with_options(&mut text, &options)?;
            Ok(String::from_utf8(text.into_inner())?)
        }
        Err(status) => bail!("{:?}: {}", status.code(), status.message()),
    }
}
