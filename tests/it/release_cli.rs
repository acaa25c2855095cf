//! `bursar release` as a person types it, and the daemon's own runs.

use std::path::{Path, PathBuf};
use std::process::Output;

use bursar::ledger::{Entry, Mode, Trigger};
use bursar::simulator::{Population, PropertySpec, Scenario, SeatKind, SeatSpec, UserSpec, When};
use bursar::store::Addition;

use crate::support::process::{Process, output};
use crate::support::setup::Setup;

mod told;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn user(id: &str) -> UserSpec {
    UserSpec { directory: "CORP".into(), user_id: id.into(), ..UserSpec::default() }
}

fn seat(id: &str, last_used: When) -> SeatSpec {
    SeatSpec {
        kind: SeatKind::Analyzer,
        user: format!("CORP\\{id}"),
        last_used,
        ..SeatSpec::default()
    }
}

/// Ten Analyzer seats: two idle ones (`idle1` for 100 days, `idle2` for 90), one that is tagged,
/// one whose property protects it, one that was never used and allocated yesterday, five in use.
fn scenario() -> Scenario {
    let mut users = vec![
        user("idle1"),
        user("idle2"),
        UserSpec { tags: vec!["VIP".into()], ..user("tagged") },
        UserSpec {
            custom_properties: vec![PropertySpec { name: "Keep".into(), value: "yes".into() }],
            ..user("property")
        },
        user("fresh"),
    ];
    let mut seats = vec![
        seat("idle1", When::days_ago(100)),
        seat("idle2", When::days_ago(90)),
        seat("tagged", When::days_ago(200)),
        seat("property", When::days_ago(300)),
        SeatSpec { created: When::days_ago(1), ..seat("fresh", When::Never) },
    ];
    for n in 1..=5 {
        let id = format!("busy{n}");
        users.push(user(&id));
        seats.push(seat(&id, When::days_ago(n)));
    }
    let population = Population { users: 0, professional: 0, analyzer: 0, ..Population::default() };
    Scenario { population, users, seats, ..Scenario::default() }
}

/// The settings, with `keys` of `licenseRelease` beside the rules.
fn settings(setup: &Setup, keys: &str, analyzer: &str) -> PathBuf {
    let release = format!(
        "    licenseRelease:
      licenseKeyShared: false
{keys}
      neverRelease:
        tag: [vip]
        customProperty: [{{name: keep, value: YES}}]
      licenseType:
        analyzer: {{enable: true, releaseThresholdDays: 30{analyzer}}}
"
    );
    setup.write(&setup.yaml("every 24 hours", &release))
}

fn run(setup: &Setup, file: &Path, args: &[&str]) -> Output {
    let mut all = vec!["release", args[0], "-c", file.to_str().expect("UTF-8")];
    all.extend(&args[1..]);
    output(&all, setup.folder.path())
}

/// The requests that change something.
fn changes(setup: &Setup) -> Vec<String> {
    let requests = setup.site.control().requests();
    requests.iter().filter(|r| r.method != "GET").map(|r| r.line()).collect()
}

fn has_seat(setup: &Setup, id: &str) -> bool {
    setup.site.control().seat_of(SeatKind::Analyzer, "CORP", id).is_some()
}

const ON: &str = "      enable: true\n      dryRun: false";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_shows_totals_people_and_reasons_and_changes_nothing() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, "", "");
    let plan = run(&setup, &file, &["plan"]);
    let said = text(&plan.stdout);
    assert_eq!(plan.status.code(), Some(0), "{said}{}", text(&plan.stderr));
    for expected in [
        "would release 2 of 10 Analyzer seats",
        "CORP\\idle1",
        "idle for 100 days",
        "CORP\\idle2",
        "tag",
        "custom-property",
        "never-used",
        "used",
    ] {
        assert!(said.contains(expected), "{expected} is missing:\n{said}");
    }
    assert!(!said.contains("CORP\\busy1"), "{said}");
    let first = said.find("CORP\\idle1").unwrap();
    assert!(first < said.find("CORP\\idle2").unwrap(), "oldest idle first:\n{said}");
    let all = text(&run(&setup, &file, &["plan", "--all"]).stdout);
    assert!(all.contains("CORP\\busy1"), "{all}");
    assert_eq!(changes(&setup), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_answers_rule_by_rule() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, "", "");
    let kept = text(&run(&setup, &file, &["plan", "--explain", "corp\\TAGGED"]).stdout);
    assert!(kept.contains("is kept"), "{kept}");
    let rule = kept.lines().find(|l| l.contains("neverRelease.tag")).expect("the rule is shown");
    assert!(rule.trim_start().starts_with("keeps"), "{kept}");
    // Only what holds is named, by its code and in words.
    let words: Vec<_> = rule.split_whitespace().collect();
    assert_eq!(words[..3], ["keeps", "tag", "neverRelease.tag:"], "{kept}");
    assert!(!kept.contains("neverRelease.role"), "{kept}");
    assert!(kept.contains("other reasons to keep a seat were asked: none of them holds"), "{kept}");
    // Who isn't there is told with who may be meant.
    for (typed, meant) in [("tagged1", "CORP\\tagged"), ("corp\\proprety", "CORP\\property")] {
        let nobody = text(&run(&setup, &file, &["plan", "--explain", typed]).stdout);
        assert!(nobody.contains(&format!("; did you mean {meant}?")), "{nobody}");
    }
    // In use: the plan itself had no need to read the user.
    let busy = text(&run(&setup, &file, &["plan", "--explain", "busy1"]).stdout);
    assert!(
        busy.contains("is kept") && busy.contains("used within releaseThresholdDays"),
        "{busy}"
    );
    let idle = text(&run(&setup, &file, &["plan", "--explain", "CORP\\idle1"]).stdout);
    assert!(idle.contains("would be released"), "{idle}");
    let nobody = run(&setup, &file, &["plan", "--explain", "CORP\\nobody"]);
    assert_eq!(nobody.status.code(), Some(3));
    assert!(text(&nobody.stdout).contains("there is no user CORP\\nobody"), "{nobody:?}");
    assert!(kept.lines().count() < 20, "one line for all that is not so:\n{kept}");
    setup.site.control().remove_seat(
        &setup.site.control().seat_of(SeatKind::Analyzer, "CORP", "busy2").unwrap().id.to_string(),
    );
    for name in ["CORP\\busy2", "busy2"] {
        let without = text(&run(&setup, &file, &["plan", "--explain", name]).stdout);
        assert!(without.contains("is a user of default and holds no Analyzer seat"), "{without}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_plan_is_rehearsed_under_dry_run_and_applied_with_real() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, "      enable: true\n      dryRun: true", "");
    let saved = run(&setup, &file, &["plan", "-o", "plan.json"]);
    assert_eq!(saved.status.code(), Some(0), "{}", text(&saved.stderr));

    let rehearsal = run(&setup, &file, &["apply", "plan.json", "--yes"]);
    let said = text(&rehearsal.stdout) + &text(&rehearsal.stderr);
    assert_eq!(rehearsal.status.code(), Some(0), "{said}");
    assert!(said.contains("2 would be released"), "{said}");
    assert!(said.contains("nothing was released") && said.contains("--real"), "{said}");
    assert_eq!(changes(&setup), [] as [&str; 0]);

    let asked = run(&setup, &file, &["apply", "plan.json", "--real"]);
    assert_eq!(asked.status.code(), Some(2), "nobody is there to type the name");
    assert!(text(&asked.stderr).contains("--yes"), "{}", text(&asked.stderr));
    assert_eq!(changes(&setup), [] as [&str; 0]);

    let real = run(&setup, &file, &["apply", "plan.json", "--real", "--yes"]);
    let said = text(&real.stdout) + &text(&real.stderr);
    assert_eq!(real.status.code(), Some(0), "{said}");
    assert!(said.contains("2 released"), "{said}");
    assert_eq!(changes(&setup).len(), 2);
    assert!(!has_seat(&setup, "idle1") && !has_seat(&setup, "idle2"));
    assert!(
        has_seat(&setup, "tagged") && has_seat(&setup, "property") && has_seat(&setup, "fresh")
    );

    let history = text(&run(&setup, &file, &["history"]).stdout);
    assert_eq!(history.matches("rehearsal").count(), 1, "{history}");
    assert!(history.contains("real") && history.contains("2 released"), "{history}");

    // All that the plan names is done, by the run before.
    let again = run(&setup, &file, &["apply", "plan.json", "--real", "--yes"]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stdout));
    assert!(text(&again.stdout).contains("2 released before by another run"));
    // Not all that it names is done: the code says so, whatever the reason.
    run(&setup, &file, &["undo", "CORP\\idle1", "--yes"]);
    run(&setup, &file, &["plan", "--all", "-o", "plan.json"]);
    let mut plan: serde_json::Value =
        serde_json::from_slice(&std::fs::read(setup.folder.path().join("plan.json")).unwrap())
            .unwrap();
    for decision in plan["types"][0]["decisions"].as_array_mut().unwrap() {
        if decision["holder"]["userId"] == "busy1" {
            decision["outcome"] = "release".into();
        }
    }
    std::fs::write(setup.folder.path().join("plan.json"), plan.to_string()).unwrap();
    let left = run(&setup, &file, &["apply", "plan.json", "--real", "--yes"]);
    assert_eq!(left.status.code(), Some(3), "{}", text(&left.stdout));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undo_gives_a_user_the_seat_back() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, ON, "");
    let apply = run(&setup, &file, &["apply", "--yes"]);
    assert_eq!(apply.status.code(), Some(0), "{}", text(&apply.stderr));
    assert!(!has_seat(&setup, "idle1"));
    let undo = run(&setup, &file, &["undo", "corp\\IDLE1", "--yes"]);
    let said = text(&undo.stdout) + &text(&undo.stderr);
    assert_eq!(undo.status.code(), Some(0), "{said}");
    assert!(said.contains("1 allocated again"), "{said}");
    assert!(has_seat(&setup, "idle1") && !has_seat(&setup, "idle2"));
    // She is left alone now, although the seat was never used since.
    let plan = text(&run(&setup, &file, &["plan"]).stdout);
    assert!(plan.contains("would release 0 of 9"), "{plan}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guard_stops_apply_until_a_person_accepts_it() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, ON, ", maxReleasePercent: 10");
    let plan = run(&setup, &file, &["plan"]);
    let said = text(&plan.stdout);
    assert_eq!(plan.status.code(), Some(3), "{said}");
    assert!(said.contains("percent") && said.contains("maxReleasePercent"), "{said}");
    let apply = run(&setup, &file, &["apply", "--yes"]);
    assert_eq!(apply.status.code(), Some(3), "{}", text(&apply.stderr));
    let counts = "Analyzer: 0 released, 2 planned and not attempted, 8 kept";
    assert!(text(&apply.stdout).contains(counts), "{}", text(&apply.stdout));
    assert!(text(&run(&setup, &file, &["history"]).stdout).contains(counts));
    assert_eq!(changes(&setup), [] as [&str; 0]);
    let accepted = run(&setup, &file, &["apply", "--yes", "--accept", "percent"]);
    assert_eq!(accepted.status.code(), Some(0), "{}", text(&accepted.stderr));
    assert_eq!(changes(&setup).len(), 2);
    let unknown = run(&setup, &file, &["apply", "--accept", "incomplete"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("can't be accepted"), "{}", text(&unknown.stderr));
    for (guard, why) in [
        ("incomplete", "was not read"),
        ("unsettled", "bursar release settle"),
        ("paused", "bursar release unlock"),
        ("other-site", "bursar release accept site"),
        ("frozen", "change `freeze` or `allowedHours`"),
        ("rule-misspelt", "would lose the seat; write it in `neverRelease`"),
    ] {
        let refused = text(&run(&setup, &file, &["apply", "--accept", guard]).stderr);
        assert!(refused.contains(why), "{guard}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_accepted_once_with_a_name_and_a_day() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, ON, ", maxReleasePercent: 10, maxReleases: 1");
    let plan = text(&run(&setup, &file, &["plan"]).stdout);
    assert!(plan.contains("2 of 10 Analyzer seats are due; 10 % are 1"), "{plan}");
    assert!(
        plan.contains("bursar release accept percent -c ") && plan.contains(" --type analyzer"),
        "{plan}"
    );

    let accept = |until: &str, why: &str| {
        let config = file.to_str().unwrap();
        let args = ["release", "accept", "percent", "-c", config, "--until", until, "--why", why];
        output(&args, setup.folder.path())
    };
    for (until, why) in [("yesterday", "x"), ("2020-01-01", "x"), ("2099-01-01", "x")] {
        assert_eq!(accept(until, why).status.code(), Some(2), "{until}");
    }
    let until = (chrono::Utc::now() + chrono::Duration::days(10)).format("%Y-%m-%d").to_string();
    assert_eq!(accept(&until, " ").status.code(), Some(2), "without a reason");
    let accepted = accept(&until, "backlog of 2024");
    let said = text(&accepted.stdout) + &text(&accepted.stderr);
    assert_eq!(accepted.status.code(), Some(0), "{said}");
    assert!(said.contains("2 of 10 Analyzer seats"), "{said}");
    assert!(said.contains("no more than 3 are due"), "{said}");
    let again = accept(&until, "once more");
    assert_eq!(again.status.code(), Some(3), "{}", text(&again.stdout));
    assert!(text(&again.stdout).contains("nothing is to be accepted"));

    let plan = run(&setup, &file, &["plan"]);
    let said = text(&plan.stdout);
    assert_eq!(plan.status.code(), Some(0), "{said}");
    assert!(said.contains("Accepted: ") && said.contains("backlog of 2024"), "{said}");
    let apply = run(&setup, &file, &["apply", "--yes"]);
    assert_eq!(apply.status.code(), Some(0), "{}", text(&apply.stderr));
    assert_eq!(changes(&setup).len(), 1, "maxReleases holds all the same");
    let plan = text(&run(&setup, &file, &["plan"]).stdout);
    assert!(plan.contains("1 went within the last 22 hours, 0 more may go"), "{plan}");

    let history = text(&run(&setup, &file, &["history"]).stdout);
    assert!(history.starts_with("in force: "), "{history}");
    assert!(history.contains("accepted percent for 2 of 10 Analyzer seats"), "{history}");
    let id = history.lines().find(|l| l.contains("real")).unwrap().split(' ').next().unwrap();
    let config = file.to_str().unwrap();
    let show = output(&["audit", "show", "-c", config, id], setup.folder.path());
    assert!(text(&show.stdout).contains("backlog of 2024"), "{}", text(&show.stdout));
    let status = output(&["status", "-c", config], setup.folder.path());
    assert!(text(&status.stdout).contains("backlog of 2024"), "{}", text(&status.stdout));
    let verify = output(&["audit", "verify", "-c", config], setup.folder.path());
    assert_eq!(verify.status.code(), Some(0), "{}", text(&verify.stdout));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_holds_until_it_is_taken_off() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, ON, "");
    let lock = run(&setup, &file, &["lock", "--until", "2099-01-01", "--why", "year end"]);
    assert_eq!(lock.status.code(), Some(0), "{}", text(&lock.stderr));
    let apply = run(&setup, &file, &["apply", "--yes"]);
    let said = text(&apply.stdout) + &text(&apply.stderr);
    assert_eq!(apply.status.code(), Some(3), "{said}");
    assert!(said.contains("year end"), "{said}");
    assert_eq!(changes(&setup), [] as [&str; 0]);
    assert!(text(&run(&setup, &file, &["history"]).stdout).contains("paused until 2099-01-02"));
    let through = "is released through 2099-01-01 (until 2099-01-02 00:00";
    assert!(text(&lock.stdout).contains(through), "{}", text(&lock.stdout));
    let unlock = || text(&run(&setup, &file, &["unlock"]).stdout);
    assert!(unlock().contains("are not paused any more"));
    assert!(unlock().contains("were not paused: nothing was changed"));
    assert_eq!(run(&setup, &file, &["apply", "--yes"]).status.code(), Some(0));
    assert_eq!(changes(&setup).len(), 2);
    for (until, why) in [("yesterday", "x"), ("2020-01-01", "x"), ("2099-01-01", " ")] {
        let bad = run(&setup, &file, &["lock", "--until", until, "--why", why]);
        assert_eq!(bad.status.code(), Some(2), "{until} {why}");
    }
}

/// A user is named by the account, or by the id alone where that means one person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_is_named_by_the_id_alone() {
    let mut scenario = scenario();
    scenario.users.push(UserSpec { directory: "DEV".into(), ..user("idle1") });
    scenario.seats.push(SeatSpec { user: "DEV\\idle1".into(), ..seat("", When::days_ago(95)) });
    let setup = Setup::new(scenario).await;
    let file = settings(&setup, ON, ", maxReleasePercent: 100");
    let apply = run(&setup, &file, &["apply", "--yes"]);
    assert_eq!(apply.status.code(), Some(0), "{}", text(&apply.stderr));
    let undo = |whom: &str| {
        let undo = run(&setup, &file, &["undo", whom, "--yes"]);
        (undo.status.code(), text(&undo.stdout) + &text(&undo.stderr))
    };
    let (code, said) = undo("idle1");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("CORP\\idle1") && said.contains("DEV\\idle1"), "{said}");
    let (code, said) = undo("IDLE2");
    assert_eq!(code, Some(0), "{said}");
    assert!(has_seat(&setup, "idle2") && !has_seat(&setup, "idle1"));
    let (code, said) = undo("nobody");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("there is no run nobody, and the ledger knows no release"), "{said}");
    let (code, said) = undo("CORP\\nobody");
    assert_eq!(code, Some(2), "{said}");
    assert!(!said.contains("DIRECTORY"), "{said}");

    let show = |more: &[&str]| {
        let args = [&["audit", "show", "-c", file.to_str().unwrap()], more].concat();
        text(&output(&args, setup.folder.path()).stderr)
    };
    assert!(show(&["--user", "nobody"]).contains("says nothing of nobody in any directory"));
    assert!(show(&["--user", "CORP\\nobody"]).contains("the id alone finds"));
    assert!(show(&[]).contains("--user <USER>"), "{}", show(&[]));
}

/// What a plan of a type that is off advises is true.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_of_a_type_that_is_off_says_so() {
    let mut scenario = scenario();
    for id in ["idle1", "idle2", "tagged"] {
        let kind = SeatKind::Professional;
        scenario.seats.push(SeatSpec { kind, ..seat(id, When::days_ago(100)) });
    }
    let setup = Setup::new(scenario).await;
    let file = settings(&setup, ON, "");
    let plan = text(&run(&setup, &file, &["plan", "--type", "professional"]).stdout);
    assert!(plan.contains("releasing Professional seats is off, so no run takes any"), "{plan}");
    let until = (chrono::Utc::now() + chrono::Duration::days(10)).format("%Y-%m-%d").to_string();
    let args = ["accept", "percent", "--type", "professional", "--until", &until, "--why", "x"];
    let accept = output(
        &[&["release"], &args[..], &["-c", file.to_str().unwrap()]].concat(),
        setup.folder.path(),
    );
    let said = text(&accept.stderr);
    assert_eq!(accept.status.code(), Some(2), "{said}");
    assert!(said.contains("releasing Professional seats is off"), "{said}");
    assert!(said.contains("licenseType.professional.enable"), "{said}");
}

/// Of roles a site has no list: a plan says of how many people they are known, and the seat monitor
/// reads those of everybody, so that it is known after its first poll.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_of_a_role_is_judged_for_certain_after_a_poll_of_the_seats() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, "      enable: true\n      frequency: every 20 days", "");
    let yaml = std::fs::read_to_string(&file).unwrap();
    let yaml = yaml.replace("tag: [vip]", "role: [Auditor]");
    setup.write(&yaml.replace("seatMonitor: {enable: false}", "seatMonitor: {enable: true}"));
    let notes = || {
        let plan = text(&run(&setup, &file, &["plan"]).stdout);
        let notes = plan.lines().filter(|line| line.contains("Auditor")).map(str::to_owned);
        notes.collect::<Vec<_>>().join("\n")
    };
    let before = notes();
    let known = "`Auditor` fits nobody whose roles are known (4 of the 10 people with seats)";
    assert!(before.contains(known) && before.contains("seatMonitor"), "{before}");
    let mut daemon = Process::start(&["run", "-c", file.to_str().unwrap()], setup.folder.path());
    daemon.wait_for("used within 28 days");
    daemon.terminate();
    let after = notes();
    assert!(after.contains("`Auditor` protects nobody: nobody who has a seat has"), "{after}");
}

/// Who is protected until when and why is shown where the entry keeps a seat; one that has ended
/// keeps nobody, and that is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_and_why_are_shown_wherever_an_entry_keeps_a_seat() {
    let setup = Setup::new(scenario()).await;
    let today = chrono::Utc::now().date_naive();
    let day = |days| today + chrono::Duration::days(days);
    let entry = |id: &str, until, why: &str| {
        format!("{{userDir: CORP, userId: {id}, until: {until}, why: {why}}}")
    };
    let users = format!(
        "        user: [{}, {}]\n        tag: [vip]",
        entry("idle1", day(5), "parental leave"),
        entry("idle2", day(-2), "was ill")
    );
    let file = settings(&setup, ON, "");
    let yaml = std::fs::read_to_string(&file).unwrap().replace("        tag: [vip]", &users);
    setup.write(&yaml);
    let rule = format!("CORP\\idle1 (through {}: parental leave)", day(5));
    let explained = text(&run(&setup, &file, &["plan", "--explain", "idle1"]).stdout);
    assert!(explained.contains("is kept") && explained.contains(&rule), "{explained}");
    let ended = text(&run(&setup, &file, &["plan", "--explain", "idle2"]).stdout);
    assert!(ended.contains("would be released"), "{ended}");
    let line = ended.lines().find(|line| line.contains("was ill) has ended")).unwrap();
    assert!(line.trim_start().starts_with("no  user"), "{ended}");
    let plan = text(&run(&setup, &file, &["plan", "--all"]).stdout);
    assert!(plan.contains(&rule), "{plan}");
    assert!(plan.contains(&format!("{rule} ends soon")), "{plan}");
    let over = format!("CORP\\idle2 (through {}: was ill) has ended", day(-2));
    assert!(plan.contains(&over), "{plan}");
    let json = text(&run(&setup, &file, &["plan", "--json"]).stdout);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let user = &json["sites"][0]["policy"]["neverRelease"]["users"][0];
    assert_eq!(user["until"], day(5).to_string());
    assert_eq!(user["why"], "parental leave");
    let check = text(&output(&["check", "-c", file.to_str().unwrap()], setup.folder.path()).stdout);
    assert!(check.contains("this ends in 5 days") && check.contains(&over), "{check}");
    // The ledger keeps the policy as it was.
    assert_eq!(run(&setup, &file, &["apply", "--yes"]).status.code(), Some(0));
    let store = crate::support::store::open(
        &setup.store(),
        setup.load(&yaml).storage.outbox,
        chrono::Utc::now,
    )
    .await
    .unwrap();
    let records = store.records(1, 10).await.unwrap();
    store.close().await;
    let policy = records.into_iter().find_map(|record| match record.entry {
        Entry::RunStarted { policy, .. } => Some(policy),
        _ => None,
    });
    assert_eq!(policy.unwrap().never_release.users[0].to_string(), rule);
}

/// A rule that names nobody is a warning of `check` and the plan, with the nearest name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_names_nobody_is_told_with_the_nearest_name() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, ON, "");
    let yaml = std::fs::read_to_string(&file).unwrap();
    setup.write(&yaml.replace("[vip]", "[VIPS]"));
    let said = "neverRelease.tag `VIPS` protects nobody: the site has no tag of this name; the \
                nearest is VIP";
    let check = output(&["check", "-c", file.to_str().unwrap()], setup.folder.path());
    let check = text(&check.stdout);
    let line = check.lines().find(|line| line.contains(said)).unwrap_or_else(|| panic!("{check}"));
    assert!(line.starts_with("warn"), "{line}");
    let plan = run(&setup, &file, &["plan"]);
    assert!(text(&plan.stdout).contains(said), "{}", text(&plan.stdout));
    let mut daemon = Process::start(&["run", "-c", file.to_str().unwrap()], setup.folder.path());
    daemon.wait_for(said);
    daemon.terminate();
}

/// Wherever the next run is shown, the freeze is, and the pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_and_a_pause_are_shown_with_the_next_run() {
    let setup = Setup::new(scenario()).await;
    let day = |days: i64| (chrono::Utc::now() + chrono::Duration::days(days)).date_naive();
    let (from, to) = (day(-3), day(40));
    let freeze = format!("{ON}\n      freeze: [{{from: {from}, to: {to}, why: year end}}]");
    let file = settings(&setup, &freeze, "");
    let frozen = format!("frozen through {to}: year end");
    run(&setup, &file, &["lock", "--until", "2099-01-01", "--why", "new directory"]);
    let folder = setup.folder.path();
    let path = file.to_str().unwrap();

    let apply = run(&setup, &file, &["apply", "--yes", "--accept", "percent"]);
    let said = text(&apply.stdout) + &text(&apply.stderr);
    assert_eq!(apply.status.code(), Some(3), "{said}");
    assert!(said.contains("stopped by frozen:") && said.contains(&frozen), "{said}");
    assert_eq!(changes(&setup), [] as [&str; 0]);

    let mut daemon = Process::start(&["run", "-c", path], folder);
    let log = daemon.wait_for("release: the next REAL run");
    daemon.terminate();
    let lines = |command: &[&str], line: &str| {
        let said = text(&output(command, folder).stdout);
        let found = said.lines().find(|l| l.contains(line)).map(str::to_owned);
        found.unwrap_or_else(|| panic!("{line} is missing:\n{said}"))
    };
    let status = text(&output(&["status", "-c", path, "--json"], folder).stdout);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let monitors = status["sites"][0]["monitors"].as_array().unwrap().clone();
    let release = monitors.iter().find(|m| m["monitor"] == "release").unwrap();
    for shown in [
        log,
        lines(&["check", "-c", path], "the next REAL run"),
        lines(&["check", "-c", path], "schedule release"),
        lines(&["status", "-c", path], "next release run (REAL)"),
        lines(&["release", "plan", "-c", path], "The next REAL run"),
        release["held"].as_str().unwrap().to_owned(),
    ] {
        assert!(shown.contains(&frozen), "{shown}");
        assert!(
            shown.contains("paused until 2099-01-02") && shown.contains("new directory"),
            "{shown}"
        );
    }
}

/// The next run that is named is the first one that can take seats, and what it would do is told
/// without what holds only until then; what a run now would do is told with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_run_is_the_first_one_that_no_freeze_and_no_pause_stops() {
    let setup = Setup::new(scenario()).await;
    let day = |days: i64| (chrono::Utc::now() + chrono::Duration::days(days)).date_naive();
    let freeze = format!(
        "{ON}\n      frequency: at 05:00\n      freeze: [{{from: {}, to: {}, why: close}}]",
        day(-1),
        day(40)
    );
    let file = settings(&setup, &freeze, "");
    let path = file.to_str().unwrap();
    let folder = setup.folder.path();
    let next = |time: &str| format!("{} {time}", day(41));

    let check = text(&output(&["check", "-c", path], folder).stdout);
    let line = check.lines().find(|line| line.contains("site default: release")).unwrap();
    assert!(line.contains(&next("05:00")), "{line}");
    assert!(
        line.starts_with("ok") && line.ends_with("would release 2 of 10 Analyzer seats"),
        "{line}"
    );
    let line = check.lines().find(|line| line.contains("schedule release")).unwrap();
    assert!(line.contains(&next("05:00")), "{line}");
    let status = text(&output(&["status", "-c", path], folder).stdout);
    let line = status.lines().find(|line| line.contains("next release run")).unwrap();
    assert!(line.contains(&next("05:00")), "{line}");
    let mut daemon = Process::start(&["run", "-c", path], folder);
    let line = daemon.wait_for("release: the next REAL run");
    daemon.terminate();
    assert!(line.contains(&next("05:00")), "{line}");
    assert!(line.contains("would release 2 of 10 Analyzer seats"), "{line}");
    assert!(!line.contains("guards"), "{line}");

    let plan = run(&setup, &file, &["plan"]);
    let said = text(&plan.stdout);
    assert_eq!(plan.status.code(), Some(3), "{said}");
    assert!(said.contains("A run now would release no Analyzer seat (2 of 10 are due"), "{said}");
    let line = said.lines().find(|line| line.trim_start().starts_with("release ")).unwrap();
    assert!(line.contains("but a guard stops it"), "{said}");
    assert!(said.contains(&format!("The next REAL run: {}", next("05:00"))), "{said}");
    assert!(!said.contains("bursar release apply"), "nothing could be applied now: {said}");
    let explained = text(&run(&setup, &file, &["plan", "--explain", "idle1"]).stdout);
    assert!(explained.contains("would be released, but a guard stops it"), "{explained}");
    assert!(explained.contains("a run now is stopped by frozen: "), "{explained}");

    // A pause that ends later than the freeze counts, too.
    run(&setup, &file, &["lock", "--until", &day(50).to_string(), "--why", "audit"]);
    let check = text(&output(&["check", "-c", path], folder).stdout);
    let line = check.lines().find(|line| line.contains("site default: release")).unwrap();
    assert!(line.contains(&format!("{} 05:00", day(51))), "{line}");
    assert!(line.contains("paused until") && line.starts_with("ok"), "{line}");
}

/// `keepFree` below what is free: nothing goes, and the plan says so and how it would.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_says_that_keep_free_lets_nothing_go_and_what_to_do() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, "", ", keepFree: 1");
    let said = text(&run(&setup, &file, &["plan"]).stdout);
    assert!(said.contains("would release 0 of 10 Analyzer seats (2 are due)"), "{said}");
    let free = said.split(" free\n").next().unwrap().rsplit(' ').next().unwrap();
    let why = format!("{free} seats are free, keepFree is 1: none goes, whoever is due");
    let how = format!("leave keepFree out or set it above {free}");
    assert!(said.contains(&why) && said.contains(&how), "{said}");
    let enough = settings(&setup, "", &format!(", keepFree: {}", free.parse::<u32>().unwrap() + 2));
    let said = text(&run(&setup, &enough, &["plan"]).stdout);
    assert!(said.contains("would release 2 of 10") && !said.contains("none goes"), "{said}");
}

/// What is printed last can be typed as it stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_ends_with_the_command_that_carries_it_out() {
    let setup = Setup::new(scenario()).await;
    for (keys, args, expected) in [
        (ON, ["plan", "--all"].as_slice(), " now: bursar release apply -c FILE"),
        (ON, &["plan", "-o", "a plan.json"], " now: bursar release apply -c FILE 'a plan.json'"),
        ("", &["plan"], " although enable is false: bursar release apply -c FILE --real"),
        (
            "      enable: true",
            &["plan"],
            " although dryRun is true: bursar release apply -c FILE --real",
        ),
    ] {
        let file = settings(&setup, keys, "");
        let said = text(&run(&setup, &file, args).stdout);
        let last = said.lines().last().unwrap().replace(file.to_str().unwrap(), "FILE");
        let last = last.replace(env!("CARGO_BIN_EXE_bursar"), "bursar");
        assert!(last.ends_with(expected), "{last}");
    }
}

/// Releases by hand leave their traces in the status, although none are scheduled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_shows_a_release_by_hand_and_a_pause_while_releasing_is_off() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, "", "");
    let path = file.to_str().unwrap();
    let apply = run(&setup, &file, &["apply", "--yes", "--real"]);
    assert_eq!(apply.status.code(), Some(0), "{}", text(&apply.stderr));
    run(&setup, &file, &["lock", "--until", "2099-01-01", "--why", "new directory"]);
    let status = text(&output(&["status", "-c", path], setup.folder.path()).stdout);
    assert!(status.contains("Last release run (real)  Analyzer: 2 released"), "{status}");
    assert!(
        status.contains("paused until 2099-01-02") && status.contains("new directory"),
        "{status}"
    );
    // Control characters of one person's reason don't reach another one's terminal, and who puts another
    // pause in its place is told.
    let args = ["lock", "--until", "2098-01-01", "--why", "year \u{1b}[31mend\u{7}\u{202e}x"];
    let lock = text(&run(&setup, &file, &args).stdout);
    assert!(lock.contains("in place of the pause until 2099-01-02"), "{lock}");
    assert!(lock.contains("new directory"), "{lock}");
    for shown in [run(&setup, &file, &["plan"]), run(&setup, &file, &["history"])] {
        let shown = text(&shown.stdout);
        assert!(shown.contains("year [31mend x"), "{shown}");
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown}");
    }
}

/// The schedule names every second; the allowed hours begin tomorrow at the earliest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outside_of_the_allowed_hours_no_run_starts_and_rehearsals_go_on() {
    let setup = Setup::new(scenario()).await;
    let away = (chrono::Utc::now() + chrono::Duration::days(3)).format("%a");
    let hours = format!("      allowedHours: [{{days: [{away}], from: '00:00', to: '24:00'}}]");
    let every_second = "      frequency: every 1 second";
    let file = settings(&setup, &format!("{ON}\n{every_second}\n{hours}"), "");
    let args = ["run", "-c", file.to_str().unwrap()];
    let mut daemon = Process::start(&args, setup.folder.path());
    let line = daemon.wait_for("release: the next REAL run");
    let opens = (chrono::Utc::now() + chrono::Duration::days(3)).date_naive();
    assert!(line.contains(&format!("at {opens} 00:00 UTC")), "{line}");
    daemon.terminate();
    assert_eq!(changes(&setup), [] as [&str; 0]);
    let apply = run(&setup, &file, &["apply", "--yes"]);
    assert!(text(&apply.stdout).contains("stopped by frozen:"), "{}", text(&apply.stdout));

    settings(&setup, &format!("      enable: true\n{every_second}\n{hours}"), "");
    let mut daemon = Process::start(&args, setup.folder.path());
    let line = daemon.wait_for("rehearsal refused");
    assert!(line.contains("Analyzer"), "{line}");
    daemon.terminate();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_says_in_one_line_what_the_next_run_would_do() {
    let setup = Setup::new(scenario()).await;
    for (keys, expected) in [
        ("", "off (enable: false); a run now would release 2 of 10 Analyzer seats"),
        ("      enable: true", "rehearsal (dryRun: true)"),
        (ON, "the next REAL run"),
    ] {
        let file = settings(&setup, keys, "");
        let check = output(&["check", "-c", file.to_str().unwrap()], setup.folder.path());
        let said = text(&check.stdout);
        let line = said.lines().find(|l| l.contains("site default: release"));
        assert!(line.is_some_and(|l| l.contains(expected)), "{expected}:\n{said}");
    }
    assert_eq!(changes(&setup), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_rehearses_at_once_and_waits_with_the_first_real_run() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, ON, "");
    let args = ["run", "-c", file.to_str().unwrap()];
    let mut daemon = Process::start(&args, setup.folder.path());
    let line = daemon.wait_for("release: the next REAL run");
    assert!(line.contains("would release 2 of 10 Analyzer seats"), "{line}");
    daemon.terminate();
    assert_eq!(changes(&setup), [] as [&str; 0], "the first real run waits for its tick");

    settings(&setup, "      enable: true", "");
    let mut daemon = Process::start(&args, setup.folder.path());
    daemon.wait_for("rehearsal done");
    daemon.terminate();
    // Switched to real: a rehearsal is no run, so nothing happens at start.
    settings(&setup, ON, "");
    let mut daemon = Process::start(&args, setup.folder.path());
    let line = daemon.wait_for("release: the next REAL run at 20");
    let time = line.split("REAL run at ").nth(1).and_then(|rest| rest.get(..16)).unwrap();
    let time = chrono::NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M").unwrap().and_utc();
    assert!(time > chrono::Utc::now(), "the time that is true: {line}");
    let (_, said) = daemon.terminate();
    assert!(!said.iter().any(|l| l.contains("release done")), "{said:#?}");
    assert_eq!(changes(&setup), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_that_was_missed_while_the_daemon_was_down_runs_at_start() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, ON, "");
    let loaded = setup.load(&std::fs::read_to_string(&file).unwrap());
    // The last run of the schedule was two days ago; its frequency is once a day.
    let then = chrono::Utc::now() - chrono::Duration::days(2);
    let (path, limits) = (setup.store(), loaded.storage.outbox);
    let store = crate::support::store::open(&path, limits, move || then).await.unwrap();
    let entry = Entry::RunStarted {
        mode: Mode::Real,
        trigger: Trigger::Schedule,
        version: "0".into(),
        policy: loaded.sites[0].release.policy.clone(),
    };
    let site = loaded.sites[0].name.clone();
    let addition = Addition { site, run: Some("before".into()), entry };
    store.append(None, vec![addition], |_| Vec::new()).await.unwrap();
    store.close().await;

    let args = ["run", "-c", file.to_str().unwrap()];
    let mut daemon = Process::start(&args, setup.folder.path());
    daemon.wait_for("release: the next REAL run at once, to make up for a missed time,");
    let line = daemon.wait_for("release done");
    assert!(line.contains("Analyzer: 2 released"), "{line}");
    daemon.terminate();
    assert_eq!(changes(&setup).len(), 2);
    // And not again at the next start.
    let mut daemon = Process::start(&args, setup.folder.path());
    daemon.wait_for("release: the next REAL run");
    let (_, said) = daemon.terminate();
    assert!(!said.iter().any(|l| l.contains("release done")), "{said:#?}");
    assert_eq!(changes(&setup).len(), 2);
}

/// Runs a command on a terminal, where `answer` is typed.
#[cfg(target_os = "linux")]
pub fn on_a_terminal(folder: &Path, args: &[&str], answer: &str) -> Output {
    use std::io::Write;
    use std::process::Stdio;
    let command: Vec<_> = [env!("CARGO_BIN_EXE_bursar")].iter().chain(args).copied().collect();
    let mut child = std::process::Command::new("script")
        .args(["--quiet", "--return", "--command", &command.join(" "), "/dev/null"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("script runs (package bsdutils)");
    let mut keys = child.stdin.take().expect("it is piped");
    keys.write_all(answer.as_bytes()).expect("keys are typed");
    // The terminal stays open until the command has ended.
    let output = child.wait_with_output().expect("it ends");
    drop(keys);
    output
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_terminal_the_sites_name_has_to_be_typed_back() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, ON, "");
    let args = ["release", "apply", "-c", file.to_str().unwrap()];
    let wrong = on_a_terminal(setup.folder.path(), &args, "yes\n");
    let said = text(&wrong.stdout);
    assert!(said.contains("Type the host of the site (127.0.0.1)"), "{said}");
    assert!(said.contains("nothing was done"), "{said}");
    assert_eq!(wrong.status.code(), Some(2), "{said}");
    assert_eq!(changes(&setup), [] as [&str; 0]);
    let right = on_a_terminal(setup.folder.path(), &args, "127.0.0.1\n");
    let said = text(&right.stdout);
    assert_eq!(right.status.code(), Some(0), "{said}");
    assert!(said.contains("2 released"), "{said}");
    assert_eq!(changes(&setup).len(), 2);
}

/// What a command writes into the ledger about its caller: the environment only claims.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gave_a_command_is_what_the_system_says_and_the_environment_claims() {
    use std::os::unix::fs::MetadataExt;

    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, ON, "");
    let uid = std::fs::metadata("/proc/self").map_or(0, |me| me.uid());
    let command = |args: &[&str]| {
        let mut command = crate::support::process::bursar(&["release"]);
        command.args(args).args(["-c", file.to_str().unwrap()]).current_dir(setup.folder.path());
        command.env("SUDO_USER", "boss").env("USER", "x\u{1b}[31m\r\nrun ended: done");
        command.env("LOGNAME", "y".repeat(100_000)).env_remove("SUDO_UID");
        let said = command.output().unwrap();
        assert_eq!(said.status.code(), Some(0), "{}", text(&said.stderr));
        text(&said.stdout)
    };
    command(&["apply", "--yes"]);
    command(&["lock", "--until", "2099-01-01", "--why", "year end"]);
    let history = command(&["history"]);
    let audit = ["audit", "export", "-c", file.to_str().unwrap(), "--format", "csv"];
    let exported = text(&output(&audit, setup.folder.path()).stdout);
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    for said in [&history, &exported] {
        let begin = format!("uid {uid}");
        assert!(said.contains(&begin), "{said}");
        assert!(said.contains(&format!(" on {host}; says SUDO_USER=boss")), "{said}");
        assert!(!said.contains('\u{1b}') && !said.contains(&"y".repeat(65)), "{said}");
        assert!(!said.contains("\nrun ended"), "{said}");
    }
    let json: serde_json::Value = serde_json::from_str(&command(&["history", "--json"])).unwrap();
    let trigger = &json["sites"][0]["runs"][0]["trigger"];
    assert_eq!(trigger["process"]["uid"], uid);
    assert_eq!(trigger["process"]["host"], host);
    assert!(trigger["process"]["pid"].as_u64().unwrap() > 1);
    assert_eq!(trigger["process"]["says"][0], "SUDO_USER=boss");
    let user = trigger["user"].as_str().unwrap();
    assert!(user.ends_with(&format!("@{host}")) && !user.contains("boss"), "{user}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undo_says_before_what_does_not_come_back_and_asks_about_other_seats() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, ON, "");
    let apply = run(&setup, &file, &["apply", "--yes"]);
    assert_eq!(apply.status.code(), Some(0), "{}", text(&apply.stderr));
    setup.site.control().add_seat(&SeatSpec {
        kind: SeatKind::Professional,
        created: When::days_ago(0),
        ..seat("idle1", When::Never)
    });
    let json = text(&run(&setup, &file, &["history", "--json"]).stdout);
    let runs: serde_json::Value = serde_json::from_str(&json).unwrap();
    let id = runs["sites"][0]["runs"][0]["run"].as_str().unwrap();

    let asked = run(&setup, &file, &["undo", id]);
    let said = text(&asked.stderr);
    assert_eq!(asked.status.code(), Some(2), "{said}");
    for expected in [
        "2 seats go back",
        "CORP\\idle1",
        "CORP\\idle2",
        "Each seat gets a new id",
        "allocated today and never used",
        "custom fields",
        "1 of them are of people who got a seat of another type since",
        "CORP\\idle1 (idle1): Professional since",
    ] {
        assert!(said.contains(expected), "{expected} is missing:\n{said}");
    }
    let args = ["release", "undo", id, "-c", file.to_str().unwrap()];
    let left_out = on_a_terminal(setup.folder.path(), &args, "127.0.0.1\nno\n");
    let said = text(&left_out.stdout);
    assert!(said.contains("Give them the seat above as well?"), "{said}");
    assert_eq!(left_out.status.code(), Some(3), "{said}");
    assert!(has_seat(&setup, "idle2") && !has_seat(&setup, "idle1"), "{said}");
    let both = run(&setup, &file, &["undo", "CORP\\idle1", "--yes"]);
    assert_eq!(both.status.code(), Some(0), "{}", text(&both.stderr));
    assert!(has_seat(&setup, "idle1"));
}
