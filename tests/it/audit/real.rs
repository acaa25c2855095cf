//! The ledger of real runs.

use bursar::event::Body;
use bursar::ledger::Mode;
use bursar::simulator::SeatKind;

use super::*;
use crate::release::world::{World, crowd};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_leave_a_ledger_in_order_and_their_events_its_head() {
    let (world, file) = World::now(crowd(SeatKind::Professional, 3)).await;
    let rehearsal = world.run(Mode::Rehearsal).await;
    let real = world.run(Mode::Real).await;
    assert_eq!(world.deletes(), 3);

    let audit = |args: &[&str]| {
        let config = file.to_str().expect("UTF-8");
        let args: Vec<_> = [&["audit", args[0], "-c", config], &args[1..]].concat();
        let output = output(&args, world.setup.folder.path());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code(), text(output.stdout) + &text(output.stderr))
    };
    // Any head that an event took outside is still in the ledger; what it says is checked.
    let heads: Vec<_> = world
        .bodies("releaseRun")
        .await
        .into_iter()
        .map(|body| match body {
            Body::ReleaseRun(run) => format!("{}:{}", run.ledger.seq, run.ledger.hash),
            _ => unreachable!("only these were asked for"),
        })
        .collect();
    assert_eq!(heads.len(), 2);
    let (code, said) = audit(&["verify", "--head", &heads[0], "--head", &heads[1]]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&heads[1]), "{said}");
    let other = heads[0].replace(|c: char| c.is_ascii_lowercase(), "0");
    assert_eq!(audit(&["verify", "--head", &other]).0, Some(3));

    let (code, said) = audit(&["show", &real.run]);
    assert_eq!(code, Some(0), "{said}");
    for expected in ["kind      real", "CORP\\idle0", "idle for", "released", "done"] {
        assert!(said.contains(expected), "{expected} is missing:\n{said}");
    }
    let (_, said) = audit(&["show", &rehearsal.run]);
    assert!(said.contains("kind      rehearsal"), "{said}");
    assert!(!said.contains("no outcome"), "{said}");

    // The plans beside the ledger are those whose digests it holds.
    let db = crate::support::store::database(&world.settings.storage.path);
    db.execute("DELETE FROM release_plan WHERE run = ?1", [&rehearsal.run]).unwrap();
    assert_eq!(audit(&["verify"]).0, Some(0));
    world.store.save_plan("default", &real.run, b"{}".to_vec()).await.unwrap();
    let (code, said) = audit(&["verify"]);
    assert_eq!(code, Some(3));
    assert!(said.contains(&format!("the plan kept for run {}", real.run)), "{said}");
}
