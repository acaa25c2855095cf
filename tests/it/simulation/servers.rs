//! A webhook receiver, an MQTT broker and a mail server that do as the script says, and remember which events they took.
//!
//! What they know stays while runtimes come and go; their ports are theirs from the beginning to the end.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a server does with who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray, strum::IntoStaticStr)]
pub(super) enum Mood {
    Well,
    /// Ends connections before a word is said.
    Closed,
    /// Never answers: a broker that never acknowledges, a mail server that is silent at the end of a message.
    Silent,
    /// Takes an event, and ends the connection in place of the answer.
    Cut,
    /// Says that it is in trouble.
    Trouble,
    /// Says that it will never take this.
    Never,
    /// Takes its time.
    Slow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
pub(super) enum Kind {
    Webhook,
    Mqtt,
    Email,
}

/// An event that was taken.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    /// When, as a number that counts all that happens.
    pub(super) at: u64,
    pub(super) id: String,
    /// Of a webhook: where it was sent to.
    pub(super) path: String,
    /// Whoever sent it can know.
    pub(super) told: bool,
}

/// What happened, counted, and whether the store is broken at the moment: what was taken then is not always noted.
#[derive(Debug, Default)]
pub(super) struct Course {
    count: AtomicU64,
    pub(super) store_is_broken: AtomicBool,
    /// When something happened after which an event may be sent again.
    disturbed: Mutex<Vec<u64>>,
}

impl Course {
    fn next(&self) -> u64 {
        self.count.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn disturb(&self) {
        let at = self.next();
        self.disturbed.lock().unwrap().push(at);
    }

    /// Whether an event that was taken then may be sent again at that later time.
    pub(super) fn is_disturbed(&self, from: u64, to: u64) -> bool {
        self.disturbed.lock().unwrap().iter().any(|at| (from..to).contains(at))
    }
}

#[derive(Debug)]
pub(super) struct Server {
    pub(super) kind: Kind,
    pub(super) port: u16,
    listener: std::net::TcpListener,
    course: Arc<Course>,
    mood: Mutex<Mood>,
    taken: Mutex<Vec<Taken>>,
    /// How often who came met a mood.
    met: Mutex<Vec<Mood>>,
}

impl Server {
    pub(super) fn new(kind: Kind, course: Arc<Course>) -> Arc<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mood = Mutex::new(Mood::Well);
        let (taken, met) = (Mutex::default(), Mutex::default());
        Arc::new(Self { kind, port, listener, course, mood, taken, met })
    }

    pub(super) fn is_in(&self, mood: Mood) -> bool {
        self.now() == mood
    }

    pub(super) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(super) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    pub(super) fn met(&self) -> Vec<Mood> {
        self.met.lock().unwrap().clone()
    }

    /// Serves in this runtime, as long as it lives.
    pub(super) fn serve(self: &Arc<Self>) {
        let listener = TcpListener::from_std(self.listener.try_clone().unwrap()).unwrap();
        let server = self.clone();
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                // What waits in the kernel goes by the machine's clock, and ours would run on meanwhile.
                stream.set_nodelay(true).unwrap();
                let server = server.clone();
                tokio::spawn(async move {
                    if server.now() == Mood::Closed {
                        server.meet(Mood::Closed);
                        return;
                    }
                    match server.kind {
                        Kind::Webhook => server.webhook(BufReader::new(stream)).await,
                        Kind::Mqtt => server.mqtt(stream).await,
                        Kind::Email => server.email(BufReader::new(stream)).await,
                    };
                });
            }
        });
    }

    fn now(&self) -> Mood {
        *self.mood.lock().unwrap()
    }

    fn meet(&self, mood: Mood) {
        let mut met = self.met.lock().unwrap();
        if !met.contains(&mood) {
            met.push(mood);
        }
    }

    /// Judges an event that came: takes it or not. Which answer it gets; `None`: the connection ends.
    async fn judge(&self, id: &str, path: &str) -> Option<Mood> {
        let mood = self.now();
        self.meet(mood);
        match mood {
            Mood::Silent => std::future::pending().await,
            Mood::Closed => return None,
            Mood::Slow => tokio::time::sleep(Duration::from_secs(4)).await,
            _ => {}
        }
        if matches!(mood, Mood::Well | Mood::Slow | Mood::Cut) {
            let told = mood != Mood::Cut && !self.course.store_is_broken.load(Ordering::SeqCst);
            let (id, path) = (id.to_owned(), path.to_owned());
            let taken = Taken { at: self.course.next(), id, path, told };
            self.taken.lock().unwrap().push(taken);
        }
        (mood != Mood::Cut).then_some(mood)
    }

    async fn webhook(&self, mut stream: BufReader<TcpStream>) -> Option<()> {
        loop {
            let (mut id, mut path, mut length) = (String::new(), String::new(), 0);
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.ok()? == 0 {
                    return None;
                }
                match line.trim_end().to_ascii_lowercase().split_once(": ") {
                    Some(("x-bursar-event-id", value)) => value.clone_into(&mut id),
                    Some(("content-length", value)) => length = value.parse().unwrap(),
                    None if line == "\r\n" => break,
                    None => path = line.split(' ').nth(1).unwrap_or_default().to_owned(),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.ok()?;
            let answer = match self.judge(&id, &path).await? {
                Mood::Trouble => "503 Service Unavailable\r\nretry-after: 2",
                Mood::Never => "400 Bad Request",
                _ => "200 OK",
            };
            let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
    }

    async fn mqtt(&self, mut stream: TcpStream) -> Option<()> {
        loop {
            let kind = stream.read_u8().await.ok()?;
            let (mut length, mut shift) = (0_usize, 0);
            loop {
                let byte = stream.read_u8().await.ok()?;
                length |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.ok()?;
            match kind >> 4 {
                1 if self.now() == Mood::Trouble => {
                    self.meet(Mood::Trouble);
                    // The server is unavailable.
                    stream.write_all(&[0x20, 2, 0, 3]).await.ok()?;
                    return None;
                }
                1 => stream.write_all(&[0x20, 2, 0, 0]).await.ok()?,
                3 => {
                    let end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
                    // What says whether the daemon is online is no event.
                    if let Some(id) = event_id(&body[end + 2..]) {
                        let mood = self.judge(&id, "").await?;
                        if matches!(mood, Mood::Never | Mood::Trouble) {
                            return None;
                        }
                    }
                    stream.write_all(&[0x40, 2, body[end], body[end + 1]]).await.ok()?;
                }
                12 => stream.write_all(&[0xd0, 0]).await.ok()?,
                _ => return None,
            }
        }
    }

    async fn email(&self, mut stream: BufReader<TcpStream>) -> Option<()> {
        stream.write_all(b"220 mail.test ESMTP\r\n").await.ok()?;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let answer = match line.trim_end().split([' ', ':']).next().unwrap_or_default() {
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await.ok()?;
                    let mut id = String::new();
                    loop {
                        let mut line = String::new();
                        if stream.read_line(&mut line).await.ok()? == 0 {
                            return None;
                        }
                        if let Some(value) = line.strip_prefix("X-Bursar-Event-Id: ") {
                            value.trim_end().clone_into(&mut id);
                        }
                        if line == ".\r\n" {
                            break;
                        }
                    }
                    match self.judge(&id, "").await? {
                        Mood::Trouble => "451 4.3.0 later",
                        Mood::Never => "554 5.6.0 never",
                        _ => "250 2.0.0 taken",
                    }
                }
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        }
    }
}

fn event_id(payload: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(payload).ok()?;
    Some(json["eventId"].as_str()?.to_owned())
}
