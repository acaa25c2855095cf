//! Who may see and do what on the pages: through the daemon, over HTTP.

mod attacks;
mod orders;
mod reach;
mod roles;
mod users;

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::Output;
use std::sync::OnceLock;

use bursar::clock::Clock;
use bursar::config::Settings;
use bursar::credential::hash_password;
use bursar::daemon::Daemon;
use bursar::simulator::Scenario;
use bursar::store::{Access, Role};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use crate::support::setup::Setup;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A running daemon and its pages.
pub(crate) struct Pages {
    pub(crate) daemon: Daemon,
    browser: Browser,
}

/// What asks for pages.
pub(crate) struct Browser {
    pub(crate) base: String,
    client: reqwest::Client,
}

impl Deref for Pages {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut Browser {
        &mut self.browser
    }
}

/// An answer, taken apart.
pub(crate) struct Got {
    status: StatusCode,
    headers: HeaderMap,
    pub(crate) text: String,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// What a browser sends back of the session that was begun.
    fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
    }
}

impl Pages {
    pub(crate) async fn start(settings: Settings, clock: Clock) -> Self {
        let daemon = Daemon::start(settings, clock).await.expect("the daemon starts");
        let base = daemon.page_url().expect("there are pages");
        Self { daemon, browser: Browser::of(&base) }
    }

    /// With so much of `web`, and of other settings after it.
    async fn with(setup: &Setup, web: &str, more: &str) -> Self {
        let web = format!("  web: {{port: 0, {web}}}\n{more}");
        Self::start(setup.load(&setup.yaml("every 24 hours", &web)), Clock::System).await
    }

    pub(crate) async fn user(&self, name: &str, role: Role, sites: Option<&[&str]>) {
        /// One for all: it takes its time.
        static HASH: OnceLock<String> = OnceLock::new();
        let hash = HASH.get_or_init(|| hash_password(PASSWORD).unwrap()).clone();
        let sites = sites.map(|sites| sites.iter().map(|site| (*site).to_owned()).collect());
        let made = self.daemon.store().add_user(name, Access { role, sites }, hash).await;
        assert!(made.unwrap());
    }

    pub(crate) async fn stop(self) {
        self.daemon.stop().await;
    }
}

impl Browser {
    fn of(base: &str) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self { base, client: client().build().unwrap() }
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.body(body.to_owned()).send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        Got { status, headers, text: answer.text().await.unwrap() }
    }

    /// As a browser that has this cookie.
    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Got {
        self.ask(Method::GET, path, &[("cookie", cookie), ("accept", "text/html")], "").await
    }

    /// A form of a page of ours.
    async fn post(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Got {
        let headers = [("cookie", cookie), ("sec-fetch-site", "same-origin"), FORM];
        self.ask(Method::POST, path, &headers, &form(fields)).await
    }

    async fn try_log_in(&self, name: &str, password: &str) -> Got {
        self.post("/login", "", &[("user", name), ("password", password), ("to", "/")]).await
    }

    /// The cookie of a session.
    async fn log_in(&self, name: &str) -> String {
        let got = self.try_log_in(name, PASSWORD).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
        got.cookie()
    }
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn form(fields: &[(&str, &str)]) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    out.extend_pairs(fields).finish()
}

fn client() -> reqwest::ClientBuilder {
    bursar::tls::install_provider();
    let never = reqwest::redirect::Policy::none();
    reqwest::Client::builder().no_proxy().redirect(never)
}

/// A command beside the daemon, with what it is told on standard input.
fn command(folder: &Path, args: &[&str], input: &str) -> Output {
    use std::io::Write;
    let mut command = crate::support::process::bursar(args);
    command.args(["-c", "bursar.yaml"]).current_dir(folder);
    command.stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Who does not want it may have ended.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

async fn setup() -> Setup {
    Setup::new(Scenario::default()).await
}

/// Every address that changes something, with a form that is complete.
const CHANGES: [(&str, &[(&str, &str)]); 10] = [
    ("/alerts/silence", &[("rule", "seatsLow"), ("site", "default"), ("days", "1"), ("why", "x")]),
    ("/alerts/unsilence", &[("id", "1")]),
    ("/alerts/test", &[]),
    ("/destinations/retry", &[("destination", "webhook"), ("id", "x")]),
    ("/destinations/drop", &[("destination", "webhook"), ("id", "x")]),
    ("/site/default/releases/pause", &[("days", "7"), ("why", "year end")]),
    ("/site/default/releases/unpause", &[]),
    ("/site/default/releases/apply", &[("run", "r"), ("digest", "d"), ("form", "f")]),
    ("/site/default/releases/undo", &[("run", "r"), ("form", "f")]),
    ("/logout", &[]),
];
