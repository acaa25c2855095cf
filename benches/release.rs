//! What releasing costs a person: the built program's own `release apply` and `release undo` against a
//! simulated site over TLS, on default settings, beside the limit.
//!
//! `cargo bench --bench release` releases 300 of 1,000 and 3,000 of 10,000 seats. The site, the
//! command and the bare client are processes of their own. The bare client is the limit: it sends the
//! same DELETEs over as many connections as the command has lanes, one after the other on each, and
//! does nothing else: it reads no list, checks nothing and writes nothing down. Both run in the same
//! minute against sites of the same kind.
//!
//! A second client is what an honest release can't do without: it sends every request of the command again, in
//! the same order, four at a time and two of them DELETEs, reads the answers and does nothing with them; beside that as many
//! writes as the command has to wait for reach the disk. Figures are printed, nothing is asserted but that the
//! work was done.
//!
//! `cargo bench --bench release -- 10000` runs this size only.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bursar::simulator::{
    Fault, Population, Running, SHARED_SERVER_NAME, Scenario, SeatKind, SeatSpec, UserSpec, When,
};
use serde_json::Value;
use tokio::sync::Semaphore;

const KEY: &str = "0123456789abcdef";
const USER: &str = "UserDirectory=INTERNAL; UserId=sa_api";

/// The default of `licenseRelease.concurrency`.
const LANES: usize = 2;

/// The default of `configQRS.maxConcurrency`.
const REQUESTS: usize = 4;

/// Seats that are taken each by itself, and those whose intents, or whose outcomes, are one commit after that.
const SINGLY: usize = 8;
const TOGETHER: usize = 25;

/// Bytes of such a commit, roughly: records with their rows beside.
const COMMIT: usize = 64 * 1024;

const SIZES: [usize; 2] = [1_000, 10_000];
const ROUNDS: usize = 3;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    bursar::tls::install_provider();
    match words.first().map(String::as_str) {
        Some("site") => runtime.block_on(site(words[1].parse().expect("seats"), &words[2])),
        Some("bare") => {
            let port = words[1].parse().expect("a port");
            runtime.block_on(bare(port, Path::new(&words[2])));
        }
        Some("needed") => {
            let port = words[1].parse().expect("a port");
            let commits = words[3].parse().expect("commits");
            runtime.block_on(needed(port, Path::new(&words[2]), commits));
        }
        _ => {
            let only: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
            println!(
                " seats  taken latency     apply  requests   bare    ratio   needed   ratio      undo"
            );
            for seats in SIZES {
                if only.is_empty() || only.contains(&seats) {
                    for latency in [0, 5] {
                        for _ in 0..ROUNDS {
                            compare(seats, latency);
                        }
                    }
                }
            }
        }
    }
}

/// Three of ten are idle.
fn scenario(seats: usize) -> Scenario {
    let mut scenario = Scenario { population: Population::none(), ..Scenario::default() };
    scenario.pools.analyzer.total = 2 * seats as i64;
    for n in 0..seats {
        let id = format!("user{n}");
        let days = if n % 10 < 3 { 60 } else { 1 };
        scenario.users.push(UserSpec::of("CORP", &id));
        let account = format!("CORP\\{id}");
        scenario.seats.push(SeatSpec::of(SeatKind::Analyzer, &account, When::days_ago(days)));
    }
    scenario
}

/// A site that says where it listens, then answers `latency MILLIS`, and `counts` with the number of
/// requests and of seats that are left. The ids of the idle seats are in a file of the folder.
async fn site(seats: usize, folder: &str) {
    let loopback = "127.0.0.1:0".parse().expect("an address");
    let site = Running::start(scenario(seats), loopback).await.expect("the site starts");
    site.pki().write_to(Path::new(folder)).expect("certificates are written");
    let control = site.control().clone();
    let idle: Vec<String> = control
        .seats(SeatKind::Analyzer)
        .iter()
        .filter(|seat| seat.last_used.is_some_and(|used| (control.now() - used).num_days() > 30))
        .map(|seat| seat.id.to_string())
        .collect();
    std::fs::write(Path::new(folder).join("idle"), idle.join("\n")).expect("ids are written");
    println!("{}", site.addr().port());
    let folder = PathBuf::from(folder);
    let commands = tokio::task::spawn_blocking(move || {
        for line in std::io::stdin().lines() {
            let line = line.expect("text");
            match line.split_once(' ') {
                Some((_, millis)) => {
                    let millis = millis.parse().expect("milliseconds");
                    if millis > 0 {
                        control.set_fault(Fault::Latency { millis });
                    }
                    println!("ok");
                }
                None if line == "log" => {
                    let log = control.requests().into_iter();
                    let log = log.map(|of| format!("{} {}?{}", of.method, of.path, of.query));
                    std::fs::write(folder.join("requests"), log.collect::<Vec<_>>().join("\n"))
                        .expect("the requests are written");
                    println!("ok");
                }
                None => {
                    let left = control.seats(SeatKind::Analyzer).len();
                    println!("{} {left}", control.request_count());
                }
            }
        }
    });
    commands.await.expect("commands don't panic");
}

/// A client of a site.
fn client(port: u16, folder: &Path) -> reqwest::Client {
    let (cert, key) = (folder.join("client.pem"), folder.join("client_key.pem"));
    let (ca, files) =
        (folder.join("root.pem"), bursar::tls::ClientFiles { cert: &cert, key: &key });
    let trust = bursar::tls::Trust::CaFile(&ca);
    let tls = bursar::tls::client_config(trust, Some(files)).expect("TLS settings");
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .tcp_nodelay(true)
        .resolve(SHARED_SERVER_NAME, ([127, 0, 0, 1], port).into())
        .build()
        .expect("a client")
}

/// The requests of a run once more, in their order, and as many commits beside them.
async fn needed(port: u16, folder: &Path, commits: usize) {
    let http = client(port, folder);
    let text = std::fs::read_to_string(folder.join("requests")).expect("requests");
    let all: Arc<Vec<String>> = Arc::new(text.lines().map(str::to_owned).collect());
    let (next, deletes) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(LANES)));
    let file = folder.join("commits");
    let disk = std::thread::spawn(move || {
        let mut file = std::fs::File::create(file).expect("a file");
        for _ in 0..commits {
            file.write_all(&[7; COMMIT]).expect("it is written");
            file.sync_data().expect("it is on the disk");
        }
    });
    let lanes = (0..REQUESTS).map(|_| {
        let (http, all) = (http.clone(), all.clone());
        let (next, deletes) = (next.clone(), deletes.clone());
        tokio::spawn(async move {
            while let Some(line) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                let (method, path) = line.split_once(' ').expect("a method and a path");
                let (_, key) = path.split_once("xrfkey=").expect("a key");
                let key = key.split('&').next().unwrap_or(key);
                let url = format!("https://{SHARED_SERVER_NAME}:{port}{path}");
                let method = method.parse().expect("a method");
                let turn = match method {
                    reqwest::Method::DELETE => Some(deletes.acquire().await.expect("it is open")),
                    _ => None,
                };
                let request = http.request(method, url).header("X-Qlik-Xrfkey", key);
                let answer = request.header("X-Qlik-User", USER).send().await.expect("an answer");
                let body = answer.bytes().await.expect("a body");
                std::hint::black_box(body);
                drop(turn);
            }
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.expect("a lane doesn't panic");
    }
    disk.join().expect("the disk is written to");
}

/// The DELETEs and nothing else.
async fn bare(port: u16, folder: &Path) {
    let http = client(port, folder);
    let ids = std::fs::read_to_string(folder.join("idle")).expect("ids");
    let ids: Vec<String> = ids.lines().map(str::to_owned).collect();
    let lanes = ids.chunks(ids.len().div_ceil(LANES)).map(|ids| {
        let (http, ids) = (http.clone(), ids.to_vec());
        tokio::spawn(async move {
            for id in ids {
                let base = format!("https://{SHARED_SERVER_NAME}:{port}/qrs/license");
                let url = format!("{base}/analyzeraccesstype/{id}?xrfkey={KEY}");
                let request = http.delete(url).header("X-Qlik-Xrfkey", KEY);
                let answer = request.header("X-Qlik-User", USER).send().await.expect("an answer");
                assert_eq!(answer.status(), 204);
            }
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.expect("a lane doesn't panic");
    }
}

/// A site in a process of its own.
struct Site {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    port: u16,
}

impl Site {
    fn start(seats: usize, latency: u64, folder: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .args(["site", &seats.to_string()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the site starts");
        let input = process.stdin.take().expect("an input");
        let output = BufReader::new(process.stdout.take().expect("an output"));
        let mut site = Self { process, input, output, port: 0 };
        site.port = site.line().parse().expect("a port");
        assert_eq!(site.ask(&format!("latency {latency}")), "ok");
        site
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("an answer");
        line.trim().to_owned()
    }

    fn ask(&mut self, text: &str) -> String {
        writeln!(self.input, "{text}").expect("it listens");
        self.line()
    }

    /// Requests so far, and seats that are left.
    fn counts(&mut self) -> (u64, usize) {
        let line = self.ask("counts");
        let (requests, left) = line.split_once(' ').expect("two numbers");
        (requests.parse().expect("a number"), left.parse().expect("a number"))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The settings of a person who releases: what has no default, and a percentage that lets three of ten
/// go at once.
fn settings(port: u16, folder: &Path) -> PathBuf {
    let file = folder.join("bursar.yaml");
    let store = folder.join("bursar.db");
    let text = format!(
        "\
Butler:
  storage: {{path: '{store}'}}
  cert:
    clientCert: '{folder}/client.pem'
    clientCertKey: '{folder}/client_key.pem'
    clientCertCA: '{folder}/root.pem'
  configQRS:
    host: 127.0.0.1
    port: {port}
    tlsServerName: {SHARED_SERVER_NAME}
    headers: {{static: [{{name: X-Qlik-User, value: {USER}}}]}}
  qlikSenseLicense:
    licenseRelease:
      enable: true
      dryRun: false
      licenseKeyShared: false
      licenseType: {{analyzer: {{enable: true, maxReleasePercent: 100}}}}
",
        store = store.display(),
        folder = folder.display(),
    );
    std::fs::write(&file, text).expect("the file is written");
    file
}

fn run(words: &[&str], file: &Path) -> (Value, Duration) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bursar"));
    command.arg("release").args(words).args(["--yes", "--json", "-c"]).arg(file);
    command.env_remove("BURSAR_CONFIG").env_remove("STATE_DIRECTORY");
    let begin = Instant::now();
    let output = command.output().expect("the program starts");
    let time = begin.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (serde_json::from_slice(&output.stdout).expect("a report"), time)
}

/// How long a client takes against a site of its own, and what is asked of it beforehand.
fn limit(
    what: &str,
    (seats, latency): (usize, u64),
    before: &dyn Fn(&Path),
    more: &[String],
) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    let mut site = Site::start(seats, latency, folder.path());
    before(folder.path());
    let begin = Instant::now();
    let client = Command::new(std::env::current_exe().expect("this program"))
        .args([what, &site.port.to_string()])
        .arg(folder.path())
        .args(more)
        .status();
    let time = begin.elapsed();
    assert!(client.expect("the client starts").success());
    assert_eq!(site.counts().1, seats - seats * 3 / 10);
    time
}

fn compare(seats: usize, latency: u64) {
    let idle = seats * 3 / 10;
    let folder = tempfile::tempdir().expect("a folder");
    let mut site = Site::start(seats, latency, folder.path());
    let file = settings(site.port, folder.path());
    let (report, apply) = run(&["apply"], &file);
    assert_eq!(report["status"], "done", "{report}");
    let (requests, left) = site.counts();
    assert_eq!(left, seats - idle);
    assert_eq!(site.ask("log"), "ok");
    let log = std::fs::read(folder.path().join("requests")).expect("the requests");
    let (report, undo) = run(&["undo", report["run"].as_str().expect("a run has an id")], &file);
    assert_eq!(report["status"], "done", "{report}");
    assert_eq!(site.counts().1, seats);
    drop(site);

    let bare = limit("bare", (seats, latency), &|_| {}, &[]);
    let commits = 2 * (SINGLY + (idle - SINGLY).div_ceil(TOGETHER));
    let write = |folder: &Path| std::fs::write(folder.join("requests"), &log).expect("a file");
    let needed = limit("needed", (seats, latency), &write, &[commits.to_string()]);
    let ratio = |limit: Duration| apply.as_secs_f64() / limit.as_secs_f64();
    println!(
        "{seats:>6} {idle:>6} {latency:>4} ms {:>8.2} s {requests:>9} {:>6.2} s {:>6.2} {:>6.2} s {:>7.2} {:>8.2} s",
        apply.as_secs_f64(),
        bare.as_secs_f64(),
        ratio(bare),
        needed.as_secs_f64(),
        ratio(needed),
        undo.as_secs_f64()
    );
}
