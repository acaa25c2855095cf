//! What a rehearsal costs: reading the seats, their people and the pools of a site, planning, and
//! asking the guards; as time, processor time, requests and peak memory.
//!
//! `cargo bench --bench rehearsal` runs it against a simulated site. The site, each rehearsal and
//! each bare client are processes of their own, so that memory and processor time are measured
//! apart. The bare client is the limit: it downloads the same bytes with the same number of
//! connections and parses them with serde into structs of the few fields that a choice of users
//! needs; it checks nothing and decides nothing. Both are compared in the same run, one after the
//! other in turn. Figures are printed, nothing is asserted.
//!
//! `cargo bench --bench rehearsal -- 1000 10000` runs these sizes only.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use bursar::clock::Clock;
use bursar::config::settings::Connection;
use bursar::license::SeatType;
use bursar::qrs::Client;
use bursar::release::plan::{Past, PersonRead, plan};
use bursar::release::policy::{Limits, NeverRelease};
use bursar::release::{Policy, TypeRule, guard, read};
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
        Some(how @ ("ours" | "bare")) => {
            let port = words[1].parse().expect("a port");
            let connection = connection(port, Path::new(&words[2]));
            let began = Instant::now();
            let people = runtime.block_on(async {
                if how == "ours" { rehearse(&connection).await } else { bare(&connection).await }
            });
            println!("{} {people} {} {}", began.elapsed().as_secs_f64(), cpu_seconds(), peak_mib());
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

fn connection(port: u16, folder: &Path) -> Connection {
    Connection {
        host: "127.0.0.1".to_owned(),
        port,
        use_ssl: true,
        client_cert: folder.join("client.pem"),
        client_key: folder.join("client_key.pem"),
        ca_cert: folder.join("root.pem"),
        reject_unauthorized: true,
        tls_server_name: Some(SHARED_SERVER_NAME.to_owned()),
        headers: vec![("X-Qlik-User".to_owned(), USER.to_owned())],
        connect_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(300),
        max_concurrency: CONNECTIONS,
    }
}

/// A whole rehearsal, as a run does it, without the store. Returns how many people were read.
async fn rehearse(connection: &Connection) -> usize {
    let client = Client::new("bench", connection).expect("a client");
    let policy = Policy {
        never_release: NeverRelease {
            tags: vec!["License do not release".to_owned()],
            directories: vec!["ADMIN".to_owned()],
            ..NeverRelease::default()
        },
        types: [SeatType::Professional, SeatType::Analyzer].map(TypeRule::new).into(),
        judge_per_user: true,
        limits: Limits::default(),
    };
    let (past, clock) = (Past::default(), Clock::System);
    let now = clock.now();
    let patience = bursar::qrs::Patience::retrying_for(Duration::from_secs(600));
    let snapshot = read::snapshot(&client, &policy, &past, &clock, now, patience).await;
    let plan = plan("run", "bench", &snapshot, &past, &policy, now);
    let refusals = guard::check(&plan, &snapshot, &past, None);
    assert!(plan.types.iter().all(|part| part.problem.is_none()), "{refusals:?}");
    let whole = snapshot.people.values().filter(|p| matches!(p, PersonRead::Whole(_))).count();
    assert_eq!(whole, snapshot.people.len());
    assert!(plan.types.iter().any(|part| !part.decisions.is_empty()));
    whole
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
async fn bare(connection: &Connection) -> usize {
    let files =
        bursar::tls::ClientFiles { cert: &connection.client_cert, key: &connection.client_key };
    let trust = bursar::tls::Trust::CaFile(&connection.ca_cert);
    let tls = bursar::tls::client_config(trust, Some(files)).expect("TLS settings");
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(CONNECTIONS)
        .resolve(SHARED_SERVER_NAME, ([127, 0, 0, 1], connection.port).into())
        .build()
        .expect("a client");
    let base = format!("https://{SHARED_SERVER_NAME}:{}/qrs", connection.port);
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

    fn run(&mut self, how: &str) -> Figures {
        let before = self.counts();
        let folder = self.folder.to_str().expect("text");
        let output = myself(&[how, &self.port, folder])
            .stderr(Stdio::inherit())
            .output()
            .expect("this program starts again");
        assert!(output.status.success(), "{how} failed");
        let text = String::from_utf8(output.stdout).expect("text");
        let numbers: Vec<f64> =
            text.split_whitespace().map(|word| word.parse().expect("a number")).collect();
        let after = self.counts();
        Figures {
            seconds: numbers[0],
            people: numbers[1] as usize,
            cpu: numbers[2],
            peak_mib: numbers[3],
            requests: after.0 - before.0,
            connections: after.1 - before.1,
        }
    }
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
        "{:>7} {:>5}  {:<5} {:>9} {:>9} {:>9} {:>7} {:>8} {:>8}  {:>6}",
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
            site.run("bare");
            let (mut ours, mut bare) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                ours.push(site.run("ours"));
                bare.push(site.run("bare"));
            }
            let (ours, bare) = (Summary::of(ours), Summary::of(bare));
            bare.print(seats, latency, "bare", None);
            ours.print(seats, latency, "ours", Some(ours.middle.seconds / bare.middle.seconds));
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
            "{seats:>7} {latency:>5}  {who:<5} {:>9.0} {:>9.0} {:>9.0} {:>7.1} {requests:>8} \
             {connections:>8}  {ratio:>6}   {people} people",
            seconds * 1000.0,
            self.worst * 1000.0,
            self.cpu * 1000.0,
            self.peak_mib,
        );
    }
}

/// The highest resident memory of this process so far.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("VmHWM");
    let kib: f64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    kib / 1024.0
}

/// User and system time of this process so far.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = |i: usize| fields[i].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}
