//! A mail server that answers as a test says, without encryption. What it took can be looked at.

#![expect(clippy::unwrap_used, reason = "test support: a panic is the failed test")]

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The step that a line of the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Auth,
    Mail,
    Rcpt,
    Data,
    /// The end of the message.
    Message,
}

/// Answers to lines: the first that fits counts. `""` fits every line of its step.
pub type Answers = Vec<(Step, &'static str, &'static str)>;

pub struct MailServer {
    pub port: u16,
    answers: Arc<Mutex<Answers>>,
    /// Recipients of each message that was taken.
    taken: Arc<Mutex<Vec<Vec<String>>>>,
    lines: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl MailServer {
    pub async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers = Arc::new(Mutex::new(answers));
        let (taken, lines) = (Arc::default(), Arc::default());
        let task = tokio::spawn({
            let (answers, taken, lines) = (answers.clone(), Arc::clone(&taken), Arc::clone(&lines));
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (answers, taken) = (answers.clone(), Arc::clone(&taken));
                    let lines = Arc::clone(&lines);
                    tokio::spawn(async move { talk(stream, &answers, &taken, &lines).await });
                }
            }
        });
        Self { port, answers, taken, lines, task }
    }

    pub fn set(&self, answers: Answers) {
        *self.answers.lock().unwrap() = answers;
    }

    /// Recipients of each message that was taken, in order.
    pub fn taken(&self) -> Vec<Vec<String>> {
        self.taken.lock().unwrap().clone()
    }

    /// All that clients said; of messages their subjects only.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn talk(
    stream: TcpStream,
    answers: &Mutex<Answers>,
    taken: &Mutex<Vec<Vec<String>>>,
    lines: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mail.test ESMTP\r\n").await?;
    let mut to = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        lines.lock().unwrap().push(line.clone());
        let (step, usual) = match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => (None, "250-mail.test\r\n250 AUTH PLAIN LOGIN XOAUTH2"),
            "AUTH" => (Some(Step::Auth), "235 2.7.0 welcome"),
            "MAIL" => (Some(Step::Mail), "250 2.1.0 ok"),
            "RCPT" => (Some(Step::Rcpt), "250 2.1.5 ok"),
            "DATA" => (Some(Step::Data), "354 go on"),
            "QUIT" => (None, "221 bye"),
            // What follows a challenge.
            "" => (None, "535 5.7.8 the token is not good"),
            _ => (None, "250 ok"),
        };
        let told = |step: Step, line: &str| {
            let all = answers.lock().unwrap();
            all.iter().find(|(of, part, _)| *of == step && line.contains(part)).map(|(_, _, a)| *a)
        };
        let answer = step.and_then(|step| told(step, &line)).unwrap_or(usual);
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        match step {
            Some(Step::Mail) => to.clear(),
            Some(Step::Rcpt) if answer.starts_with('2') => to.push(line),
            Some(Step::Data) if answer.starts_with('3') => {
                loop {
                    let mut line = String::new();
                    if stream.read_line(&mut line).await? == 0 {
                        return Ok(());
                    }
                    if line == ".\r\n" {
                        break;
                    }
                    if line.starts_with("Subject: ") {
                        lines.lock().unwrap().push(line.trim_end().to_owned());
                    }
                }
                let answer = told(Step::Message, "").unwrap_or("250 2.0.0 taken");
                if answer.starts_with('2') {
                    let bare = |line: &String| line["RCPT TO:<".len()..line.len() - 1].to_owned();
                    taken.lock().unwrap().push(to.iter().map(bare).collect());
                }
                stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
            }
            _ => {}
        }
    }
}
