//! Changed settings while the daemon runs: through the program, as a person has it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bursar::event::{Body, Event};
use bursar::simulator::{
    Fault, FaultRule, Population, Scenario, SeatKind, SeatSpec, UserSpec, When,
};
use bursar::store::settings::OutboxLimits;
use serde_json::Value;

use crate::support::mosquitto::{Mosquitto, Subscriber, free_port};
use crate::support::process::{Process, bursar, output, until};
use crate::support::receiver::{Mood, Receiver};
use crate::support::setup::{Setup, mqtt_section};

/// No look comes by itself, so that each is asked for.
const NEVER: &str = "  configReload: {seconds: 3600}\n";
/// Looks come by themselves.
const OFTEN: &str = "  configReload: {seconds: 1}\n";

/// A daemon on settings of a file.
struct World {
    setup: Setup,
    daemon: Process,
}

impl World {
    async fn start(more: &str) -> Self {
        Self::of(Scenario::default(), more).await
    }

    async fn of(scenario: Scenario, more: &str) -> Self {
        let setup = Setup::new(scenario).await;
        setup.write(&setup.yaml("every 24 hours", more));
        Self::begin(setup).await
    }

    async fn begin(setup: Setup) -> Self {
        let file = setup.folder.path().join("bursar.yaml");
        let args = ["run", "-c", file.to_str().expect("UTF-8")];
        let mut daemon = Process::start(&args, setup.folder.path());
        daemon.wait_for("bursar starts with");
        let world = Self { setup, daemon };
        // The first answer: from here on it looks.
        let answers = async || (world.reload().0 == Some(0)).then_some(());
        until("the daemon answers", answers).await;
        world
    }

    fn write(&self, more: &str) {
        self.setup.write(&self.setup.yaml("every 24 hours", more));
    }

    fn command(&self, args: &[&str]) -> (Option<i32>, String) {
        let file = self.setup.folder.path().join("bursar.yaml");
        let args = [args, &["-c", file.to_str().expect("UTF-8")]].concat();
        let output = output(&args, self.setup.folder.path());
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        (output.status.code(), String::from_utf8(said).expect("UTF-8"))
    }

    /// What the command says, and its exit code.
    fn reload(&self) -> (Option<i32>, String) {
        self.command(&["reload"])
    }

    fn state(&self) -> Value {
        let (_, json) = self.command(&["reload", "--json"]);
        serde_json::from_str(&json).unwrap_or_else(|_| panic!("{json}"))
    }
}

fn webhook(url: &str) -> String {
    format!(
        "  webhookNotification:
    enable: true
    qlikSenseServerLicenseMonitor:
      rateLimit: 0
      webhooks: [{{description: status, webhookURL: '{url}', httpMethod: POST}}]
"
    )
}

fn connections(broker: &Mosquitto) -> usize {
    broker.log().lines().filter(|line| line.contains("New client connected")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_is_in_force_and_nothing_else_is_touched() {
    let broker = Mosquitto::plain().await;
    let subscriber = Subscriber::new(broker.port, "butler/#").await;
    let mqtt = mqtt_section(broker.port);
    let world = World::start(&format!("{NEVER}{mqtt}")).await;
    subscriber.until("data", |all| !all.is_empty()).await;
    let before = connections(&broker);
    let (code, said) = world.reload();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("nothing changed"), "{said}");

    let receiver = Receiver::start().await;
    world.write(&format!("{NEVER}{mqtt}{}", webhook(&receiver.url("/new"))));
    let (code, said) = world.reload();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("is new: "), "{said}");
    // The site is as it was, so its next poll is tomorrow; what is asked of it now goes to the new place, too.
    world.write(&format!(
        "{NEVER}{mqtt}{}",
        webhook(&receiver.url("/new")) + "  timeZone: Europe/Stockholm\n"
    ));
    let (code, said) = world.reload();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the time zone") && said.contains("site default"), "{said}");
    receiver.wait(|calls| !calls.is_empty()).await;
    assert_eq!(connections(&broker), before, "{}", broker.log());
    let (ended, log) = world.daemon.terminate();
    assert!(ended.success(), "{log:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_file_leaves_everything_running_and_the_old_content_ends_that() {
    let receiver = Receiver::start().await;
    let good = format!("{OFTEN}  web: {{enable: true, port: 0}}\n{}", webhook(&receiver.url("/a")));
    let mut world = World::start(&good).await;
    receiver.wait(|calls| !calls.is_empty()).await;
    let hash = world.state()["hash"].clone();

    world.write(&format!("{good}  timeZone: Nowhere/City\n  locale: elvish\n"));
    let line = world.daemon.wait_for("are not put in force, those of before stay");
    assert!(line.contains("Nowhere/City") && line.contains("elvish"), "all errors: {line}");
    let (code, said) = world.reload();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("goes on with the settings it has"), "{said}");
    let status = world.setup.write(&world.setup.yaml("every 24 hours", &good));
    drop(status);
    world.daemon.wait_for("can be used again");
    let state = world.state();
    assert_eq!(state["hash"], hash, "{state}");
    assert_eq!(state["refused"], Value::Null, "{state}");

    // An empty file is somebody's editor at work.
    std::fs::write(world.setup.folder.path().join("bursar.yaml"), "").unwrap();
    world.daemon.wait_for("it is empty");
    world.write(&good);
    world.daemon.wait_for("can be used again");
    let (ended, log) = world.daemon.terminate();
    assert!(ended.success(), "{log:#?}");
    let refused = log.iter().filter(|line| line.contains("are not put in force")).count();
    assert_eq!(refused, 2, "each is told once: {log:#?}");
}

/// A file that somebody is still writing protects fewer people than it will.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_taken_at_the_second_look_that_finds_the_same() {
    let slow = "  configReload: {seconds: 2}\n";
    let mut world = World::start(slow).await;
    let whole = format!("{slow}  timeZone: Europe/Stockholm\n  locale: sv\n");
    for part in ["  timeZone: Europe/Stockholm\n", "  locale: sv\n"] {
        let file = world.setup.folder.path().join("bursar.yaml");
        let before = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, before + part).unwrap();
    }
    let line = world.daemon.wait_for("other settings are in force");
    assert!(line.contains("the time zone") && line.contains("the locale"), "{line}");
    world.write(&whole);
    assert!(world.reload().1.contains("nothing changed"));
    let (_, log) = world.daemon.terminate();
    let taken = log.iter().filter(|line| line.contains("other settings are in force")).count();
    assert_eq!(taken, 1, "{log:#?}");
}

/// What a reference leads to may be a secret, whatever is wrong with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_reference_leads_to_is_in_no_problem() {
    let world = World::start(&format!("{NEVER}  web: {{enable: true, port: 0}}\n")).await;
    let folder = world.setup.folder.path().to_owned();
    std::fs::write(folder.join("secret"), "hunter2-hunter2\n").unwrap();
    let reference = format!("${{file:{}}}", folder.join("secret").display());
    for more in [
        format!("  web: {{enable: true, port: '{reference}'}}\n"),
        format!("  web: {{enable: true, port: 0, host: '{reference}'}}\n"),
        format!("  report: {{enable: true, frequency: '{reference}'}}\n"),
        format!("  locale: '{reference}'\n"),
        format!("  timeZone: '{reference}'\n"),
    ] {
        world.write(&format!("{NEVER}{more}"));
        let (code, said) = world.reload();
        assert_eq!(code, Some(2), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
        assert!(said.contains("the value of ${file:"), "{said}");
    }
}

/// Who is taken out and put back while a delivery is in hand gets nothing from two at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_comes_back_waits_for_the_one_before() {
    let receiver = Receiver::start().await;
    receiver.set(Mood::Silent);
    let with = format!("{NEVER}{}", webhook(&receiver.url("/slow")));
    let world = World::start(&with).await;
    receiver.wait(|calls| !calls.is_empty()).await;
    for _ in 0..2 {
        world.write(NEVER);
        assert_eq!(world.reload().0, Some(0));
        world.write(&with);
        assert_eq!(world.reload().0, Some(0));
    }
    assert_eq!(receiver.calls().len(), 1, "{:#?}", receiver.calls());
    receiver.set(Mood::Well);
    let taken = async || (!receiver.taken("/slow").is_empty()).then_some(());
    until("it goes on", taken).await;
}

/// Nobody finds out from a seat that is gone that releases are real now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_says_that_releases_become_real_and_who_sees_the_pages() {
    let yearly = |dry_run: bool| releases(dry_run, "").replace("every 1 second", "0 4 1 1 *");
    let world = World::start(&yearly(true)).await;
    world.write(&yearly(false));
    let (code, said) = world.reload();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("releases are REAL from now on"), "{said}");
    // As the log does.
    assert!(said.contains("nobody is told"), "{said}");
    let open = "  web: {enable: true, port: 0, host: 0.0.0.0, hosts: [bursar.example]}\n";
    world.write(&format!("{}{open}", yearly(true)));
    let (code, said) = world.reload();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("releases nothing any more"), "{said}");
    assert!(said.contains("whoever reaches this address"), "{said}");
}

/// What can be read and not be built changes nothing either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_whose_certificate_cant_be_used_is_not_put_in_force() {
    let receiver = Receiver::start().await;
    let good = format!("{NEVER}{}", webhook(&receiver.url("/a")));
    let world = World::start(&good).await;
    let bad = good.replace(
        "httpMethod: POST",
        "httpMethod: POST, cert: {enable: true, rejectUnauthorized: true, certCA: /nowhere.pem}",
    );
    world.write(&format!("{bad}  locale: de\n"));
    let (code, said) = world.reload();
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("/nowhere.pem"), "{said}");
    let state = world.state();
    assert_eq!(state["inForce"], false, "{state}");
    assert_eq!(state["changed"].as_array().map(Vec::len), Some(0), "{state}");
    world.write(&good);
    let (code, said) = world.reload();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("nothing changed"), "not even the locale was: {said}");
}

/// What is queued for a destination goes where it is now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_is_down_is_changed_and_removed_and_nothing_is_lost() {
    let (nowhere, receiver) = (free_port(), Receiver::start().await);
    receiver.set(Mood::Silent);
    let stuck = webhook(&receiver.url("/stuck"));
    let world = World::start(&format!("{NEVER}{}{stuck}", mqtt_section(nowhere))).await;
    // A delivery is in hand that never ends.
    receiver.wait(|calls| !calls.is_empty()).await;
    let broker = Mosquitto::plain().await;
    let subscriber = Subscriber::new(broker.port, "butler/license").await;
    world.write(&format!("{NEVER}{}", mqtt_section(broker.port)));
    let (code, said) = world.reload();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("gets nothing any more"), "{said}");
    subscriber.until("what was queued", |all| !all.is_empty()).await;
    let (_, queues) = world.command(&["outbox", "list"]);
    assert!(queues.contains("webhook/"), "what waits for it is kept and named: {queues}");

    receiver.set(Mood::Well);
    world.write(&format!("{NEVER}{}{stuck}", mqtt_section(broker.port)));
    let (code, said) = world.reload();
    assert_eq!(code, Some(0), "{said}");
    let taken = async || (!receiver.taken("/stuck").is_empty()).then_some(());
    until("what waited for it since it was removed", taken).await;
}

/// The address stays, and who has the page open sees the new settings.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hangup_reloads_and_the_pages_keep_their_address() {
    let more = format!("{NEVER}  web: {{enable: true, port: {}}}\n", free_port());
    let mut world = World::start(&more).await;
    let page = world.daemon.wait_for("status page at http://");
    let page = page.split("status page at ").nth(1).unwrap().trim().to_owned();
    let settings = async || reqwest::get(format!("{page}settings")).await.unwrap().text().await;
    assert!(!settings().await.unwrap().contains("Europe/Stockholm"));
    world.write(&format!("{more}  timeZone: Europe/Stockholm\n"));
    let sent = Command::new("kill").args(["-HUP", &world.daemon.id().to_string()]).status();
    assert!(sent.unwrap().success());
    world.daemon.wait_for("other settings are in force");
    let shown = settings().await.unwrap();
    assert!(shown.contains("Europe/Stockholm"), "{shown}");
    let (ended, log) = world.daemon.terminate();
    assert!(ended.success(), "{log:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_needs_a_restart_is_named_and_stays() {
    let world = World::start(NEVER).await;
    world.write(&format!("{NEVER}  logFormat: json\n"));
    let (code, said) = world.reload();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("how the log is written is in force after a restart"), "{said}");
    let file = world.setup.folder.path().join("bursar.yaml");
    let moved = std::fs::read_to_string(&file).unwrap();
    let store = world.setup.store().display().to_string();
    std::fs::write(&file, moved.replace(&store, &format!("{store}.moved"))).unwrap();
    let (code, said) = world.reload();
    assert_eq!(code, Some(1), "there is no daemon on that one: {said}");
    assert!(said.contains("if Butler.storage.path was changed, restart"), "{said}");
    assert!(!Path::new(&format!("{store}.moved")).exists());
}

/// So many seats that are due, on a site that is slow to delete.
pub(crate) fn idle(count: usize) -> Scenario {
    let names: Vec<String> = (0..count).map(|n| format!("idle{n:02}")).collect();
    let users = names.iter().map(|id| UserSpec {
        directory: "CORP".into(),
        user_id: id.clone(),
        ..UserSpec::default()
    });
    let seats = names.iter().map(|id| SeatSpec {
        kind: SeatKind::Analyzer,
        user: format!("CORP\\{id}"),
        last_used: When::days_ago(100),
        ..SeatSpec::default()
    });
    // Somebody works, or the site's use is not believed.
    let users = users.chain([UserSpec {
        directory: "CORP".into(),
        user_id: "busy".into(),
        ..UserSpec::default()
    }]);
    let seats = seats.chain([SeatSpec {
        kind: SeatKind::Analyzer,
        user: "CORP\\busy".into(),
        last_used: When::days_ago(1),
        ..SeatSpec::default()
    }]);
    let faults =
        vec![FaultRule { method: Some("DELETE".into()), ..Fault::Latency { millis: 500 }.into() }];
    let population = Population { users: 0, professional: 0, analyzer: 0, ..Population::default() };
    Scenario {
        population,
        users: users.collect(),
        seats: seats.collect(),
        faults,
        ..Scenario::default()
    }
}

pub(crate) fn releases(dry_run: bool, more: &str) -> String {
    format!(
        "    licenseRelease:
      enable: true
      dryRun: {dry_run}
      licenseKeyShared: false
      frequency: every 1 second
      concurrency: 1
{more}      licenseType:
        analyzer: {{enable: true, releaseThresholdDays: 30, maxReleasePercent: 100, maxReleases: 99}}
{NEVER}"
    )
}

fn released(setup: &Setup) -> BTreeSet<String> {
    let requests = setup.site.control().requests();
    requests.iter().filter(|r| r.method == "DELETE").map(|r| r.line()).collect()
}

/// An emergency protection holds for the run that is under way: what is in hand is finished, and no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_stops_a_run_after_the_seats_in_hand() {
    const SEATS: usize = 90;
    let mut world = World::of(idle(SEATS), &releases(false, "")).await;
    let begun = async || (!released(&world.setup).is_empty()).then_some(());
    until("a seat is released", begun).await;
    world.write(&releases(true, ""));
    let (code, said) = world.reload();
    assert_eq!(code, Some(0), "{said}");
    let at_reload = released(&world.setup).len();
    let line = world.daemon.wait_for("release stopped");
    assert!(line.contains("released"), "{line}");
    // What was under way when the settings came is what else may go: two lanes at most.
    let line = world.daemon.wait_for("rehearsal done");
    assert!(line.contains("would"), "{line}");
    let all = released(&world.setup).len();
    assert!(all <= at_reload + 2 && all < SEATS, "{at_reload} at the reload, {all} in all");
    let (ended, log) = world.daemon.terminate();
    assert!(ended.success(), "{log:#?}");
}

/// Whoever is protected before a run begins keeps the seat, however long it is until the next look.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_begins_with_a_look_at_the_settings() {
    let setup = Setup::new(idle(8)).await;
    let file = setup.write(&setup.yaml("every 24 hours", &releases(false, "")));
    let file = file.to_str().unwrap();
    let locked = output(
        &["release", "lock", "--until", "2099-01-07", "--why", "not yet", "-c", file],
        setup.folder.path(),
    );
    assert!(locked.status.success());
    let mut world = World::begin(setup).await;
    world.daemon.wait_for("not yet");
    let keep = "      neverRelease: {user: [{userDir: CORP, userId: idle07}]}\n";
    world.write(&releases(false, keep));
    let (code, said) = world.command(&["release", "unlock"]);
    assert_eq!(code, Some(0), "{said}");
    let line = world.daemon.wait_for("release done");
    assert!(line.contains("7 released"), "{line}");
    assert_eq!(released(&world.setup).len(), 7);
}

/// A file that its writer has left by half for a moment is not read for a run: whom the whole one protects keeps the seat.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_waits_until_the_settings_are_at_rest() {
    let keep = "      neverRelease: {user: [{userDir: CORP, userId: idle07}]}\n";
    let setup = Setup::new(idle(8)).await;
    setup.write(&setup.yaml("every 24 hours", &releases(false, keep)));
    let file = setup.folder.path().join("bursar.yaml");
    let lock = ["release", "lock", "--until", "2099-01-07", "--why", "not yet", "-c"];
    let args = [&lock[..], &[file.to_str().unwrap()]].concat();
    assert!(output(&args, setup.folder.path()).status.success());
    let mut world = World::begin(setup).await;
    world.daemon.wait_for("not yet");
    world.write(&releases(false, ""));
    assert_eq!(world.command(&["release", "unlock"]).0, Some(0));
    world.daemon.wait_for("somebody is writing the settings");
    world.write(&releases(false, keep));
    let line = world.daemon.wait_for("release done");
    assert!(line.contains("7 released"), "{line}");
    let kept = world.setup.site.control().seat_of(SeatKind::Analyzer, "CORP", "idle07");
    assert!(kept.is_some());
}

/// Whoever changes the settings before each run has none, and is told so where the runs are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_other_settings_kept_from_beginning_is_told() {
    let setup = Setup::new(idle(8)).await;
    let file = setup.write(&setup.yaml("every 24 hours", &releases(false, "")));
    let lock = ["release", "lock", "--until", "2099-01-07", "--why", "not yet", "-c"];
    let args = [&lock[..], &[file.to_str().unwrap()]].concat();
    assert!(output(&args, setup.folder.path()).status.success());
    let mut world = World::begin(setup).await;
    world.daemon.wait_for("not yet");
    world.write(&releases(false, "").replace("every 1 second", "every 24 hours"));
    world.daemon.wait_for("was not begun: other settings came into force");
    let told = async || {
        let (_, said) = world.command(&["status"]);
        said.contains("was not begun: other settings").then_some(())
    };
    until("status says why nothing was released", told).await;
    assert!(released(&world.setup).is_empty());
}

/// So it does for a run by hand, which no daemon knows of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_settings_stop_a_command_after_the_seats_in_hand() {
    const SEATS: usize = 90;
    let setup = Setup::new(idle(SEATS)).await;
    let file = setup.write(&setup.yaml("every 24 hours", &releases(true, "")));
    let mut command = bursar(&["release", "apply", "--yes", "--real", "-c"]);
    command.arg(&file).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    let begun = async || (!released(&setup).is_empty()).then_some(());
    until("a seat is released", begun).await;
    setup.write(&setup.yaml("every 24 hours", &releases(false, "")));
    let ended = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("the settings have changed since this command read them"), "{said}");
    assert_eq!(ended.status.code(), Some(3), "{said}");
    assert!(released(&setup).len() < SEATS, "{said}");
}

/// Any edits, valid or broken, end in the last valid ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_edits_end_in_the_last_valid_ones() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let receiver = Receiver::start().await;
    let valid = |n: usize| format!("{NEVER}{}", webhook(&receiver.url(&format!("/{n}"))));
    let world = World::start(&valid(0)).await;
    let mut last = 0;
    for step in 0..12 {
        let n = rng.usize(0..4);
        let broken = rng.u8(0..3);
        match broken {
            0 => world.write(&format!("{}  locale: nowhere\n", valid(n))),
            1 => {
                world.write(&valid(n).replace("url", "\turl").replace("enable: true", "enable: {"))
            }
            _ => {
                world.write(&valid(n));
                last = n;
            }
        }
        let (code, said) = world.reload();
        assert_eq!(code, Some(if broken == 2 { 0 } else { 2 }), "seed {seed}, {step}: {said}");
    }
    world.write(&valid(last));
    let state = world.state();
    assert_eq!(state["refused"], Value::Null, "seed {seed}: {state}");
    assert_eq!(state["changed"].as_array().map(Vec::len), Some(0), "seed {seed}: {state}");
    // Who watches it is the queue of the last valid ones, and no other.
    world.write(&format!("{}  timeZone: Europe/Stockholm\n", valid(last)));
    let before = receiver.calls().len();
    assert_eq!(world.reload().0, Some(0));
    let calls = receiver.wait(|calls| calls.len() > before).await;
    let path = format!("/{last}");
    assert!(calls[before..].iter().all(|call| call.path == path), "seed {seed}: {calls:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_daemon_nothing_is_read_again() {
    let setup = Setup::new(Scenario::default()).await;
    let file = setup.write(&setup.yaml("every 24 hours", ""));
    let output = bursar(&["reload", "-c"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no daemon runs on"), "{said}");
}

/// What a destination that is down has queued is kept, however much that is, and nobody waits for it. `tests/long.sh`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_with_100_000_events_is_changed_and_removed_at_once() {
    const EVENTS: usize = 100_000;
    if std::env::var_os("BURSAR_LONG").is_none() {
        return;
    }
    let setup = Setup::new(Scenario::default()).await;
    let nowhere = |path: &str| webhook(&format!("http://127.0.0.1:{}/{path}", free_port()));
    let yaml = setup.yaml("every 24 hours", &format!("{NEVER}{}", nowhere("one")));
    setup.write(&yaml);
    let settings = setup.load(&yaml);
    let queues = bursar::destination::registry::queues(&settings.destinations);
    let queue = queues.iter().find(|queue| queue.id.starts_with("webhook")).unwrap().id.clone();
    let samples = bursar::destination::template::samples::all();
    let is_status = |event: &&Event| matches!(event.body, Body::ServerLicenseStatus(_));
    let sample = samples.iter().find(is_status).unwrap();
    let limits =
        OutboxLimits { max_events: EVENTS as u64, max_age: Duration::from_secs(30 * 86_400) };
    let store =
        crate::support::store::open(&setup.store(), limits, chrono::Utc::now).await.unwrap();
    let now = chrono::Utc::now();
    for _ in 0..EVENTS / 5_000 {
        let event = || Event::new("default", now, sample.body.clone());
        let all = (0..5_000).map(|_| (event(), vec![queue.clone()])).collect();
        store.record(all).await.unwrap();
    }
    store.close().await;
    let world = World::begin(setup).await;
    let waiting = || {
        let (_, json) = world.command(&["status", "--json"]);
        let status: Value = serde_json::from_str(&json).unwrap();
        let queues = status["queues"].as_array().unwrap().clone();
        let of = |queue: &Value| queue["pending"].as_u64().unwrap_or_default();
        queues.iter().map(of).max().unwrap_or_default()
    };
    let before = waiting();
    assert!(before >= EVENTS as u64 - 1, "{before}");
    for (what, more) in [("changed", nowhere("two")), ("removed", String::new())] {
        world.write(&format!("{NEVER}{more}"));
        let began = std::time::Instant::now();
        let (code, said) = world.reload();
        let took = began.elapsed();
        assert_eq!(code, Some(0), "{said}");
        assert!(took < Duration::from_secs(2), "{what}: {took:?}");
        eprintln!("{what} with {before} events queued: in force after {took:?}");
        assert_eq!(waiting(), before, "{what}: nothing is lost");
    }
}
