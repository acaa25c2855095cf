//! One demo for all tests of the browser that change nothing.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;
use tokio::sync::OnceCell;

use crate::support::process::{LIMIT, bursar, until};

/// Ends the demo when the test process does, however that ends, and removes its folder.
const KEEPER: &str = r#"
dir=$1; shift
"$@" </dev/null 2>"$dir/log" & demo=$!
cat >/dev/null
kill -9 $demo
wait $demo 2>/dev/null
rm -rf "$dir"
"#;

/// A running demo at the pace of the clock, all of it read.
#[derive(Debug)]
pub struct Demo {
    /// The address of its pages, without the last slash.
    pub base: String,
    pub folder: PathBuf,
    _lifeline: ChildStdin,
    _keeper: Child,
}

impl Demo {
    pub async fn shared() -> &'static Self {
        static DEMO: OnceCell<Demo> = OnceCell::const_new();
        DEMO.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap().keep();
        let args = ["demo", "--speed", "1", "--port", "0", "--level", "error", "--dir"];
        let demo = bursar(&args);
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&folder)
            .arg(demo.get_program())
            .args(demo.get_args())
            .arg(&folder)
            .env("NO_COLOR", "1")
            .env_remove("BURSAR_CONFIG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh is there");
        let lines = BufReader::new(keeper.stdout.take().unwrap()).lines().map_while(Result::ok);
        let (named, name) = tokio::sync::oneshot::channel();
        // Whatever it says later is read, so that it never waits for a reader.
        std::thread::spawn(move || {
            let mut named = Some(named);
            for line in lines {
                if let Some(page) = line.trim_start().strip_prefix("page ")
                    && let Some(named) = named.take()
                {
                    let _ = named.send(page.trim().trim_end_matches('/').to_owned());
                }
            }
        });
        let base =
            tokio::time::timeout(LIMIT, name).await.expect("the demo names its page in time");
        let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        let base = base.unwrap_or_else(|_| panic!("the demo ended: {}", log()));
        let lifeline = keeper.stdin.take().unwrap();
        let demo = Self { base, folder, _lifeline: lifeline, _keeper: keeper };
        until("everything is read, and the end of the license is told", async || {
            let (read, told) = (demo.get("/daemon").await, demo.get("/alerts").await);
            (!read.contains("not read yet") && told.contains("serverLicenseExpiring")).then_some(())
        })
        .await;
        demo
    }

    pub async fn get(&self, path: &str) -> String {
        bursar::tls::install_provider();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(format!("{}{path}", self.base)).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// What a command prints for programs.
    pub fn json(&self, command: &[&str]) -> Value {
        let output = bursar(command).args(["--json", "-c"]).arg(self.settings()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.stdout.is_empty(), "{command:?}: {error}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub fn settings(&self) -> PathBuf {
        self.folder.join("bursar.yaml")
    }
}
