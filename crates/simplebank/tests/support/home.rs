//! The directory a bank lives in, and its processes started there on ports that the system picks.

use crate::process::Process;
use aftercommit_servers::PostgresServer;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// Settings of every process that no test is about: free ports, and hashes that cost nothing.
const SETTINGS: [(&str, &str); 3] = [
    ("HTTP_SERVER_ADDRESS", "127.0.0.1:0"),
    ("GRPC_SERVER_ADDRESS", "127.0.0.1:0"),
    ("PASSWORD_HASH", "argon2id:m=8,t=1,p=1"),
];

/// The password of every user.
pub(crate) const PASSWORD: &str = "secret123";

/// A directory with a database, a key and mails, for as long as this lives.
pub(crate) struct Home {
    directory: TempDir,
    /// Settings of every process here, beside [`SETTINGS`].
    pub(crate) settings: Vec<(&'static str, String)>,
    /// What every line of their logs is printed behind; without it, nothing is printed.
    pub(crate) prefix: Option<&'static str>,
    /// A server that has its data, and that others use as well.
    pub(crate) _shared: Option<Arc<PostgresServer>>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), settings: Vec::new(), prefix: None, _shared: None }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Starts a process of the bank. It sees these settings, and nothing else of this process's environment.
    pub(crate) fn run(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_simplebank"));
        command.args(arguments).current_dir(self.path()).env_clear();
        command.envs(SETTINGS);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.envs(settings.iter().copied());
        Process::start(&mut command, self.prefix)
    }

    /// Starts a whole bank, and waits until it serves and takes tasks.
    pub(crate) async fn bank(&self, settings: &[(&str, &str)]) -> Server {
        let server = Server::of(self.run(&[], settings)).await;
        server.line("Starting processing").await;
        server
    }

    /// Starts a bank that serves requests and runs no tasks.
    pub(crate) async fn serve(&self, settings: &[(&str, &str)]) -> Server {
        Server::of(self.run(&["serve"], settings)).await
    }

    /// Starts a bank that runs tasks and serves no requests.
    pub(crate) async fn worker(&self, settings: &[(&str, &str)]) -> Process {
        let worker = self.run(&["worker"], settings);
        worker.line("Starting processing").await;
        worker
    }
}

/// A process that serves, with its HTTP port and a client.
pub(crate) struct Server {
    process: Process,
    pub(crate) http: String,
    client: Client,
}

impl Deref for Server {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl Server {
    async fn of(process: Process) -> Self {
        let http = address(&process, "start HTTP gateway server at ").await;
        let client = Client::builder().no_proxy().build().unwrap();
        Self { process, http, client }
    }

    pub(crate) fn into_process(self) -> Process {
        self.process
    }

    pub(crate) fn request(&self, verb: Method, path: &str) -> RequestBuilder {
        self.client.request(verb, format!("http://{}{path}", self.http))
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path)).await.unwrap()
    }

    /// Asks for a new user, and expects the process to live long enough to answer.
    pub(crate) async fn sign_up(&self, username: &str) -> (StatusCode, Value) {
        answer(self.create_user(username)).await.unwrap()
    }

    /// The request for a new user.
    pub(crate) fn create_user(&self, username: &str) -> RequestBuilder {
        self.request(Method::POST, "/v1/create_user").json(&user(username))
    }
}

/// Where the process listens, by its own words.
pub(crate) async fn address(process: &Process, words: &str) -> String {
    let line = process.line(words).await;
    let (_, address) = line.split_once(words).expect("the line contains the words");
    address.trim_end_matches(['"', '}']).to_owned()
}

/// The body of a request for a user of this name.
pub(crate) fn user(username: &str) -> Value {
    json!({"username": username, "password": PASSWORD, "full_name": "Alice Ten", "email": mailbox_of(username)})
}

/// The e-mail address of the user of this name.
pub(crate) fn mailbox_of(username: &str) -> String {
    format!("{username}@email.com")
}

/// Sends a request and takes the answer apart.
pub(crate) async fn answer(request: RequestBuilder) -> reqwest::Result<(StatusCode, Value)> {
    let response = request.timeout(crate::process::PATIENCE).send().await?;
    Ok((response.status(), response.json().await?))
}
