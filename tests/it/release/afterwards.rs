//! What a run came to is told by the ledger, also after its process died and after its end.

use std::process::Output;

use bursar::ledger::Mode;
use bursar::simulator::{Fault, FaultRule, SeatKind};
use chrono::TimeDelta;

use super::world::{World, crowd, status};
use crate::support::process::{Process, output};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_cut_short_is_told_by_what_became_of_its_seats() {
    let (world, file) = World::now(crowd(SeatKind::Analyzer, 4)).await;
    let (folder, file) = (world.setup.folder.path(), file.to_str().unwrap());
    let release = |command: &str, more: &[&str]| {
        output(&[&["release", command, "-c", file], more].concat(), folder)
    };
    let plan = release("plan", &["-o", "plan.json"]);
    assert_eq!(plan.status.code(), Some(0), "{}", said(&plan));
    world.fault(FaultRule::from(Fault::HangHandled).method("DELETE").skip(2));
    let arguments = ["release", "apply", "-c", file, "plan.json", "--yes"];
    let process = Process::start(&arguments, folder);
    world.until_deletes(4).await;
    for gone in ["idle2", "idle3"] {
        world.until_gone(SeatKind::Analyzer, gone).await;
    }
    process.kill();
    world.control().clear_faults();

    let row = |output: Output| {
        let all = said(&output);
        let row = all.lines().find(|line| line.contains(" real ")).map(str::to_owned);
        row.unwrap_or_else(|| panic!("{all}"))
    };
    assert!(row(release("history", &[])).contains("under way"), "its lock holds yet");
    world.lock_ends_in(TimeDelta::milliseconds(-1));
    let history = row(release("history", &[]));
    assert!(
        history.contains(
            "cut short  Professional: 0 released; Analyzer: 2 released, 2 unclear, 12 kept"
        ),
        "{history}"
    );
    let status = || said(&output(&["status", "-c", file], folder));
    let counted = "Last release run (real)  cut short; Professional: 0 released; Analyzer: 2 released, 2 unclear";
    assert!(status().contains(counted), "{}", status());
    let run = history.split(' ').next().unwrap().to_owned();
    let shown = said(&output(&["audit", "show", "-c", file, &run], folder));
    assert!(shown.contains("Analyzer: 2 released, 2 unclear"), "{shown}");

    let settle = release("settle", &[]);
    assert_eq!(settle.status.code(), Some(0), "{}", said(&settle));
    let history = row(release("history", &[]));
    let settled = "Analyzer: 4 released, 12 kept (2 found out after the run)";
    assert!(history.contains("cut short") && history.contains(settled), "{history}");
    assert!(status().contains(settled), "{}", status());

    let again = release("apply", &["plan.json", "--yes"]);
    let text = said(&again);
    assert_eq!(again.status.code(), Some(0), "{text}");
    assert!(text.contains("4 released before by another run"), "{text}");
    for id in ["idle0", "idle3"] {
        assert!(text.contains(&format!("CORP\\{id}: released by run {run} on 20")), "{text}");
    }
    assert!(!text.contains("gone"), "{text}");
}

/// A seat that the ledger doesn't know of is gone by somebody else's hand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_that_somebody_else_took_is_gone() {
    let (world, file) = World::now(crowd(SeatKind::Analyzer, 1)).await;
    let (folder, file) = (world.setup.folder.path(), file.to_str().unwrap());
    let plan = output(&["release", "plan", "-c", file, "-o", "plan.json"], folder);
    assert_eq!(plan.status.code(), Some(0), "{}", said(&plan));
    world.control().remove_seat(&world.seat(SeatKind::Analyzer, "idle0"));
    let apply = output(&["release", "apply", "-c", file, "plan.json", "--yes"], folder);
    let text = said(&apply);
    assert!(text.contains("CORP\\idle0: left as it was: the seat is gone"), "{text}");
    assert!(text.contains("1 already gone"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persons_word_is_told_with_what_the_site_shows_and_what_follows() {
    let (world, file) = World::now(crowd(SeatKind::Analyzer, 2)).await;
    let (folder, file) = (world.setup.folder.path(), file.to_str().unwrap());
    world.fault(FaultRule::from(status(204)).method("DELETE"));
    world.run(Mode::Real).await;
    world.control().clear_faults();
    let bursar = |args: &[&str]| said(&output(&[args, &["-c", file]].concat(), folder));

    let open = bursar(&["release", "settle"]);
    let reason = "the site accepted it, but the seat is still there";
    assert_eq!(open.matches(reason).count(), 2, "{open}");
    let counts = |run: &str| format!("{run}Analyzer: 0 released, 2 unclear");
    assert!(bursar(&["release", "history"]).contains(&counts("")), "{open}");
    assert!(bursar(&["status"]).contains(&counts("")), "{open}");

    // By the id alone.
    let taken = bursar(&["release", "settle", "idle0", "--as", "taken", "--why", "I think so"]);
    let warning = "warning: the site still shows the Analyzer seat of CORP\\idle0 as it was";
    assert!(taken.contains(warning) && taken.contains("releases it again"), "{taken}");
    let kept = bursar(&["release", "settle", "IDLE1", "--as", "kept", "--why", "asked her"]);
    assert!(!kept.contains("warning"), "{kept}");
    assert!(kept.contains("user: [{userDir: CORP, userId: idle1}]"), "{kept}");
    for told in [bursar(&["release", "history"]), bursar(&["status"])] {
        let counts = "Analyzer: 0 released, 2 closed by a person's word, 6 kept";
        assert!(told.contains(counts), "{told}");
    }
    let history = bursar(&["release", "history"]);
    assert!(history.contains("; at its end: 2 of the seats failed"), "{history}");
    let story = bursar(&["audit", "show", "--user", "idle1"]);
    assert!(story.contains("the person has it, as uid"), "{story}");
    assert!(!story.contains("found out"), "{story}");
    let plan = bursar(&["release", "plan"]);
    assert!(plan.contains("2 of 8 Analyzer seats"), "{plan}");
}
