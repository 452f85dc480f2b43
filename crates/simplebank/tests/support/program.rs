//! Programs that are started by a test and end with it.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A program started by a test. It is killed when this is dropped, and notices the end of its standard input
/// if the test itself was killed.
pub(crate) struct Program {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Program {
    /// Starts a program, with its input and output connected to this process.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program is there");
        let stdout = BufReader::new(child.stdout.take().expect("it was piped"));
        Self { child, stdout }
    }

    /// Waits for the next line of its output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("it prints text");
        assert!(!line.is_empty(), "program ended: {:?}", self.child.wait());
        line.trim_end().to_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone after the wait.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
