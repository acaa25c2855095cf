//! A real Mosquitto on a free loopback port, in a temporary folder, and a subscriber to look at
//! what arrives there.

#![expect(clippy::unwrap_used, reason = "test support: a panic is the failed test")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rumqttc_v4::{
    AsyncClient, Broker, Event, MqttOptions, Packet, PublishOptions, QoS, SubscribeReasonCode,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// How long anything may take that a test waits for.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Polls `condition` until it holds; panics with `what` after [`DEADLINE`].
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// A running broker; killed on drop. Its folder outlives [`stop`](Self::stop).
pub struct Mosquitto {
    child: Option<Child>,
    dir: TempDir,
    pub port: u16,
}

impl Mosquitto {
    /// Anybody may do anything.
    pub async fn plain() -> Self {
        Self::with("allow_anonymous true\n").await
    }

    /// Only this user may connect.
    pub async fn with_password(user: &str, password: &str) -> Self {
        let dir = tempdir();
        let file = dir.path().join("passwords");
        let made = Command::new("mosquitto_passwd")
            .args(["-c", "-b"])
            .arg(&file)
            .args([user, password])
            .status()
            .expect("mosquitto_passwd not found: apt-get install mosquitto");
        assert!(made.success());
        let config = format!("allow_anonymous false\npassword_file {}\n", file.display());
        Self::in_dir(dir, &config).await
    }

    /// TLS, and only clients with a certificate of this authority.
    pub async fn with_tls(pki: &Pki) -> Self {
        let config = format!(
            "allow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n",
            pki.ca.display(),
            pki.server.0.display(),
            pki.server.1.display()
        );
        Self::with(&config).await
    }

    /// Own lines of configuration for the one listener.
    pub async fn with(config: &str) -> Self {
        Self::in_dir(tempdir(), config).await
    }

    async fn in_dir(dir: TempDir, config: &str) -> Self {
        let mut broker = Self { child: None, dir, port: 0 };
        // Between choosing a port and listening on it somebody else may take it.
        for _ in 0..5 {
            let port = free_port();
            let folder = broker.dir.path().display();
            let whole = format!(
                "user root\nlistener {port} 127.0.0.1\n{config}\
                 persistence true\npersistence_location {folder}/\n\
                 max_queued_messages 100000\n\
                 log_dest file {folder}/log\nlog_type all\n"
            );
            std::fs::write(broker.dir.path().join("mosquitto.conf"), whole).unwrap();
            broker.port = port;
            if broker.try_start().await {
                return broker;
            }
        }
        panic!("mosquitto does not start: {}", broker.log());
    }

    /// Starts again, on the same port, with what was persisted.
    pub async fn start(&mut self) {
        assert!(self.try_start().await, "mosquitto does not start again: {}", self.log());
    }

    async fn try_start(&mut self) -> bool {
        let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .unwrap_or("mosquitto");
        let mut child = Command::new(program)
            .arg("-c")
            .arg(self.dir.path().join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto not found: apt-get install mosquitto");
        let deadline = Instant::now() + DEADLINE;
        loop {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                self.child = Some(child);
                return true;
            }
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(Instant::now() < deadline, "mosquitto does not listen: {}", self.log());
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops as an administrator would: sessions and retained messages are written first.
    pub async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        eventually("mosquitto ends", || child.try_wait().unwrap().is_some()).await;
    }

    /// What the broker wrote to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn tempdir() -> TempDir {
    tempfile::Builder::new().prefix("bursar-mosquitto-").tempdir().unwrap()
}

/// A message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub topic: String,
    pub payload: String,
    /// It was kept by the broker from before the subscription.
    pub retain: bool,
}

/// Collects all that arrives on a filter. Its session survives a restart of the broker, so nothing
/// acknowledged is missed.
pub struct Subscriber {
    received: Arc<Mutex<Vec<Received>>>,
    task: JoinHandle<()>,
}

impl Subscriber {
    /// Returns once the broker confirmed the subscription.
    pub async fn new(port: u16, filter: &str) -> Self {
        Self::with_login(port, filter, None).await
    }

    pub async fn with_login(port: u16, filter: &str, login: Option<(&str, &str)>) -> Self {
        let id = format!("subscriber-{}", uuid::Uuid::new_v4().simple());
        let mut options = MqttOptions::new(id, Broker::tcp("127.0.0.1", port));
        options.set_clean_session(false);
        // Its own limit is 10 KB.
        options.set_max_packet_size(1 << 28, 1 << 28);
        if let Some((user, password)) = login {
            options.set_credentials(user.to_owned(), password.to_owned());
        }
        let (client, mut events) = AsyncClient::builder(options).capacity(10).build();
        client.subscribe(filter.to_owned(), QoS::AtLeastOnce).await.unwrap();

        let received = Arc::new(Mutex::new(Vec::new()));
        let subscribed = Arc::new(Mutex::new(false));
        let task = tokio::spawn({
            let (received, subscribed) = (received.clone(), subscribed.clone());
            async move {
                let _keep = client;
                loop {
                    match events.poll().await {
                        Ok(Event::Incoming(Packet::Publish(publish))) => {
                            received.lock().unwrap().push(Received {
                                topic: String::from_utf8(publish.topic.to_vec()).unwrap(),
                                payload: String::from_utf8(publish.payload.to_vec()).unwrap(),
                                retain: publish.retain,
                            });
                        }
                        Ok(Event::Incoming(Packet::SubAck(ack))) => {
                            assert!(!ack.return_codes.contains(&SubscribeReasonCode::Failure));
                            *subscribed.lock().unwrap() = true;
                        }
                        Ok(_) => {}
                        Err(_) => sleep(Duration::from_millis(20)).await,
                    }
                }
            }
        });
        eventually("subscribed", || *subscribed.lock().unwrap()).await;
        Self { received, task }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Payloads that arrived on one topic, in order.
    pub fn on(&self, topic: &str) -> Vec<String> {
        self.received().into_iter().filter(|m| m.topic == topic).map(|m| m.payload).collect()
    }

    /// Waits until what arrived meets the condition.
    pub async fn until(&self, what: &str, condition: impl Fn(&[Received]) -> bool) {
        eventually(what, || condition(&self.received.lock().unwrap())).await;
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a new subscriber finds on a topic: the retained message, if there is one.
pub async fn retained(port: u16, topic: &str) -> Option<String> {
    // A second topic with a message of its own tells when the broker has sent all it had.
    let marker = format!("marker/{}", uuid::Uuid::new_v4().simple());
    let options = MqttOptions::new(
        format!("look-{}", uuid::Uuid::new_v4().simple()),
        Broker::tcp("127.0.0.1", port),
    );
    let (client, mut events) = AsyncClient::builder(options).capacity(10).build();
    client.subscribe(topic.to_owned(), QoS::AtLeastOnce).await.unwrap();
    client.subscribe(marker.clone(), QoS::AtLeastOnce).await.unwrap();
    let look = async {
        let (mut found, mut confirmed) = (None, 0);
        loop {
            match events.poll().await.unwrap() {
                Event::Incoming(Packet::SubAck(_)) => {
                    confirmed += 1;
                    if confirmed == 2 {
                        let options = PublishOptions::new(QoS::AtLeastOnce);
                        client.publish(marker.clone(), "end", options).await.unwrap();
                    }
                }
                Event::Incoming(Packet::Publish(publish)) if publish.topic == marker.as_bytes() => {
                    return found;
                }
                Event::Incoming(Packet::Publish(publish)) => {
                    assert!(publish.retain);
                    found = Some(String::from_utf8(publish.payload.to_vec()).unwrap());
                }
                _ => {}
            }
        }
    };
    tokio::time::timeout(DEADLINE, look).await.expect("the broker answers")
}

/// A test authority with a server certificate for `broker.test` and a client certificate.
pub struct Pki {
    _dir: TempDir,
    pub ca: PathBuf,
    pub server: (PathBuf, PathBuf),
    pub client: (PathBuf, PathBuf),
}

/// The only name in the server's certificate.
pub const SERVER_NAME: &str = "broker.test";

impl Pki {
    pub fn new() -> Self {
        use rcgen::{
            BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
        };
        let dir = tempdir();
        let write = |name: &str, text: String| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name.push(DnType::CommonName, "test authority");
        let ca_key = KeyPair::generate().unwrap();
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let issuer = rcgen::Issuer::new(ca, ca_key);
        let leaf = |file: &str, name: &str, usage: ExtendedKeyUsagePurpose| {
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            params.extended_key_usages.push(usage);
            let key = KeyPair::generate().unwrap();
            let cert = params.signed_by(&key, &issuer).unwrap();
            (
                write(&format!("{file}.pem"), cert.pem()),
                write(&format!("{file}_key.pem"), key.serialize_pem()),
            )
        };
        let server = leaf("server", SERVER_NAME, ExtendedKeyUsagePurpose::ServerAuth);
        let client = leaf("client", "bursar", ExtendedKeyUsagePurpose::ClientAuth);
        let ca = write("ca.pem", ca_pem);
        Self { _dir: dir, ca, server, client }
    }
}
