//! Runs Lua scripts by their hash, and sends a script itself only when Redis does not know it.

use std::fmt::Display;
use std::sync::OnceLock;

use aftercommit_core::Result;
use redis::Value;

use crate::command::Command;
use crate::error::{Fault, is_unknown_script};
use crate::link::{Link, Shape};
use crate::reply::Reply;

/// A Lua script, made for a `static`: `static ENQUEUE: Script = Script::new(include_str!("lua/enqueue.lua"));`
#[derive(Debug)]
pub struct Script {
    code: &'static str,
    hash: OnceLock<String>,
}

/// One run of a script.
#[derive(Debug, Clone)]
pub struct Invocation {
    script: &'static Script,
    command: Command,
}

impl Script {
    /// A script with this text.
    pub const fn new(code: &'static str) -> Self {
        Self { code, hash: OnceLock::new() }
    }

    /// A run of it with these keys, which all belong to one queue, and no arguments yet.
    pub fn call(&'static self, keys: &[&str]) -> Invocation {
        let command = Command::new("EVALSHA").arg(self.hash()).number(keys.len()).args(keys);
        Invocation { script: self, command }
    }

    fn hash(&self) -> &str {
        self.hash.get_or_init(|| redis::Script::new(self.code).get_hash().to_owned())
    }

    fn load(&self) -> Command {
        Command::new("SCRIPT").arg("LOAD").arg(self.code)
    }
}

impl Invocation {
    /// Adds an argument.
    pub fn arg(&mut self, arg: impl AsRef<[u8]>) -> &mut Self {
        self.command.push(arg);
        self
    }

    /// Adds a number.
    pub fn number(&mut self, number: impl Display) -> &mut Self {
        self.command.push_number(number);
        self
    }

    /// The same, with the script itself instead of its hash.
    fn by_text(&self) -> Command {
        let mut command = Command::new("EVAL").arg(self.script.code);
        for arg in self.command.0.args_iter().skip(2) {
            if let redis::Arg::Simple(arg) = arg {
                command.push(arg);
            }
        }
        command
    }
}

impl Link {
    /// Runs a script. If Redis does not know it, nothing was done, and it is sent as text: two round trips, once.
    pub async fn eval(&self, doing: &'static str, invocation: &Invocation) -> Result<Reply> {
        let fault = |fault: Fault| fault.while_trying_to(doing);
        match self.send_one(&invocation.command).await {
            Err(Fault::Call(error)) if is_unknown_script(&error) => {
                self.send_one(&invocation.by_text()).await.map(Reply::from).map_err(fault)
            }
            answer => answer.map(Reply::from).map_err(fault),
        }
    }

    /// Runs scripts in one round trip, in their order. One result for each.
    ///
    /// Those that Redis does not know were not run. They, and no others, are sent once more behind their text: a second
    /// round trip, and behind those that ran.
    pub async fn eval_all(&self, doing: &'static str, invocations: &[Invocation]) -> Vec<Result<Reply>> {
        let commands: Vec<Command> = invocations.iter().map(|it| it.command.clone()).collect();
        let mut answers = self.send_each(&commands).await;
        let unknown: Vec<usize> = (0..answers.len()).filter(|at| is_unknown(&answers[*at])).collect();
        if !unknown.is_empty() {
            let again = self.run_again(unknown.iter().map(|at| &invocations[*at]).collect()).await;
            for (at, answer) in unknown.into_iter().zip(again) {
                answers[at] = answer;
            }
        }
        let result =
            |answer: Result<Value, Fault>| answer.map(Reply::from).map_err(|it| it.while_trying_to(doing));
        answers.into_iter().map(result).collect()
    }

    async fn run_again(&self, invocations: Vec<&Invocation>) -> Vec<Result<Value, Fault>> {
        if self.shape() == Shape::Cluster {
            // Each node has its own scripts, and commands to different nodes have no order.
            return self.send_each(&invocations.iter().map(|it| it.by_text()).collect::<Vec<_>>()).await;
        }
        let mut scripts: Vec<&'static Script> = Vec::new();
        for invocation in &invocations {
            if !scripts.iter().any(|script| std::ptr::eq(*script, invocation.script)) {
                scripts.push(invocation.script);
            }
        }
        let loads = scripts.iter().map(|script| script.load());
        let commands: Vec<Command> = loads.chain(invocations.iter().map(|it| it.command.clone())).collect();
        // A script that could not be loaded shows in the answers of its runs.
        self.send_each(&commands).await.split_off(scripts.len())
    }
}

fn is_unknown(answer: &Result<Value, Fault>) -> bool {
    matches!(answer, Err(Fault::Call(error)) if is_unknown_script(error))
}
