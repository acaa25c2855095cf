//! What reaches a terminal, and what a pipe.

use std::process::Command;

use super::*;
use crate::support::process::bursar;
use crate::support::terminal::on_terminal;

fn audit(desk: &Desk, args: &[&str]) -> Command {
    let mut command = bursar(&[&["audit"], args, &["-c", "bursar.yaml"]].concat());
    command.current_dir(desk.folder.path());
    command
}

/// A person who calls herself so.
async fn released(desk: &Desk, n: u128, user_id: &str, name: &str) {
    let holder = Holder { user_id: user_id.into(), name: name.into(), ..person(n) };
    let (Entry::Intent(intent), Entry::Outcome(outcome)) =
        (intent(n), outcome(0, n, SeatResult::Freed))
    else {
        unreachable!("they are made so")
    };
    let entry = Entry::Intent(Intent { holder: holder.clone(), ..intent });
    let seq = desk.append(Some("run-1"), entry).await;
    let entry = Entry::Outcome(Outcome { intent: seq, holder, ..outcome });
    desk.append(Some("run-1"), entry).await;
}

#[tokio::test]
async fn colours_are_for_terminals_and_as_the_environment_has_them() {
    let desk = Desk::new().await;
    desk.run("run-1", 1, true).await;
    let verify = |environment: &[(&str, &str)]| {
        let mut command = audit(&desk, &["verify"]);
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
            command.env_remove(name);
        }
        command.env("TERM", "xterm").envs(environment.iter().copied());
        command
    };
    for (environment, terminal, pipe) in [
        (&[][..], true, false),
        (&[("NO_COLOR", "1")], false, false),
        (&[("TERM", "dumb")], false, false),
        (&[("CLICOLOR", "0")], false, false),
        (&[("CLICOLOR_FORCE", "1")], true, true),
        (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false, false),
    ] {
        let (status, shown) = on_terminal(verify(environment));
        assert!(status.success() && shown.contains("in order"), "{shown}");
        assert_eq!(shown.contains('\u{1b}'), terminal, "{environment:?}: {shown:?}");
        let piped = verify(environment).output().unwrap().stdout;
        assert_eq!(piped.contains(&0x1b), pipe, "{environment:?}");
    }
}

#[tokio::test]
async fn neither_tables_nor_json_hold_what_steers_a_terminal_also_in_a_pipe() {
    let desk = Desk::new().await;
    released(&desk, 1, "anna", "A\u{1b}[2J\u{9b}31m\rB\u{202e}C").await;
    let export = ["export", "--format", "csv"];
    let (status, shown) = on_terminal(audit(&desk, &export));
    assert!(status.success());
    // The line ends are those of the table.
    let shown = shown.replace("\r\n", "\n");
    assert!(shown.contains("A�[2J�31m�B�C"), "{shown:?}");
    assert!(!shown.contains(['\u{1b}', '\u{9b}', '\r', '\u{202e}']), "{shown:?}");
    assert_eq!(shown.lines().count(), 3);
    // From a pipe it may come to a terminal.
    let piped = desk.audit(&[&export[..], &["-c", "bursar.yaml"]].concat()).out;
    assert!(piped.contains("A�[2J�31m�B�C"), "{piped:?}");
    // JSON has signs of its own for all of them, and the same values.
    for args in [&["show", "run-1", "--json"][..], &["show", "--user", "anna", "--json"]] {
        let (_, shown) = on_terminal(audit(&desk, args));
        assert!(shown.contains("A\\u001b[2J\\u009b31m\\rB\\u202eC"), "{shown:?}");
        let piped = desk.audit(&[args, &["-c", "bursar.yaml"]].concat()).out;
        assert_eq!(shown, piped);
        assert!(piped.contains("\\u202e"), "{piped}");
    }
}

#[tokio::test]
async fn columns_stand_below_each_other_behind_wide_letters() {
    let desk = Desk::new().await;
    desk.set("2026-06-01T02:00:00Z");
    for (n, user_id, name) in
        [(1, "anna", ""), (2, "山田", "山田 太郎"), (3, "zoe", "Zoe\u{308}"), (4, "😀", "")]
    {
        released(&desk, n, user_id, name).await;
    }
    let said = desk.audit(&["show", "run-1", "-c", "bursar.yaml"]);
    let table = said.out.split("\n\n").find(|part| part.contains("anna")).unwrap();
    insta::assert_snapshot!(table);
}
