//! More sites than files that may be open.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use bursar::qrs::{Client, Connections, Patience};
use bursar::simulator::Scenario;
use serde_json::Value;

use crate::support::process::{self, Process};
use crate::support::proxy::{Mode, Proxy};
use crate::support::setup::Setup;

/// The program with at most so many open files.
fn limited(files: u64, args: &[&str], setup: &Setup) -> Command {
    let program = process::bursar(args);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\"")])
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(setup.folder.path())
        .env("NO_COLOR", "1")
        .stdin(std::process::Stdio::null());
    shell
}

/// Settings with so many sites, all of them the simulated one, but for those that are to be found at another port.
fn settings(setup: &Setup, sites: usize, lost: Option<u16>) {
    let mut list = String::from("  sites:\n");
    for n in 0..sites {
        let _ = match lost.filter(|_| is_lost(n)) {
            Some(port) => writeln!(list, "    - {{name: site{n}, configQRS: {{port: {port}}}}}"),
            None => writeln!(list, "    - {{name: site{n}}}"),
        };
    }
    setup.write(&setup.yaml("every 6 hours", &list));
}

/// Three of ten.
fn is_lost(site: usize) -> bool {
    site % 10 < 3
}

/// Which sites were read, and what was said of the others.
fn read(setup: &Setup) -> (BTreeSet<String>, BTreeSet<String>) {
    let output = process::output(&["status", "-c", "bursar.yaml", "--json"], setup.folder.path());
    let Ok(status) = serde_json::from_slice::<Value>(&output.stdout) else {
        return Default::default();
    };
    let mut found = (BTreeSet::new(), BTreeSet::new());
    for site in status["sites"].as_array().into_iter().flatten() {
        let name = site["name"].as_str().unwrap_or_default();
        let monitors = site["monitors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let read = |monitor: &Value| monitor["health"]["lastSuccess"].is_string();
        if !monitors.is_empty() && monitors.iter().all(read) {
            found.0.insert(name.to_owned());
        }
        let errors = monitors.iter().filter_map(|m| m["health"]["error"]["text"].as_str());
        found.1.extend(errors.map(str::to_owned));
    }
    found
}

/// Watches so many sites with so many files; returns what the daemon said, and the most files it had open.
async fn watch(
    sites: usize,
    files: u64,
    within: Duration,
    lost: Option<u16>,
) -> (Vec<String>, usize) {
    let setup = Setup::new(Scenario::default()).await;
    settings(&setup, sites, lost);
    let there = (0..sites).filter(|n| lost.is_none() || !is_lost(*n)).count();
    let told = tokio::task::spawn_blocking(move || {
        let mut command = limited(files, &["run", "-c", "bursar.yaml"], &setup);
        let mut daemon = Process::spawn(&mut command);
        daemon.wait_for("open files, and there may be");
        let folder = format!("/proc/{}/fd", daemon.id());
        let (mut most, deadline) = (0, Instant::now() + within);
        loop {
            // What it was born with may have higher numbers.
            let open = std::fs::read_dir(&folder)
                .unwrap()
                .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u64>().ok());
            most = most.max(open.filter(|number| *number < files).count());
            let (read, errors) = read(&setup);
            let others = errors
                .iter()
                .filter(|error| lost.is_none_or(|port| !error.contains(&port.to_string())));
            assert_eq!(others.count(), 0, "{errors:?}");
            if read.len() == there && errors.is_empty() == lost.is_none() {
                break;
            }
            assert!(Instant::now() < deadline, "{} of {there} sites were read", read.len());
        }
        let (status, said) = daemon.terminate();
        assert!(status.success());
        (said, most)
    });
    told.await.unwrap()
}

fn said(lines: &[String], text: &str) -> String {
    let line = lines.iter().find(|line| line.contains(text));
    line.unwrap_or_else(|| panic!("{text:?} is not in {lines:#?}")).clone()
}

#[tokio::test]
async fn three_hundred_sites_are_read_with_128_open_files() {
    let (lines, most) = watch(300, 128, Duration::from_secs(120), None).await;
    said(&lines, "300 site(s) and the rest need 1264 open files, and there may be 128");
    said(&lines, "so at most 48 request(s) are under way at a time");
    assert!(most < 128, "{most}");
}

/// The soft limit alone is no obstacle.
#[tokio::test]
async fn the_soft_limit_is_raised() {
    let setup = Setup::new(Scenario::default()).await;
    setup.write(&setup.yaml("every 6 hours", ""));
    let told = tokio::task::spawn_blocking(move || {
        let program = process::bursar(&[]).get_program().to_owned();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "ulimit -Sn 64 && exec \"$0\" run -c bursar.yaml"])
            .arg(program)
            .current_dir(setup.folder.path())
            .env("NO_COLOR", "1");
        let mut daemon = Process::spawn(&mut shell);
        let line = daemon.wait_for("open files, and there may be");
        daemon.terminate();
        line
    });
    let line = told.await.unwrap();
    assert!(line.contains("1 site(s) and the rest need 68 open files"), "{line}");
    assert!(line.contains("limit_before=64") && !line.contains("there may be 64"), "{line}");
}

/// What is said where not one connection can be made for want of files, which a resolver calls by another
/// name. In a process of its own, which runs this test again and uses all its files up.
#[tokio::test]
async fn want_of_files_is_named_as_such() {
    const NAME: &str = "bounds::many_sites::want_of_files_is_named_as_such";
    if std::env::var_os("BURSAR_USE_FILES_UP").is_none() {
        let again = Command::new("sh")
            .args(["-c", &format!("ulimit -n 128 && exec \"$0\" --exact {NAME}")])
            .arg(std::env::current_exe().unwrap())
            .env("BURSAR_USE_FILES_UP", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&again.stdout);
        assert!(again.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let setup = Setup::new(Scenario::default()).await;
    let settings = setup.load(&setup.yaml("every 6 hours", ""));
    for host in ["127.0.0.1", "localhost"] {
        let mut connection = settings.sites[0].connection.clone();
        connection.host = host.to_owned();
        let client = |connections| Client::sharing("test", &connection, &connections).unwrap();
        // Each request on a connection of its own, with files that were read.
        let known = client(Connections::at_most(1));
        known.about(Patience::ONCE).await.unwrap();
        let fresh = client(Connections::unlimited());
        let mut held = Vec::new();
        // The site's side of the connection is closed only now.
        for _ in 0..10_000 {
            while let Ok(file) = std::fs::File::open("/dev/null") {
                held.push(file);
            }
            tokio::task::yield_now().await;
        }
        let errors = [known.about(Patience::ONCE).await, fresh.about(Patience::ONCE).await];
        drop(held);
        for error in errors.map(Result::unwrap_err) {
            assert_eq!(error.code(), "no-files", "{error}");
            assert!(error.to_string().contains("has as many files open as it may"), "{error}");
        }
    }
}

#[tokio::test]
async fn check_asks_many_sites_with_few_files() {
    let setup = Setup::new(Scenario::default()).await;
    settings(&setup, 150, None);
    let run = move || limited(110, &["check", "-c", "bursar.yaml"], &setup).output().unwrap();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.matches(": connection").count(), 150, "{said}");
    assert!(output.status.success(), "{said}");
}

/// A thousand sites under the usual limit, of which three hundred refuse connections: `tests/long.sh`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_sites_are_read_with_1024_open_files() {
    if std::env::var_os("BURSAR_LONG").is_none() {
        return;
    }
    let began = Instant::now();
    let nobody = Proxy::start(1, Mode::Refuse).await;
    let (lines, most) = watch(1_000, 1_024, Duration::from_secs(600), Some(nobody.port)).await;
    said(&lines, "1000 site(s) and the rest need 4064 open files, and there may be 1024");
    assert!(most < 1_024, "{most}");
    eprintln!(
        "the 700 of 1,000 sites that answer read in {:?}, at most {most} files open when looked at",
        began.elapsed()
    );
}
