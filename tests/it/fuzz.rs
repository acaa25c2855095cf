//! Bytes that nobody would write, made of those that somebody did: whatever reads text of others neither panics nor hangs.
//!
//! Each target begins with the files of its folder in `tests/fuzz` and with files of `tests/data`, and changes them by a seed.
//! A few in every run; `BURSAR_FUZZ_SECONDS=n` goes on for so long with each. A failure names its target and seed
//! (`BURSAR_FUZZ=target`, `BURSAR_SEED=n` runs it again), and its input belongs into the folder then.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bursar::config::{FixedEnvironment, load_text};
use bursar::destination::{Destination, registry};
use bursar::ledger::lines;
use bursar::license::monitor_app::ScriptLog;
use bursar::license::{DateOrder, ServerLicense, wire};
use bursar::qrs::{Client, Patience};
use bursar::release::Plan;
use bursar::schedule::Schedule;
use bursar::simulator::filter;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::qrs::plain::plain_connection;

/// What one input may take: far more than any does.
const LIMIT: Duration = Duration::from_secs(20);

struct Target {
    name: &'static str,
    /// Beside those of its own folder: files of `tests/data` whose paths begin so.
    data: &'static [&'static str],
    /// Inputs in every run.
    few: u64,
    run: fn(&[u8]),
}

const TARGETS: [Target; 11] = [
    Target { name: "key_details", data: &["qrs/license_"], few: 400, run: key_details },
    Target { name: "lef", data: &["qrs/license_lef", "cases/lef"], few: 400, run: key_details },
    Target { name: "filter", data: &[], few: 1_000, run: filter },
    Target { name: "schedule", data: &[], few: 400, run: schedule },
    Target { name: "settings", data: &["config/many"], few: 60, run: settings },
    Target {
        name: "list",
        data: &["qrs/user_", "qrs/analyzeraccesstype", "qrs/count"],
        few: 60,
        run: list,
    },
    Target { name: "script_log", data: &["qrs/reloadtask_scriptlog"], few: 400, run: script_log },
    Target { name: "mqtt", data: &[], few: 20, run: mqtt },
    Target { name: "smtp", data: &[], few: 20, run: smtp },
    Target { name: "plan", data: &["stored/plans"], few: 200, run: plan },
    Target { name: "ledger", data: &["stored/archive"], few: 400, run: ledger },
];

fn key_details(input: &[u8]) {
    let Ok(answer) = serde_json::from_slice::<Value>(input) else { return text_of_a_key(input) };
    for answer in answer.as_array().into_iter().flatten().chain([&answer]) {
        let Ok(license) = wire::License::parse(answer) else { continue };
        for order in [DateOrder::Unset, DateOrder::DayFirst] {
            read(license.as_ref(), order);
        }
    }
}

/// What is no JSON is the text within.
fn text_of_a_key(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for key in ["keyDetails", "lef"] {
        let answer = serde_json::json!({ "name": "x", "isExpired": false, key: text });
        if let Ok(license) = wire::License::parse(&answer) {
            read(license.as_ref(), DateOrder::Unset);
        }
    }
}

fn read(license: Option<&wire::License>, order: DateOrder) {
    let read = ServerLicense::read(license, order);
    let now: DateTime<Utc> = "2026-11-24T08:00:00Z".parse().unwrap();
    let status = bursar::license::assess(read, 30, bursar::license::today(now, chrono_tz::UTC));
    assert!(!format!("{status:?}").is_empty());
}

fn filter(input: &[u8]) {
    if let Ok(filter) = filter::parse(&String::from_utf8_lossy(input)) {
        filter.matches(&serde_json::json!({"name": "x", "user": {"userId": "anna"}}));
    }
    // What is sent can be read again, whatever is compared.
    let value = String::from_utf8_lossy(input).into_owned();
    let sent = bursar::qrs::Field::new("name").eq(value.as_str()).to_string();
    if let Ok(read) = filter::parse(&sent) {
        assert!(read.matches(&serde_json::json!({ "name": value })), "{sent}");
    }
}

fn schedule(input: &[u8]) {
    let Ok(schedule) = Schedule::parse(&String::from_utf8_lossy(input)) else { return };
    let now: DateTime<Utc> = "2026-03-28T12:00:00Z".parse().unwrap();
    for zone in [chrono_tz::UTC, chrono_tz::Europe::Stockholm] {
        let mut before = now;
        for time in schedule.upcoming(now, zone, 5) {
            assert!(time > before, "{}: {time} after {before}", schedule.text());
            before = time;
        }
    }
}

fn settings(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Err(problems) = load_text(&text, Path::new("x.yaml"), &FixedEnvironment::default()) {
        let said = problems.to_string();
        assert!(said.contains("x.yaml"), "no place in {said}");
        assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "{said:?}");
    }
}

fn script_log(input: &[u8]) {
    for cut in [true, false] {
        let log = ScriptLog::read(input, cut);
        let lines = log.lines().iter().chain(log.errors());
        for line in lines {
            assert!(!line.chars().any(|c| c.is_control() && c != '\t'), "{line:?}");
        }
        let _ = log.cause().hint();
    }
}

fn plan(input: &[u8]) {
    let Ok(plan) = serde_json::from_slice::<Plan>(input) else { return };
    let _ = (plan.headline(), plan.digest(), plan.releases(&[]).len());
}

fn ledger(input: &[u8]) {
    for line in String::from_utf8_lossy(input).lines() {
        if let Ok(raw) = lines::read("x", line) {
            assert_eq!(lines::write(&raw), line);
            let _ = raw.record();
        }
    }
}

/// A server that says what it is told to at once, and then ends the connection.
struct Server {
    port: u16,
    says: Arc<Mutex<Vec<u8>>>,
}

impl Server {
    /// `hears`: whoever comes speaks first.
    fn start(hears: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let says: Arc<Mutex<Vec<u8>>> = Arc::default();
        let text = says.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                if hears {
                    let _ = stream.read(&mut [0; 4096]);
                }
                let text = text.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let _ = stream.write_all(&text);
                // Who is spoken to reads to the end before it is one.
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
                let mut rest = [0; 4096];
                while stream.read(&mut rest).is_ok_and(|read| read > 0) {}
            }
        });
        Self { port, says }
    }

    fn says(&self, text: &[u8]) {
        *self.says.lock().unwrap_or_else(PoisonError::into_inner) = text.to_vec();
    }
}

fn block_on(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work);
    runtime.shutdown_background();
}

/// A list and its count, from a server that says anything.
fn list(input: &[u8]) {
    thread_local!(static SERVER: Server = Server::start(true));
    SERVER.with(|server| {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            input.len()
        );
        server.says(&[head.as_bytes(), input].concat());
        block_on(async {
            bursar::tls::install_provider();
            let client = Client::new("test", &plain_connection(server.port)).unwrap();
            let _ = client.list_full::<Value>("user", None, Patience::ONCE).await;
            let _ = client.server_license(DateOrder::Unset, Patience::ONCE).await;
        });
    });
}

fn destination(section: &str) -> Arc<dyn Destination> {
    let text = format!(
        "Butler:
  configQRS: {{host: q, headers: {{static: [{{name: X-Qlik-User, value: UserDirectory=A; UserId=b}}]}}}}
  cert: {{clientCert: a, clientCertKey: b, clientCertCA: c}}
{section}"
    );
    let loaded = load_text(&text, Path::new("x.yaml"), &FixedEnvironment::default());
    let settings = loaded.unwrap_or_else(|problems| panic!("{problems}")).settings;
    registry::build(&settings.destinations, &settings.surroundings()).remove(0)
}

fn probe(server: &Server, input: &[u8], section: &str) {
    server.says(input);
    block_on(async {
        bursar::tls::install_provider();
        let _ = destination(section).probe().await;
    });
}

fn mqtt(input: &[u8]) {
    thread_local!(static SERVER: Server = Server::start(true));
    SERVER.with(|server| {
        let port = server.port;
        probe(
            server,
            input,
            &format!("  mqttConfig: {{enable: true, brokerHost: 127.0.0.1, brokerPort: {port}}}\n"),
        );
    });
}

fn smtp(input: &[u8]) {
    thread_local!(static SERVER: Server = Server::start(false));
    SERVER.with(|server| {
        let port = server.port;
        probe(
            server,
            input,
            &format!("  email: {{enable: true, host: 127.0.0.1, port: {port}, security: none, from: a@b.example, to: [c@d.example]}}\n"),
        );
    });
}

fn files(below: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(below) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

impl Target {
    fn corpus(&self) -> Vec<Vec<u8>> {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let mut found = Vec::new();
        files(&tests.join("fuzz").join(self.name), &mut found);
        let (data, mut all) = (tests.join("data"), Vec::new());
        files(&data, &mut all);
        all.retain(|path| {
            let name = path.strip_prefix(&data).unwrap().to_string_lossy().replace('\\', "/");
            self.data.iter().any(|begin| name.starts_with(begin))
        });
        found.extend(all);
        found.sort();
        let read: Vec<_> = found.iter().map(|path| std::fs::read(path).unwrap()).collect();
        assert!(!read.is_empty(), "{} has no input to begin with", self.name);
        read
    }

    fn one(&self, input: &[u8], seed: &str) {
        let began = Instant::now();
        let ended = std::panic::catch_unwind(|| (self.run)(input));
        let took = began.elapsed();
        if ended.is_err() || took > LIMIT {
            eprintln!(
                "target {}, {seed}, after {took:?}: {:?}",
                self.name,
                String::from_utf8_lossy(&input[..input.len().min(4_000)])
            );
        }
        if let Err(panic) = ended {
            std::panic::resume_unwind(panic);
        }
        assert!(took <= LIMIT, "{} took {took:?}", self.name);
    }
}

/// Text that means something to somebody, or too much.
const WORDS: [&[u8]; 18] = [
    b"-1",
    b"0",
    b"99999999999999999999",
    b"1e999",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"\"",
    b"\\u0000",
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\r\n",
    b"9999-12-31",
    b"${env:X}",
    b"\xe2\x80\xae",
    b";;",
];

fn changed(corpus: &[Vec<u8>], rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = corpus[rng.usize(..corpus.len())].clone();
    for _ in 0..rng.usize(1..6) {
        let place = rng.usize(..=bytes.len());
        let until = (place + rng.usize(..=16)).min(bytes.len());
        match rng.u32(..7) {
            0 if place < bytes.len() => bytes[place] ^= 1 << rng.u32(..8),
            1 if place < bytes.len() => bytes[place] = rng.u8(..),
            2 => drop(bytes.drain(place..until)),
            3 => {
                let again = bytes[place..until].repeat(rng.usize(1..40));
                bytes.splice(place..place, again);
            }
            4 => {
                let other = &corpus[rng.usize(..corpus.len())];
                let from = rng.usize(..=other.len());
                let to = (from + rng.usize(..=64)).min(other.len());
                bytes.splice(place..until, other[from..to].to_vec());
            }
            5 => bytes.truncate(place),
            _ => drop(bytes.splice(place..until, WORDS[rng.usize(..WORDS.len())].to_vec())),
        }
    }
    bytes.truncate(256 * 1024);
    bytes
}

#[test]
fn nothing_that_is_read_makes_it_panic_or_hang() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let (seconds, only) = (number("BURSAR_FUZZ_SECONDS"), std::env::var("BURSAR_FUZZ").ok());
    for target in TARGETS.iter().filter(|one| only.as_deref().is_none_or(|only| only == one.name)) {
        let corpus = target.corpus();
        if let Some(seed) = number("BURSAR_SEED") {
            target.one(
                &changed(&corpus, &mut fastrand::Rng::with_seed(seed)),
                &format!("seed {seed}"),
            );
            continue;
        }
        for (n, input) in corpus.iter().enumerate() {
            target.one(input, &format!("file {n}"));
        }
        let began = Instant::now();
        let goes_on = |n: u64| match seconds {
            Some(seconds) => began.elapsed() < Duration::from_secs(seconds),
            None => n < target.few,
        };
        let mut seed = 0;
        while goes_on(seed) {
            target.one(
                &changed(&corpus, &mut fastrand::Rng::with_seed(seed)),
                &format!("seed {seed}"),
            );
            seed += 1;
        }
        println!(
            "{}: {} files, {seed} changed ones in {:?}",
            target.name,
            corpus.len(),
            began.elapsed()
        );
    }
}
