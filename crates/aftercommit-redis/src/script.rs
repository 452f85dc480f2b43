//! Runs Lua scripts by their hash, and sends a script itself only when Redis does not know it.

use std::sync::OnceLock;

use aftercommit_core::Result;
use bytes::Bytes;
use redis::Value;

use crate::command::Command;
use crate::error::{Fault, is_unknown_script};
use crate::link::{Link, Shape};
use crate::reply::Reply;

/// A Lua script, made for a `static`: `static ENQUEUE: Script = Script::new(include_str!("lua/enqueue.lua"));`
#[derive(Debug)]
pub struct Script {
    code: &'static str,
    hash: OnceLock<Bytes>,
}

/// One run of a script.
#[derive(Debug, Clone)]
pub struct Invocation {
    script: &'static Script,
    keys: Vec<Bytes>,
    args: Vec<Bytes>,
}

impl Script {
    /// A script with this text.
    pub const fn new(code: &'static str) -> Self {
        Self { code, hash: OnceLock::new() }
    }

    /// A run of it with these keys, which all belong to one queue, and these arguments.
    pub fn run(&'static self, keys: Vec<Bytes>, args: Vec<Bytes>) -> Invocation {
        Invocation { script: self, keys, args }
    }

    fn hash(&self) -> Bytes {
        self.hash.get_or_init(|| redis::Script::new(self.code).get_hash().to_owned().into()).clone()
    }

    fn load(&self) -> Command {
        Command::new("SCRIPT").arg("LOAD").arg(self.code)
    }
}

impl Invocation {
    fn by_hash(&self) -> Command {
        self.with(Command::new("EVALSHA").arg(self.script.hash()))
    }

    fn by_text(&self) -> Command {
        self.with(Command::new("EVAL").arg(self.script.code))
    }

    fn with(&self, command: Command) -> Command {
        let count = self.keys.len().to_string();
        command.arg(count).args(self.keys.iter().cloned()).args(self.args.iter().cloned())
    }
}

impl Link {
    /// Runs a script. If Redis does not know it, nothing was done, and it is sent as text: two round trips, once.
    pub async fn eval(&self, doing: &'static str, invocation: &Invocation) -> Result<Reply> {
        let fault = |fault: Fault| fault.while_trying_to(doing);
        match self.send_one(&invocation.by_hash()).await {
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
        let commands: Vec<Command> = invocations.iter().map(Invocation::by_hash).collect();
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
        let commands: Vec<Command> = loads.chain(invocations.iter().map(|it| it.by_hash())).collect();
        // A script that could not be loaded shows in the answers of its runs.
        self.send_each(&commands).await.split_off(scripts.len())
    }
}

fn is_unknown(answer: &Result<Value, Fault>) -> bool {
    matches!(answer, Err(Fault::Call(error)) if is_unknown_script(error))
}
