//! What settings refer to and isn't there: a variable, a file, a credential. It keeps from working what it is
//! for, one site or one destination, and nothing else.

use std::path::Path;
use std::process::Output;

use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::event::{Monitor, Rule};
use bursar::simulator::Scenario;

use crate::support::process::{Process, bursar, until};
use crate::support::receiver::Receiver;
use crate::support::setup::Setup;

/// Set in no environment.
const NOWHERE: &str = "BURSAR_TEST_NOWHERE";

/// Three webhooks: one that can be called, one with a header from a file, one whose address is in a variable.
fn webhooks(receiver: &Receiver, secret: &Path) -> String {
    format!(
        "  webhookNotification:
    enable: true
    qlikSenseServerLicenseMonitor:
      rateLimit: 0
      webhooks:
        - {{description: well, webhookURL: '{well}', httpMethod: POST}}
        - {{description: later, webhookURL: '{later}', httpMethod: POST, headers: [{{name: X-Key, value: '${{file:{secret}}}'}}]}}
        - {{description: hidden, webhookURL: '${{env:{NOWHERE}}}', httpMethod: POST}}
",
        well = receiver.url("/well"),
        later = receiver.url("/later"),
        secret = secret.display(),
    )
}

/// Two names for the simulated site; where the second one is, is told by a reference.
fn two_sites(reference: &str) -> String {
    format!(
        "  sites:\n    - name: one\n    - name: two\n      configQRS: {{host: '{reference}'}}\n"
    )
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

fn run(arguments: &[&str], folder: &Path) -> (Option<i32>, String) {
    let output = bursar(arguments).current_dir(folder).output().unwrap();
    (output.status.code(), said(&output))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_site_and_two_webhooks_are_left_out_and_the_rest_starts() {
    let setup = Setup::new(Scenario::default()).await;
    let receiver = Receiver::start().await;
    let secret = setup.folder.path().join("later.secret");
    let more = two_sites(&format!("${{env:{NOWHERE}}}")) + &webhooks(&receiver, &secret);
    let file = setup.write(&setup.yaml("every 6 hours", &more));
    let (file, folder) = (file.to_str().unwrap(), setup.folder.path());

    let mut daemon = Process::start(&["run", "-c", file], folder);
    let line = daemon.wait_for("left out until it is mended");
    assert!(line.contains("bursar.yaml:"), "{line}");
    daemon.wait_for("access licenses");
    receiver.wait(|calls| calls.iter().any(|call| call.path == "/well")).await;
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
    assert!(receiver.taken("/later").is_empty());

    // What waits is kept, also that of the webhook whose address nobody knows.
    let (code, waiting) = run(&["outbox", "list", "-c", file], folder);
    assert_eq!(code, Some(0), "{waiting}");
    assert_eq!(waiting.matches(" waiting ").count(), 2, "{waiting}");

    // Both checks tell all of it, with its place.
    let unset = format!("the environment variable {NOWHERE} is not set");
    for command in [&["check", "-c", file][..], &["config", "check", "-c", file]] {
        let (code, told) = run(command, folder);
        assert_eq!(code, Some(3), "{command:?}: {told}");
        for part in [
            "Butler.sites[1].configQRS.host",
            "webhooks[1].headers[0].value",
            "webhooks[2].webhookURL",
            &unset,
            "later.secret",
        ] {
            assert!(told.contains(part), "{command:?} without {part}: {told}");
        }
    }
    let (code, told) = run(&["run", "-c", file, "--strict"], folder);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains(&unset) && told.contains("later.secret"), "{told}");

    // Nothing is asked of a site that is not known whole, whoever asks.
    for command in
        [&["release", "plan", "--site", "two", "-c", file][..], &["status", "--live", "-c", file]]
    {
        let (_, told) = run(command, folder);
        assert!(told.contains("left out until its settings are complete"), "{command:?}: {told}");
    }
    let (_, explained) = run(&["config", "explain", "-c", file], folder);
    let host = explained.lines().find(|line| line.starts_with("Butler.sites[1].configQRS.host"));
    assert!(host.is_some_and(|line| line.contains("(unknown)")), "{explained}");

    // With the variable and the file there, what waited goes where it belongs.
    std::fs::write(&secret, "key-of-later\n").unwrap();
    let mut command = bursar(&["run", "-c", file]);
    // Of a site this is no address, so that one still fails, as any site does.
    command.env(NOWHERE, receiver.url("/hidden")).current_dir(folder);
    let refused = command.output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "a wrong value is a mistake: {}", said(&refused));
    let text = std::fs::read_to_string(file).unwrap();
    let host = setup.site.addr().ip().to_string();
    let text = text.replace(&format!("host: '${{env:{NOWHERE}}}'"), &format!("host: '{host}'"));
    std::fs::write(file, text).unwrap();
    let mut daemon = Process::spawn(&mut command);
    daemon.wait_for("were queued while the address of");
    for path in ["/hidden", "/later"] {
        receiver.wait(|calls| calls.iter().any(|call| call.path == path)).await;
    }
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_again_comes_in_without_a_restart() {
    let setup = Setup::new(Scenario::default()).await;
    let receiver = Receiver::start().await;
    let (address, secret) =
        (setup.folder.path().join("address"), setup.folder.path().join("later.secret"));
    let reference = format!("${{file:{}}}", address.display());
    let more =
        two_sites(&reference) + &webhooks(&receiver, &secret) + "  configReload: {seconds: 1}\n";
    let settings = setup.load(&setup.yaml("every 10 minutes", &more));
    let clock = Clock::fast(chrono::Utc::now(), 600.0);
    let daemon = Daemon::start(settings, clock).await.expect("it starts with the other site");
    let store = daemon.store();
    let health = async |site: &str| {
        let all = store.health().await.unwrap();
        all.into_iter().find(|h| h.site == site && h.monitor == Monitor::AccessLicense)
    };
    let works = async |site| health(site).await.filter(|h| h.failures == 0).map(drop);
    until("the first site", async || works("one").await).await;
    let fails = async || health("two").await?.problem().cloned();
    let problem = until("the second one's problem", fails).await;
    assert_eq!(problem.code, "settings-missing");
    assert!(
        problem.text.contains("Butler.sites[1].configQRS.host: cannot read"),
        "{}",
        problem.text
    );
    let fires = async || {
        let alerts = store.alerts().await.unwrap();
        alerts
            .into_keys()
            .any(|key| key.site == "two" && key.rule == Rule::SiteUnreachable)
            .then_some(())
    };
    until("an alert", fires).await;
    let waits = async || {
        let queues = store.queue_states().await.unwrap();
        queues
            .into_iter()
            .find_map(|queue| queue.last_error.filter(|why| why.contains("later.secret")))
    };
    until("why it waits", waits).await;
    assert!(receiver.taken("/later").is_empty());
    std::fs::write(&address, setup.site.addr().ip().to_string()).unwrap();
    std::fs::write(&secret, "key-of-later\n").unwrap();
    until("the second site, without a restart", async || works("two").await).await;
    receiver.wait(|calls| calls.iter().any(|call| call.path == "/later")).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_site_left_it_does_not_start() {
    let setup = Setup::new(Scenario::default()).await;
    let folder = setup.folder.path().to_owned();
    let common = setup.yaml("every 6 hours", "").replace(
        &format!("host: {}", setup.site.addr().ip()),
        &format!("host: '${{env:{NOWHERE}}}'"),
    );
    // Of the whole daemon there is but one.
    let storage = setup
        .yaml("every 6 hours", "")
        .replace("logLevel: info", &format!("logLevel: '${{env:{NOWHERE}}}'"));
    let unset = format!("the environment variable {NOWHERE} is not set");
    for text in [common, storage] {
        let file = setup.write(&text);
        for command in ["run", "check"] {
            let (code, told) = run(&[command, "-c", file.to_str().unwrap()], &folder);
            assert_eq!(code, Some(2), "{command}: {told}");
            assert!(told.contains(&unset), "{command}: {told}");
        }
    }
}

/// A protection that isn't known may be anybody's: no seat of such a site is looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_leads_nowhere_leaves_its_site_out() {
    let setup = Setup::new(Scenario::default()).await;
    let more = format!(
        "  sites:
    - name: one
    - name: two
      qlikSenseLicense: {{licenseRelease: {{neverRelease: {{tag: ['${{env:{NOWHERE}}}']}}}}}}
"
    );
    let file = setup.write(&setup.yaml("every 6 hours", &more));
    let (code, told) = run(
        &["release", "plan", "--site", "two", "-c", file.to_str().unwrap()],
        setup.folder.path(),
    );
    assert_ne!(code, Some(0), "{told}");
    assert!(told.contains(NOWHERE) && told.contains("left out"), "{told}");
}

/// The file of a template is a destination's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_without_its_template_waits() {
    let setup = Setup::new(Scenario::default()).await;
    let receiver = Receiver::start().await;
    let template = setup.folder.path().join("later.hbs");
    let more = format!(
        "  webhookNotification:
    enable: true
    qlikSenseServerLicenseMonitor:
      rateLimit: 0
      webhooks:
        - {{description: later, webhookURL: '{later}', httpMethod: POST, templateFile: '{template}'}}
  configReload: {{seconds: 1}}
",
        later = receiver.url("/later"),
        template = template.display(),
    );
    let settings = setup.load(&setup.yaml("every 6 hours", &more));
    let daemon = Daemon::start(settings, Clock::System).await.expect("it starts");
    let store = daemon.store();
    let waits = async || {
        let queues = store.queue_states().await.unwrap();
        queues
            .into_iter()
            .find_map(|queue| queue.last_error.filter(|why| why.contains("later.hbs")))
    };
    until("why it waits", waits).await;
    std::fs::write(&template, "{\"made\": \"of a template\"}").unwrap();
    receiver.wait(|calls| calls.iter().any(|call| call.path == "/later")).await;
    daemon.stop().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_files_end_at_their_limit_and_so_many_stay() {
    let setup = Setup::new(Scenario::default()).await;
    let logs = setup.folder.path().join("log");
    std::fs::create_dir_all(&logs).unwrap();
    let day = chrono::Utc::now().date_naive();
    let of = |days: i64| day - chrono::Duration::days(days);
    for days in 1..=4 {
        std::fs::write(logs.join(format!("bursar.{}.log", of(days))), "old\n").unwrap();
    }
    // Nearly full: the next line begins another file.
    for day in [day, day + chrono::Duration::days(1)] {
        std::fs::write(logs.join(format!("bursar.{day}.log")), vec![b'x'; 999_999]).unwrap();
    }
    let yaml = setup.yaml("every 6 hours", "").replace(
        "  logLevel: info\n",
        "  logLevel: info\n  fileLogging: true\n  logDirectory: log\n  logFileMaxMB: 1\n  logFilesKept: 3\n",
    );
    let file = setup.write(&yaml);
    let mut daemon = Process::start(&["run", "-c", file.to_str().unwrap()], setup.folder.path());
    daemon.wait_for("access licenses");
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
    let mut files: Vec<_> = std::fs::read_dir(&logs)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()))
        .collect();
    files.sort();
    assert_eq!(files.len(), 3, "{files:?}");
    assert!(files.iter().all(|(_, bytes)| *bytes <= 1_000_000), "{files:?}");
    assert!(files.iter().any(|(name, bytes)| name.ends_with(".1.log") && *bytes > 0), "{files:?}");
}

/// Who restores a folder of log files gives the oldest day the newest time of the file system: the day in the name
/// decides which of them go, and what today's file has stays.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_restored_log_folder_the_days_in_the_names_decide() {
    let setup = Setup::new(Scenario::default()).await;
    let logs = setup.folder.path().join("log");
    std::fs::create_dir_all(&logs).unwrap();
    let day = chrono::Utc::now().date_naive();
    let name = |days: i64| format!("bursar.{}.log", day - chrono::Duration::days(days));
    let now = std::time::SystemTime::now();
    // Tomorrow's is there, too, in case the day ends meanwhile.
    for days in -1..29_i64 {
        let path = logs.join(name(days));
        std::fs::write(&path, format!("of day {days}\n")).unwrap();
        let age = std::time::Duration::from_secs((40 - days).unsigned_abs() * 86_400);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(now - age).unwrap();
    }
    let yaml = setup.yaml("every 6 hours", "").replace(
        "  logLevel: info\n",
        "  logLevel: info\n  fileLogging: true\n  logDirectory: log\n  logFilesKept: 10\n",
    );
    let file = setup.write(&yaml);
    let mut daemon = Process::start(&["run", "-c", file.to_str().unwrap()], setup.folder.path());
    daemon.wait_for("access licenses");
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
    let files = std::fs::read_dir(&logs).unwrap();
    let mut left: Vec<_> =
        files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    let newest: Vec<_> = (-1..9).rev().map(name).collect();
    assert_eq!(left, newest);
    let today = std::fs::read_to_string(logs.join(name(0))).unwrap();
    assert!(today.starts_with("of day 0\n") && today.lines().count() > 1, "{today}");
    for days in 1..9 {
        let text = std::fs::read_to_string(logs.join(name(days))).unwrap();
        assert_eq!(text, format!("of day {days}\n"));
    }
}
