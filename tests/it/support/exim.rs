//! A real Exim, started for each connection as inetd would (`exim4 -bs` with the socket as its
//! standard input), so that no daemon outlives a test. It delivers into files of a folder.
//!
//! Exim takes foreign settings from root alone. Without root the tests ask `sudo`.

#![expect(clippy::unwrap_used, reason = "test support: a panic is the failed test")]

use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::mosquitto::{Pki, eventually};

const EXIM: &str = "/usr/sbin/exim4";

/// What the server offers.
#[derive(Clone, Copy, Default)]
pub struct Offers<'a> {
    /// STARTTLS, with this certificate.
    pub starttls: Option<&'a Pki>,
    /// TLS from the first byte.
    pub tls: Option<&'a Pki>,
    /// The user [`USER`] must log in.
    pub login: bool,
}

pub const USER: &str = "bursar";
pub const PASSWORD: &str = "pw \"ä\\";

/// A running mail server. Addresses: `nobody@` does not exist.
pub struct Exim {
    pub port: u16,
    dir: TempDir,
    arguments: Vec<String>,
    task: Option<JoinHandle<()>>,
}

impl Exim {
    pub async fn start(offers: Offers<'_>) -> Self {
        assert!(Path::new(EXIM).exists(), "apt-get install exim4-daemon-light");
        let dir = tempfile::Builder::new().prefix("bursar-exim-").tempdir().unwrap();
        let folder = dir.path();
        open_to_all(folder);
        for name in ["spool", "mail", "flags"] {
            std::fs::create_dir(folder.join(name)).unwrap();
            open_to_all(&folder.join(name));
        }
        // Exim's own logs are for its user's eyes only.
        std::fs::write(folder.join("mainlog"), "").unwrap();
        std::fs::set_permissions(folder.join("mainlog"), std::fs::Permissions::from_mode(0o666))
            .unwrap();
        let mut tls = "tls_advertise_hosts =\n".to_owned();
        if let Some(pki) = offers.starttls.or(offers.tls) {
            let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
            for (from, to) in [(&pki.server.0, &cert), (&pki.server.1, &key)] {
                std::fs::copy(from, to).unwrap();
                open_to_all(to);
            }
            tls = format!(
                "tls_advertise_hosts = *\ntls_certificate = {}\ntls_privatekey = {}\n",
                cert.display(),
                key.display()
            );
        }
        let login = if offers.login {
            "accept authenticated = *\n  deny message = log in first"
        } else {
            "accept"
        };
        let config = folder.join("exim.conf");
        std::fs::write(
            &config,
            CONFIG
                .replace("@DIR@", &folder.display().to_string())
                .replace("@TLS@", &tls)
                .replace("@LOGIN@", login)
                .replace("@USER@", USER)
                .replace("@PASSWORD@", &PASSWORD.replace('\\', "\\\\")),
        )
        .unwrap();
        std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o644)).unwrap();
        let mut arguments = vec!["-C".to_owned(), config.display().to_string(), "-bs".to_owned()];
        if offers.tls.is_some() {
            arguments.push("-tls-on-connect".to_owned());
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut exim = Self { port, dir, arguments, task: None };
        exim.serve(listener);
        exim
    }

    fn serve(&mut self, listener: TcpListener) {
        let arguments = self.arguments.clone();
        let errors = self.dir.path().join("errors");
        self.task = Some(tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let socket = socket.into_std().unwrap();
                socket.set_nonblocking(false).unwrap();
                let socket = OwnedFd::from(socket);
                let errors =
                    std::fs::OpenOptions::new().create(true).append(true).open(&errors).unwrap();
                let mut child = exim()
                    .args(&arguments)
                    .stdin(Stdio::from(socket.try_clone().unwrap()))
                    .stdout(Stdio::from(socket))
                    .stderr(errors)
                    .spawn()
                    .unwrap();
                // Reaped, and joined by nobody: it ends with its connection.
                std::thread::spawn(move || child.wait());
            }
        }));
    }

    /// From now on nothing listens.
    pub async fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
    }

    /// Listens again, on the same port.
    pub async fn start_again(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.serve(listener);
    }

    /// Until [`unset`](Self::unset): `later-NAME` refuses a recipient for now, `data-later` and
    /// `data-never` refuse messages.
    pub fn set(&self, flag: &str) {
        std::fs::write(self.flag(flag), "").unwrap();
    }

    pub fn unset(&self, flag: &str) {
        std::fs::remove_file(self.flag(flag)).unwrap();
    }

    fn flag(&self, name: &str) -> PathBuf {
        self.dir.path().join("flags").join(name)
    }

    /// What was delivered, each message once, in the order of delivery.
    pub fn mails(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.path().join("mail")).unwrap();
        let mut files: Vec<_> = entries
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_name().to_string_lossy().starts_with('q'))
            .collect();
        files.sort_by_key(|entry| entry.metadata().unwrap().modified().unwrap());
        files.iter().map(|entry| std::fs::read_to_string(entry.path()).unwrap()).collect()
    }

    /// Waits until so many messages were delivered, and until nothing is on its way any more.
    pub async fn until(&self, count: usize) -> Vec<String> {
        let done = || self.log().matches(" Completed").count();
        eventually("the mails are delivered", || done() >= count).await;
        let taken = self.log().matches(" <= ").count();
        eventually("the server is idle", || done() >= taken).await;
        let mails = self.mails();
        assert_eq!(mails.len(), count, "{}", self.log());
        mails
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("mainlog")).unwrap_or_default()
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

fn exim() -> Command {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout.trim_ascii() == b"0" {
        return Command::new(EXIM);
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", EXIM]);
    sudo
}

/// Exim works as its own user.
fn open_to_all(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
}

const CONFIG: &str = r#"
spool_directory = @DIR@/spool
log_file_path = @DIR@/%slog
log_selector = +smtp_no_mail +tls_cipher
primary_hostname = mail.test
keep_environment =
add_environment = PATH=/usr/bin
rfc1413_query_timeout = 0s
smtp_accept_max = 0
acl_smtp_rcpt = rcpt
acl_smtp_data = data
@TLS@

begin acl
rcpt:
  deny local_parts = nobody
       message = no such user
  defer condition = ${if exists{@DIR@/flags/later-$local_part}}
       message = try later
  @LOGIN@
data:
  defer condition = ${if exists{@DIR@/flags/data-later}}
       message = the scanner is busy
  deny condition = ${if exists{@DIR@/flags/data-never}}
       message = this is spam
  accept

begin routers
all:
  driver = accept
  transport = folder

begin transports
folder:
  driver = appendfile
  directory = @DIR@/mail
  create_directory = false
  batch_max = 100
  envelope_to_add = true
  return_path_add = true
  mode = 0644
  user = Debian-exim
  group = Debian-exim

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{@USER@}}{eq{$auth3}{@PASSWORD@}}}}
"#;
