//! Servers that live exactly as long as the test process, even when that is killed.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::future::Future;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to answer after its start, on a machine that is busy compiling.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Starts the server, waits until its standard input ends (which is when the test process drops it
/// or dies), kills the server, and removes its folder.
const KEEPER: &str = r#"
dir=$1; shift
"$@" >"$dir/log" 2>&1 </dev/null & server=$!
cat >/dev/null
kill -9 $server
wait $server 2>/dev/null
rm -rf "$dir"
"#;

/// A running server with a temporary folder of its own.
#[derive(Debug)]
pub struct Guarded {
    keeper: Child,
    lifeline: Option<ChildStdin>,
    dir: PathBuf,
}

impl Guarded {
    /// Starts a server from a Debian package. `arguments` gets the server's folder and a free port.
    /// Returns once `ready` is true; tries again with other ports when one was taken meanwhile.
    ///
    /// # Panics
    /// When the program isn't installed or doesn't get ready.
    pub async fn start<F: Future<Output = bool>>(
        program: &str,
        package: &str,
        arguments: impl Fn(&Path, u16) -> Vec<String>,
        ready: impl Fn(u16) -> F,
    ) -> (Self, u16) {
        require(program, package);
        for _ in 0..5 {
            let dir = tempfile::tempdir().unwrap().keep();
            let port = free_port();
            let mut keeper = Command::new("sh")
                .args(["-c", KEEPER, "keeper"])
                .arg(&dir)
                .arg(program)
                .args(arguments(&dir, port))
                .stdin(Stdio::piped())
                .spawn()
                .expect("sh is there");
            let lifeline = keeper.stdin.take();
            let server = Self { keeper, lifeline, dir };
            let deadline = Instant::now() + START_LIMIT;
            loop {
                if ready(port).await {
                    return (server, port);
                }
                let log = std::fs::read_to_string(server.dir.join("log")).unwrap_or_default();
                if log.contains("address already in use") {
                    break;
                }
                assert!(Instant::now() < deadline, "{program} did not get ready; its log:\n{log}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        panic!("{program} found its port taken five times");
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.keeper.wait();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A missing server is an error, not a reason to skip.
fn require(program: &str, package: &str) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    assert!(
        std::env::split_paths(&path).any(|dir| dir.join(program).is_file()),
        "{program} is not installed: apt-get install {package}"
    );
}
