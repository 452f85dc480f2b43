//! A mail server on loopback that takes everything, and appends each mail to the effect log before it says so: what a
//! worker has been told to be sent is in the log, and so is what it was not told because it died.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::effects::{Effect, EffectLog, code_hash};
use crate::journal::Clock;

/// The longest line and the longest mail, in bytes. A bank's mail has a few thousand.
const MAIL_MAX: u64 = 256 * 1024;

/// The mail server. Dropped, it is gone.
pub(crate) struct Sink {
    pub(crate) addr: SocketAddr,
    /// How many mails were taken over.
    pub(crate) mails: watch::Receiver<u64>,
    _serving: JoinSet<()>,
}

impl Sink {
    pub(crate) async fn start(log: &Path, clock: Clock) -> anyhow::Result<Self> {
        let log = Arc::new(Mutex::new(EffectLog::create(log)?));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("cannot listen for mail")?;
        let addr = listener.local_addr()?;
        let (count, mails) = watch::channel(0);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut conversations = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                        let (log, count) = (Arc::clone(&log), count.clone());
                        // A conversation that breaks off has left no mail; whoever was in it tries again.
                        conversations.spawn(async move { drop(converse(stream, &log, &count, clock).await) });
                    },
                    Some(_) = conversations.join_next() => {}
                }
            }
        });
        Ok(Self { addr, mails, _serving: serving })
    }
}

/// One connection, until its end.
async fn converse(
    stream: TcpStream,
    log: &Mutex<EffectLog>,
    count: &watch::Sender<u64>,
    clock: Clock,
) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let (input, mut output) = stream.into_split();
    let mut input = BufReader::new(input);
    let (mut from, mut to, mut line) = (String::new(), String::new(), String::new());
    output.write_all(b"220 sink ESMTP\r\n").await?;
    loop {
        line.clear();
        if (&mut input).take(MAIL_MAX).read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer: &[u8] = match &*verb {
            "EHLO" | "HELO" => b"250-sink\r\n250 8BITMIME\r\n",
            "MAIL" => {
                from = between(&line, '<', '>').to_owned();
                b"250 ok\r\n"
            }
            "RCPT" => {
                to = between(&line, '<', '>').to_owned();
                b"250 ok\r\n"
            }
            "DATA" => {
                output.write_all(b"354 go ahead\r\n").await?;
                let mail = mail(&mut input).await?;
                let effect = effect(&from, &to, &mail, clock)?;
                log.lock().unwrap_or_else(PoisonError::into_inner).append(&effect)?;
                count.send_modify(|count| *count += 1);
                b"250 taken over\r\n"
            }
            "NOOP" | "RSET" => b"250 ok\r\n",
            "QUIT" => {
                output.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => b"502 not here\r\n",
        };
        output.write_all(answer).await?;
    }
}

/// Everything up to the line with a single dot.
async fn mail(input: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> anyhow::Result<String> {
    let (mut mail, mut line) = (String::new(), String::new());
    let mut input = input.take(MAIL_MAX);
    loop {
        line.clear();
        anyhow::ensure!(input.read_line(&mut line).await? > 0, "the mail breaks off");
        match &*line {
            ".\r\n" => return Ok(mail),
            line => mail.push_str(line.strip_prefix('.').unwrap_or(line)),
        }
    }
}

/// What a mail of the bank says. A mail without a link is one that the bank should not have sent.
fn effect(from: &str, to: &str, mail: &str, clock: Clock) -> anyhow::Result<Effect> {
    let after =
        |start: &str| mail.lines().find_map(|line| line.split_once(start)).map(|(_, rest)| rest.trim());
    let message_id = after("Message-ID: ").context("a mail without Message-ID")?;
    let code = after("secret_code=").context("a mail without a link")?;
    Ok(Effect {
        at_ms: clock.now_ms(),
        by: from.split('@').next().unwrap_or(from).to_owned(),
        to: to.to_owned(),
        message_id: message_id.to_owned(),
        code_hash: code_hash(code),
    })
}

fn between(line: &str, open: char, close: char) -> &str {
    let inner = line.split_once(open).and_then(|(_, rest)| rest.split_once(close));
    inner.map_or("", |(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects;

    /// Sends lines, and returns what the server says to them.
    async fn dialogue(addr: SocketAddr, lines: &[&str]) -> String {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all((lines.join("\r\n") + "\r\n").as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        said
    }

    #[tokio::test]
    async fn mail_is_in_the_log_once_it_is_taken_over_and_half_a_mail_is_not() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("effects.jsonl");
        let sink = Sink::start(&path, Clock::start()).await.unwrap();
        let start = ["EHLO me", "MAIL FROM:<worker-1.3@bank.example>", "RCPT TO:<u7@chaos.example>", "DATA"];
        let head = [
            "Message-ID: <verify-email.7.ab@bank.example>",
            "",
            "..dot",
            "http://b/v1?email_id=7&secret_code=abc",
        ];
        let whole = [&start[..], &head, &[".", "QUIT"]].concat();
        let said = dialogue(sink.addr, &whole).await;
        assert!(said.ends_with("250 taken over\r\n221 bye\r\n"), "{said}");
        dialogue(sink.addr, &[&start[..], &head].concat()).await;
        let [effect] = &effects::read(&path).unwrap()[..] else { panic!("expected one effect") };
        assert_eq!((&*effect.by, &*effect.to), ("worker-1.3", "u7@chaos.example"));
        assert_eq!(effect.message_id, "<verify-email.7.ab@bank.example>");
        assert_eq!(effect.code_hash, code_hash("abc"));
    }
}
