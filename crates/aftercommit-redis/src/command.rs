//! A command for Redis, before the driver sees it.

use std::fmt::Display;
use std::io::Write as _;

use redis::{Cmd, RedisWrite as _};

/// A command and its arguments, in one buffer that is written as it is.
#[derive(Debug, Clone)]
pub struct Command(pub(crate) Cmd);

impl Command {
    /// A command without arguments yet. A name of two words, as in `CONFIG GET`, is the first word and an argument.
    pub fn new(name: &str) -> Self {
        Self(redis::cmd(name))
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<[u8]>) -> Self {
        self.push(arg);
        self
    }

    /// Adds a number.
    #[must_use]
    pub fn number(mut self, number: impl Display) -> Self {
        self.push_number(number);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<T: AsRef<[u8]>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        for arg in args {
            self.push(arg);
        }
        self
    }

    pub(crate) fn push(&mut self, arg: impl AsRef<[u8]>) {
        self.0.write_arg(arg.as_ref());
    }

    pub(crate) fn push_number(&mut self, number: impl Display) {
        let mut writer = self.0.writer_for_next_arg();
        write!(writer, "{number}").expect("a buffer in memory takes any text");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_written_as_they_are() {
        let command = Command::new("SET").arg("key").args([b"\0\r\n"]).number(-7);
        assert_eq!(
            command.0.get_packed_command(),
            b"*4\r\n$3\r\nSET\r\n$3\r\nkey\r\n$3\r\n\0\r\n\r\n$2\r\n-7\r\n"
        );
    }
}
