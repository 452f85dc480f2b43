//! A command for Redis, before the driver sees it.

use bytes::Bytes;
use redis::Cmd;

/// What the driver adds to each argument: its length and two line breaks.
const FRAME_BYTES: usize = 16;

/// A command and its arguments. Arguments are shared, not copied, until the driver writes them.
#[derive(Debug, Clone)]
pub struct Command {
    name: &'static str,
    args: Vec<Bytes>,
}

impl Command {
    /// A command without arguments yet. A name of two words, as in `CONFIG GET`, is the first word and an argument.
    pub fn new(name: &'static str) -> Self {
        Self { name, args: Vec::new() }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl Into<Bytes>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = Bytes>) -> Self {
        self.args.extend(args);
        self
    }

    /// What is written, in one buffer of the right size.
    pub(crate) fn packed(&self) -> Cmd {
        let bytes = self.args.iter().map(|arg| arg.len() + FRAME_BYTES).sum::<usize>();
        let mut cmd = Cmd::with_capacity(self.args.len() + 1, self.name.len() + bytes);
        cmd.arg(self.name);
        for arg in &self.args {
            cmd.arg(&arg[..]);
        }
        cmd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_written_as_they_are() {
        let command = Command::new("SET").arg("key").args([Bytes::from_static(b"\0\r\n")]);
        assert_eq!(
            command.packed().get_packed_command(),
            b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$3\r\n\0\r\n\r\n"
        );
    }
}
