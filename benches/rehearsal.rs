//! What planning and rehearsing cost a person: the built program's own commands against a simulated
//! site over TLS, as time, processor time, requests and peak memory.
//!
//! `cargo bench --bench rehearsal` runs `bursar release plan --json`, the rehearsal of `bursar release
//! apply --yes`, and the daemon from its start to the end of its rehearsal. The site, each command and
//! each bare client are processes of their own, so that memory and processor time are measured
//! apart. The bare client is the limit: it downloads the same bytes with the same number of
//! connections and parses them with serde into structs of the few fields that a choice of users
//! needs; it checks nothing, decides nothing and prints nothing. Both are compared in the same run,
//! one after the other in turn. Figures are printed, nothing is asserted but that the plan is whole.
//!
//! `cargo bench --bench rehearsal -- 1000 10000` runs these sizes only.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use bursar::release::Plan;
use bursar::release::plan::Outcome;
use bursar::simulator::{Fault, Population, Running, SHARED_SERVER_NAME, Scenario};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::{self, StreamExt};
use serde::Deserialize;

const CONNECTIONS: usize = 4;
const KEY: &str = "0123456789abcdef";
const USER: &str = "UserDirectory=INTERNAL; UserId=sa_api";

/// Seats, and rounds of each client at each latency.
const SIZES: [(usize, usize); 4] = [(1_000, 9), (10_000, 7), (100_000, 3), (200_000, 1)];

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
            let people = runtime.block_on(bare(port, Path::new(&words[2])));
            println!("{people}");
        }
        _ => {
            let only: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
            compare(&only);
        }
    }
}

/// Seats of two types, most of them idle for long, and their people.
fn scenario(seats: usize) -> Scenario {
    let mut scenario = Scenario {
        population: Population {
            users: seats,
            professional: seats / 10,
            analyzer: seats - seats / 10,
            idle_share: 0.9,
            ..Population::default()
        },
        ..Scenario::default()
    };
    scenario.pools.professional.total = seats as i64;
    scenario.pools.analyzer.total = seats as i64;
    scenario
}

/// A site that says where it listens and then answers `latency MILLIS` and `counts`.
async fn site(seats: usize, folder: &str) {
    let loopback = "127.0.0.1:0".parse().expect("an address");
    let site = Running::start(scenario(seats), loopback).await.expect("the site starts");
    site.pki().write_to(Path::new(folder)).expect("certificates are written");
    println!("{}", site.addr().port());
    let control = site.control().clone();
    let commands = tokio::task::spawn_blocking(move || {
        for line in std::io::stdin().lines() {
            match line.expect("text").split_once(' ') {
                Some(("latency", millis)) => {
                    control.clear_faults();
                    let millis = millis.parse().expect("milliseconds");
                    if millis > 0 {
                        control.set_fault(Fault::Latency { millis });
                    }
                    println!("ok");
                }
                _ => println!("{} {}", control.request_count(), control.connections()),
            }
        }
    });
    commands.await.expect("commands don't panic");
}

/// The settings of a person who rehearses: both types, some rules, nothing else.
fn settings(port: &str, folder: &Path) -> PathBuf {
    let file = folder.join("bursar.yaml");
    let (folder, store) = (folder.display(), folder.join("bursar.db"));
    let store = store.display();
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
    serverLicenseMonitor: {{enable: false}}
    licenseMonitor: {{enable: false}}
    seatMonitor: {{enable: false}}
    licenseRelease:
      enable: true
      dryRun: true
      licenseKeyShared: false
      neverRelease: {{tag: [License do not release], userDirectory: [ADMIN]}}
      licenseType:
        professional: {{enable: true, maxReleasePercent: 100}}
        analyzer: {{enable: true, maxReleasePercent: 100}}
"
    );
    std::fs::write(&file, text).expect("the file is written");
    file
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BareSeat {
    user: BareId,
    created_date: DateTime<Utc>,
    last_used: DateTime<Utc>,
    quarantined: bool,
}

#[derive(Debug, Deserialize)]
struct BareId {
    id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "parsed, as anybody who decides would have to")]
struct BareUser {
    id: String,
    user_id: String,
    user_directory: String,
    inactive: bool,
    removed_externally: bool,
    blacklisted: bool,
    tags: Vec<BareName>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "as above")]
struct BareName {
    name: String,
}

/// The same downloads without any of the work.
async fn bare(port: u16, folder: &Path) -> usize {
    let (cert, key) = (folder.join("client.pem"), folder.join("client_key.pem"));
    let (ca, files) =
        (folder.join("root.pem"), bursar::tls::ClientFiles { cert: &cert, key: &key });
    let trust = bursar::tls::Trust::CaFile(&ca);
    let tls = bursar::tls::client_config(trust, Some(files)).expect("TLS settings");
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(CONNECTIONS)
        .resolve(SHARED_SERVER_NAME, ([127, 0, 0, 1], port).into())
        .build()
        .expect("a client");
    let base = format!("https://{SHARED_SERVER_NAME}:{port}/qrs");
    let get = async |path: String| {
        let mark = if path.contains('?') { '&' } else { '?' };
        let request = http
            .get(format!("{base}/{path}{mark}xrfkey={KEY}"))
            .header("X-Qlik-Xrfkey", KEY)
            .header("X-Qlik-User", USER);
        request.send().await.expect("an answer").bytes().await.expect("a body")
    };
    let seats = async |kind: &str| {
        let body = get(format!("license/{kind}accesstype/full")).await;
        let seats: Vec<BareSeat> = serde_json::from_slice(&body).expect("seats");
        get(format!("license/{kind}accesstype/count")).await;
        seats
    };
    let (professional, analyzer, _) = tokio::join!(
        seats("professional"),
        seats("analyzer"),
        get("license/accesstypeoverview".to_owned())
    );
    let cutoff = Utc::now() - TimeDelta::days(30);
    let mut ids: Vec<String> = professional
        .into_iter()
        .chain(analyzer)
        .filter(|s| !s.quarantined && s.last_used < cutoff && s.created_date < cutoff)
        .map(|seat| seat.user.id)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let pages = stream::iter(ids.chunks(147)).map(async |page| {
        let terms: Vec<String> = page.iter().map(|id| format!("id%20eq%20{id}")).collect();
        let body = get(format!("user/full?filter={}", terms.join("%20or%20"))).await;
        serde_json::from_slice::<Vec<BareUser>>(&body).expect("users")
    });
    let users: Vec<Vec<BareUser>> = pages.buffer_unordered(CONNECTIONS).collect().await;
    users.iter().map(Vec::len).sum()
}

/// The figures of a client's process.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    seconds: f64,
    people: usize,
    cpu: f64,
    peak_mib: f64,
    requests: u64,
    connections: u64,
}

/// A site in a process of its own.
struct Site {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    port: String,
    folder: PathBuf,
}

impl Site {
    fn start(seats: usize, folder: &Path) -> Self {
        let mut child = myself(&["site", &seats.to_string(), folder.to_str().expect("text")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        let folder = folder.to_owned();
        let mut site = Self { child, commands, answers, port: String::new(), folder };
        site.port = site.answer();
        site
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        line.trim().to_owned()
    }

    fn ask(&mut self, command: &str) -> String {
        let commands = self.commands.as_mut().expect("open while it lives");
        writeln!(commands, "{command}").expect("the site listens");
        self.answer()
    }

    fn counts(&mut self) -> (u64, u64) {
        let answer = self.ask("counts");
        let (requests, connections) = answer.split_once(' ').expect("two numbers");
        (requests.parse().expect("a number"), connections.parse().expect("a number"))
    }

    /// Runs a client and measures it.
    fn run(&mut self, how: How) -> Figures {
        let before = self.counts();
        let folder = self.folder.clone();
        let file = settings(&self.port, &folder);
        let file = file.to_str().expect("text");
        let printed = folder.join("printed");
        let mut command = match how {
            How::Bare => myself(&["bare", &self.port, folder.to_str().expect("text")]),
            How::Plan => bursar(&["release", "plan", "--json", "-c", file]),
            How::Apply => bursar(&["release", "apply", "--yes", "-c", file]),
            How::Daemon => bursar(&["run", "-c", file]),
        };
        if how == How::Daemon {
            // The first rehearsal is due at once.
            for end in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(folder.join(format!("bursar.db{end}")));
            }
        }
        let out = std::fs::File::create(&printed).expect("a file");
        command.stdin(Stdio::null()).stdout(out).stderr(Stdio::piped());
        let (began, cpu_before) = (Instant::now(), cpu_of_children());
        let mut child = command.spawn().expect("the program starts");
        let peak = watch(child.id());
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let mut said = String::new();
        for line in stderr.lines().map_while(Result::ok) {
            let done = how == How::Daemon && line.contains("rehearsal done");
            said.push_str(&line);
            said.push('\n');
            if done {
                break;
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        if how == How::Daemon {
            child.kill().expect("it runs");
        }
        let status = child.wait().expect("it ends");
        assert!(status.success() || how == How::Daemon, "{how:?} failed: {said}");
        let seconds = if how == How::Daemon { seconds } else { began.elapsed().as_secs_f64() };
        let peak_mib = peak.join().expect("watching doesn't panic");
        let after = self.counts();
        let text = std::fs::read_to_string(&printed).expect("what was printed");
        Figures {
            seconds,
            people: how.people(&text, &said),
            cpu: cpu_of_children() - cpu_before,
            peak_mib,
            requests: after.0 - before.0,
            connections: after.1 - before.1,
        }
    }
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Bare,
    Plan,
    Apply,
    Daemon,
}

impl How {
    fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::Daemon => "daemon",
        }
    }

    /// People that were read or seats that are due, by what was printed.
    fn people(self, printed: &str, said: &str) -> usize {
        match self {
            Self::Bare => printed.trim().parse().expect("a number"),
            Self::Plan => {
                let plan: Plan = serde_json::from_str(printed).expect("a plan");
                assert!(plan.refusals.is_empty(), "{:?}", plan.refusals);
                plan.types.iter().map(|part| part.count(Outcome::Release)).sum()
            }
            Self::Apply | Self::Daemon => {
                let text = if self == Self::Apply { printed } else { said };
                let counts = text.split(" would be released").map(|before| {
                    before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default()
                });
                counts.filter_map(|count| count.parse::<usize>().ok()).sum()
            }
        }
    }
}

/// The highest resident memory of a process, looked at until it has ended.
fn watch(process: u32) -> std::thread::JoinHandle<f64> {
    std::thread::spawn(move || {
        let mut peak = 0.0;
        while let Some(now) = peak_mib(process) {
            peak = now;
            #[expect(clippy::disallowed_methods, reason = "a thread beside the runtime")]
            std::thread::sleep(Duration::from_millis(1));
        }
        peak
    })
}

fn bursar(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bursar"));
    command.args(words).env_remove("BURSAR_CONFIG").env_remove("STATE_DIRECTORY");
    command
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.child.wait();
    }
}

fn myself(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a file"));
    command.args(words);
    command
}

fn compare(only: &[usize]) {
    let folder = tempfile::tempdir().expect("a folder");
    println!(
        "{:>7} {:>5}  {:<6} {:>9} {:>9} {:>9} {:>7} {:>8} {:>8}  {:>6}",
        "seats", "ms", "", "time ms", "worst ms", "cpu ms", "peak", "requests", "connect", "ratio"
    );
    for (seats, rounds) in SIZES {
        if !only.is_empty() && !only.contains(&seats) {
            continue;
        }
        let mut site = Site::start(seats, &folder.path().join(seats.to_string()));
        for latency in [0, 5] {
            site.ask(&format!("latency {latency}"));
            // The first of all renders the site's lists.
            site.run(How::Bare);
            let mut runs: Vec<(How, Vec<Figures>)> =
                [How::Bare, How::Plan, How::Apply, How::Daemon].map(|how| (how, Vec::new())).into();
            for _ in 0..rounds {
                for (how, figures) in &mut runs {
                    let by_hand = matches!(how, How::Apply | How::Daemon);
                    if !by_hand || seats <= 10_000 {
                        figures.push(site.run(*how));
                    }
                }
            }
            let mut limit = None;
            for (how, figures) in runs.into_iter().filter(|(_, figures)| !figures.is_empty()) {
                let summary = Summary::of(figures);
                let ratio = limit.map(|limit: f64| summary.middle.seconds / limit);
                limit.get_or_insert(summary.middle.seconds);
                summary.print(seats, latency, how.name(), ratio);
            }
        }
    }
}

struct Summary {
    /// The run of the middle time.
    middle: Figures,
    worst: f64,
    cpu: f64,
    peak_mib: f64,
}

impl Summary {
    fn of(mut runs: Vec<Figures>) -> Self {
        runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        let mut cpu: Vec<f64> = runs.iter().map(|run| run.cpu).collect();
        cpu.sort_by(f64::total_cmp);
        Self {
            middle: runs[runs.len() / 2],
            worst: runs[runs.len() - 1].seconds,
            cpu: cpu[cpu.len() / 2],
            peak_mib: runs.iter().map(|run| run.peak_mib).fold(0.0, f64::max),
        }
    }

    fn print(&self, seats: usize, latency: u32, who: &str, ratio: Option<f64>) {
        let Figures { seconds, people, requests, connections, .. } = self.middle;
        let ratio = ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        println!(
            "{seats:>7} {latency:>5}  {who:<6} {:>9.0} {:>9.0} {:>9.0} {:>7.1} {requests:>8} \
             {connections:>8}  {ratio:>6}   {people} people",
            seconds * 1000.0,
            self.worst * 1000.0,
            self.cpu * 1000.0,
            self.peak_mib,
        );
    }
}

/// The highest resident memory of a process so far; `None` once it has ended.
fn peak_mib(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

/// User and system time of the children that have ended.
fn cpu_of_children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = |i: usize| fields[i].parse::<f64>().expect("a number");
    (ticks(13) + ticks(14)) / 100.0
}
