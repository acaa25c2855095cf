//! What releasing costs a person: the built program's own `release apply` and `release undo` against a
//! simulated site over TLS, on default settings, beside the limit.
//!
//! `cargo bench --bench release` releases 300 of 1,000 and 3,000 of 10,000 seats. The site, the
//! command and the bare client are processes of their own. The bare client is the limit: it sends the
//! same DELETEs over as many connections as the command has lanes, one after the other on each, and
//! does nothing else: it reads no list, checks nothing and writes nothing down. Both run in the same
//! minute against sites of the same kind. Figures are printed, nothing is asserted but that the work
//! was done.
//!
//! `cargo bench --bench release -- 10000` runs this size only.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use bursar::simulator::{
    Fault, Population, Running, SHARED_SERVER_NAME, Scenario, SeatKind, SeatSpec, UserSpec, When,
};
use serde_json::Value;

const KEY: &str = "0123456789abcdef";
const USER: &str = "UserDirectory=INTERNAL; UserId=sa_api";

/// The default of `licenseRelease.concurrency`.
const LANES: usize = 2;

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
        _ => {
            let only: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
            println!(" seats  taken latency     apply  requests   bare    ratio      undo");
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
    let commands = tokio::task::spawn_blocking(move || {
        for line in std::io::stdin().lines() {
            match line.expect("text").split_once(' ') {
                Some((_, millis)) => {
                    let millis = millis.parse().expect("milliseconds");
                    if millis > 0 {
                        control.set_fault(Fault::Latency { millis });
                    }
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

/// The DELETEs and nothing else.
async fn bare(port: u16, folder: &Path) {
    let (cert, key) = (folder.join("client.pem"), folder.join("client_key.pem"));
    let (ca, files) =
        (folder.join("root.pem"), bursar::tls::ClientFiles { cert: &cert, key: &key });
    let trust = bursar::tls::Trust::CaFile(&ca);
    let tls = bursar::tls::client_config(trust, Some(files)).expect("TLS settings");
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .tcp_nodelay(true)
        .resolve(SHARED_SERVER_NAME, ([127, 0, 0, 1], port).into())
        .build()
        .expect("a client");
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

fn compare(seats: usize, latency: u64) {
    let idle = seats * 3 / 10;
    let folder = tempfile::tempdir().expect("a folder");
    let mut site = Site::start(seats, latency, folder.path());
    let file = settings(site.port, folder.path());
    let (report, apply) = run(&["apply"], &file);
    assert_eq!(report["status"], "done", "{report}");
    let (requests, left) = site.counts();
    assert_eq!(left, seats - idle);
    let (report, undo) = run(&["undo", report["run"].as_str().expect("a run has an id")], &file);
    assert_eq!(report["status"], "done", "{report}");
    assert_eq!(site.counts().1, seats);
    drop(site);

    let folder = tempfile::tempdir().expect("a folder");
    let mut site = Site::start(seats, latency, folder.path());
    let begin = Instant::now();
    let bare = Command::new(std::env::current_exe().expect("this program"))
        .args(["bare", &site.port.to_string()])
        .arg(folder.path())
        .status();
    let limit = begin.elapsed();
    assert!(bare.expect("the bare client starts").success());
    assert_eq!(site.counts().1, seats - idle);
    println!(
        "{seats:>6} {idle:>6} {latency:>4} ms {:>8.2} s {requests:>9} {:>6.2} s {:>6.2} {:>8.2} s",
        apply.as_secs_f64(),
        limit.as_secs_f64(),
        apply.as_secs_f64() / limit.as_secs_f64(),
        undo.as_secs_f64()
    );
}
