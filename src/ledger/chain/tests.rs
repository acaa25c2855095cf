use proptest::prelude::*;

use super::*;
use crate::ledger::check::{Check, Findings};
use crate::ledger::{Entry, lines};

/// A ledger as the store would write it.
fn ledger(records: u64) -> Vec<Raw> {
    let mut head = Head::zero();
    (1..=records)
        .map(|seq| {
            let entry = Entry::Resumed { by: format!("anna-{seq}@admin") };
            let mut raw = Raw {
                seq,
                time: 1_767_225_600_000 + seq as i64,
                site: "default".into(),
                run: if seq % 2 == 0 { "0197-run".into() } else { String::new() },
                kind: entry.kind().into(),
                entry: serde_json::to_string(&entry).unwrap(),
                previous: head.hash.clone(),
                hash: String::new(),
            };
            raw.hash = raw.expected_hash();
            head = raw.head();
            raw
        })
        .collect()
}

/// Makes every record fit again from a place on, as someone who knows how would.
fn rehash(records: &mut [Raw], from: usize) {
    for n in from..records.len() {
        if n > 0 {
            records[n].previous = records[n - 1].hash.clone();
        }
        records[n].hash = records[n].expected_hash();
    }
}

fn check(records: &[Raw], head: &Head, outside: &[Head]) -> Findings {
    let mut check = Check::default();
    let mut pass = check.store("store", Head::zero(), head.clone());
    records.iter().for_each(|raw| pass.push(Ok(raw)));
    pass.end_of_store(&Default::default());
    check.finish(outside)
}

/// The problems of a store that noted ten records.
fn problems(records: &[Raw]) -> Vec<Broken> {
    let head = ledger(10)[9].head();
    check(records, &head, &[]).problems.into_iter().map(|p| p.broken).collect()
}

#[test]
fn a_ledger_is_in_order_as_it_is_written() {
    let records = ledger(10);
    let findings = check(&records, &records[9].head(), &[records[9].head(), records[3].head()]);
    assert_eq!(findings.problems, []);
    assert!(findings.in_order && findings.notes.is_empty());
    assert_eq!((findings.records, findings.ranges), (10, vec![(1, 10)]));
    assert_eq!(findings.head, Some(records[9].head()));
    assert!(check(&[], &Head::zero(), &[]).in_order);
}

#[test]
fn the_documented_bytes_give_the_documented_hashes() {
    let document = include_str!("../../../docs/audit.md");
    let mut first = Raw {
        seq: 1,
        time: 1_767_225_600_000,
        site: "default".into(),
        run: String::new(),
        kind: "paused".into(),
        entry: r#"{"kind":"paused","until":"2026-12-31T23:00:00Z","why":"Jahresabschluß","by":"anna@admin1"}"#.into(),
        previous: ZERO.into(),
        // Both were computed by another program.
        hash: "a85101dcdeafcc28a8cbba1e73a6e9232b4a2c2da5868df87caf0d5a71177c4c".into(),
    };
    assert_eq!(first.expected_hash(), first.hash);
    assert!(document.contains(&lines::write(&first)));
    let second = Raw {
        seq: 2,
        time: 1_767_225_660_000,
        kind: "resumed".into(),
        entry: r#"{"kind":"resumed","by":"anna@admin1"}"#.into(),
        previous: first.hash.clone(),
        hash: "487b7c40e6087f70d9fa485cc8ea518b5f0c7f591530250e767f1b62405f676d".into(),
        ..first.clone()
    };
    assert_eq!(second.expected_hash(), second.hash);
    assert!(document.contains(&lines::write(&second)));
    let bytes = format!(
        "15:bursar-ledger-1,64:{ZERO},1:1,13:1767225600000,7:default,0:,6:paused,91:{},",
        first.entry
    );
    assert!(document.contains(&bytes));
    assert_eq!(crate::ledger::digest(bytes.as_bytes()), first.hash);
    // The entries are what the program itself would write.
    for raw in [&first, &second] {
        assert_eq!(serde_json::to_string(&raw.record().unwrap().entry).unwrap(), raw.entry);
    }
    first.run = "0".into();
    assert_ne!(first.expected_hash(), first.hash);
}

#[test]
fn no_text_can_move_from_one_field_into_the_next() {
    let mut one = ledger(1).remove(0);
    (one.site, one.run) = ("ab".into(), "c".into());
    let mut other = one.clone();
    (other.site, other.run) = ("a".into(), "bc".into());
    assert_ne!(one.expected_hash(), other.expected_hash());
    // Not even with the separators in it.
    (one.site, one.run, one.kind) = ("a,:b".into(), "c".into(), "d".into());
    (other.site, other.run, other.kind) = ("a".into(), "b,:c".into(), "d".into());
    assert_ne!(one.expected_hash(), other.expected_hash());
}

#[test]
fn a_changed_record_is_named() {
    for n in 0..10 {
        let mut records = ledger(10);
        records[n].entry = records[n].entry.replace("anna", "otto");
        assert_eq!(problems(&records), [Broken::Changed { seq: n as u64 + 1 }]);
    }
}

#[test]
fn a_changed_hash_is_blamed_on_its_own_record() {
    let mut records = ledger(10);
    records[4].hash = "a".repeat(64);
    assert_eq!(problems(&records), [Broken::Changed { seq: 5 }]);
}

#[test]
fn a_change_with_a_hash_that_fits_breaks_the_link() {
    let mut records = ledger(10);
    records[4].entry = records[4].entry.replace("anna", "otto");
    records[4].hash = records[4].expected_hash();
    assert_eq!(problems(&records), [Broken::Unlinked { seq: 6 }]);
}

#[test]
fn exchanged_records_are_named() {
    let mut records = ledger(10);
    records.swap(4, 5);
    (records[4].seq, records[5].seq) = (5, 6);
    assert_eq!(
        problems(&records),
        [Broken::Moved { seq: 5, written_as: 6 }, Broken::Moved { seq: 6, written_as: 5 }]
    );
    // In a file they may keep their numbers.
    let mut records = ledger(10);
    records.swap(4, 5);
    assert_eq!(
        problems(&records),
        [Broken::Missing { first: 5, last: 5 }, Broken::Disorder { seq: 5, behind: 6 }]
    );
}

#[test]
fn missing_records_are_named() {
    let mut records = ledger(10);
    records.remove(4);
    assert_eq!(problems(&records), [Broken::Missing { first: 5, last: 5 }]);
    records.drain(..2);
    assert_eq!(
        problems(&records),
        [Broken::Missing { first: 1, last: 2 }, Broken::Missing { first: 5, last: 5 }]
    );
}

#[test]
fn a_hole_that_was_closed_by_new_numbers_is_found() {
    let mut records = ledger(10);
    records.remove(4);
    for (n, raw) in records.iter_mut().enumerate() {
        raw.seq = n as u64 + 1;
    }
    let found = problems(&records);
    assert_eq!(found[0], Broken::Moved { seq: 5, written_as: 6 });
    assert_eq!(found.last(), Some(&Broken::CutOff { last: 9, head: 10 }));
    rehash(&mut records, 4);
    assert_eq!(problems(&records), [Broken::CutOff { last: 9, head: 10 }]);
}

#[test]
fn a_ledger_that_was_cut_off_is_found() {
    assert_eq!(problems(&ledger(10)[..9]), [Broken::CutOff { last: 9, head: 10 }]);
    assert_eq!(problems(&[]), [Broken::CutOff { last: 0, head: 10 }]);
}

#[test]
fn records_that_were_added_are_found() {
    let found = problems(&ledger(12));
    assert_eq!(found, [Broken::Added { seq: 11 }, Broken::Added { seq: 12 }]);
}

#[test]
fn a_rewrite_of_everything_shows_only_outside() {
    let true_head = ledger(10)[9].head();
    let mut records = ledger(10);
    records[0].entry = records[0].entry.replace("anna", "otto");
    rehash(&mut records, 0);
    let head = records[9].head();
    assert!(check(&records, &head, &[]).in_order);
    let found = check(&records, &head, std::slice::from_ref(&true_head)).problems;
    assert_eq!(
        found[0].broken,
        Broken::Differs {
            seq: 10,
            hash: head.hash,
            noted: true_head.hash,
            witness: Witness::Outside
        }
    );
    // With the note of the head as it was, the store itself shows it.
    assert!(matches!(problems(&records)[..], [Broken::Differs { seq: 10, .. }]));
}

#[test]
fn a_head_from_outside_that_is_not_there_is_no_proof() {
    let records = ledger(10);
    let later = Head { seq: 11, hash: "0".repeat(64) };
    let found = check(&records, &records[9].head(), &[later]).problems;
    assert_eq!(found[0].broken, Broken::CutOff { last: 10, head: 11 });
}

#[test]
fn a_record_that_cannot_be_read_is_named_once() {
    let records = ledger(4);
    let mut check = Check::default();
    let mut pass = check.store("store", Head::zero(), records[3].head());
    let broken = Broken::Unreadable { place: "record 2".into(), why: "rubbish".into() };
    pass.push(Ok(&records[0]));
    pass.push(Err(&(Some(2), broken.clone())));
    pass.push(Ok(&records[2]));
    pass.push(Ok(&records[3]));
    pass.end_of_store(&Default::default());
    let found: Vec<_> = check.finish(&[]).problems.into_iter().map(|p| p.broken).collect();
    assert_eq!(found, [broken]);
}

#[test]
fn many_problems_end_the_search_but_not_the_check() {
    let mut records = ledger(5_000);
    let head = records[4_999].head();
    records.iter_mut().for_each(|raw| raw.time += 1);
    let findings = check(&records, &head, &[]);
    assert_eq!(findings.problems.len(), 50);
    assert!(!findings.in_order);
}

#[test]
fn a_line_is_taken_only_as_it_was_written() {
    let raw = ledger(1).remove(0);
    let line = lines::write(&raw);
    assert_eq!(lines::read("line 1", &line), Ok(raw));
    for other in [
        line.replace(":\"default\"", ": \"default\""),
        line.replace("default", "d\\u0065fault"),
        line.replace("\"seq\":1,", "\"seq\":1,\"more\":1,"),
        line.replace("\"seq\":1", "\"seq\":1.0"),
        line[..line.len() - 1].to_owned(),
        String::new(),
    ] {
        assert!(matches!(lines::read("line 1", &other), Err(Broken::Unreadable { .. })), "{other}");
    }
}

/// Two files and a store.
fn parts(one: &[Raw], two: &[Raw], store: &[Raw], start: Head, head: Head) -> Findings {
    let mut check = Check::default();
    // In any order.
    for (name, part) in [("two", two), ("one", one)] {
        if part.is_empty() {
            continue;
        }
        let mut pass = check.file(name);
        part.iter().for_each(|raw| pass.push(Ok(raw)));
        pass.end_of_file(String::new());
    }
    let mut pass = check.store("store", start, head);
    store.iter().for_each(|raw| pass.push(Ok(raw)));
    pass.end_of_store(&Default::default());
    check.finish(&[])
}

/// A ledger whose record 9 says that those through 8 were archived.
fn archived() -> Vec<Raw> {
    let mut records = ledger(12);
    let entry = Entry::Archived {
        through: records[7].head(),
        records: 4,
        file: "two".into(),
        digest: String::new(),
        by: "anna".into(),
    };
    records[8].kind = entry.kind().into();
    records[8].entry = serde_json::to_string(&entry).unwrap();
    rehash(&mut records, 8);
    records
}

#[test]
fn files_and_a_store_are_checked_as_one() {
    let all = archived();
    let (start, head) = (all[7].head(), all[11].head());
    let whole = parts(&all[..4], &all[4..8], &all[8..], start.clone(), head.clone());
    assert_eq!(whole.problems, []);
    assert_eq!((whole.ranges, whole.records), (vec![(1, 12)], 12));

    // One is missing, or incomplete.
    let found = parts(&all[..4], &[], &all[8..], start.clone(), head.clone()).problems;
    assert_eq!(found[0].broken, Broken::Missing { first: 5, last: 8 });
    let found = parts(&all[..4], &all[4..7], &all[8..], start.clone(), head.clone()).problems;
    assert_eq!(found[0].broken, Broken::Missing { first: 8, last: 8 });
    let alone = parts(&[], &[], &all[8..], start.clone(), head.clone());
    assert_eq!((alone.problems, alone.ranges), (vec![], vec![(9, 12)]));

    // One was rewritten in itself.
    let mut forged = all[..4].to_vec();
    forged[0].time += 1;
    rehash(&mut forged, 0);
    let found = parts(&forged, &all[4..8], &all[8..], start.clone(), head.clone()).problems;
    assert!(matches!(found[0].broken, Broken::Differs { seq: 4, .. }), "{found:?}");
    let mut forged = all[4..8].to_vec();
    forged[3].time += 1;
    rehash(&mut forged, 1);
    let found = parts(&all[..4], &forged, &all[8..], start.clone(), head.clone()).problems;
    assert!(matches!(found[0].broken, Broken::Differs { seq: 8, .. }), "{found:?}");

    // A copy of what is still in the store speaks for it, too.
    let mut forged = all.clone();
    forged[10].time += 1;
    rehash(&mut forged, 10);
    let found = parts(&all[8..], &all[4..8], &forged[8..], start, forged[11].head()).problems;
    assert!(
        matches!(&found[0].broken, Broken::Differs { seq: 11, witness: Witness::File(file), .. }
        if file == "one"),
        "{found:?}"
    );
    assert_eq!(found.len(), 1);
}

#[test]
fn records_are_not_gone_without_a_record_of_it() {
    let all = ledger(12);
    let alone = parts(&[], &[], &all[8..], all[7].head(), all[11].head());
    assert_eq!(alone.problems[0].broken, Broken::NotArchived { through: 8 });
    // An archive of other records is no excuse.
    let all = archived();
    let alone = parts(&[], &[], &all[6..], all[5].head(), all[11].head());
    assert_eq!(alone.problems[0].broken, Broken::NotArchived { through: 6 });
    let records_left = parts(&[], &[], &all[7..], all[7].head(), all[11].head());
    assert_eq!(records_left.problems[0].broken, Broken::Added { seq: 8 });
}

#[test]
fn a_head_of_what_was_archived_needs_the_file() {
    let all = archived();
    let mut check = Check::default();
    let mut pass = check.store("store", all[7].head(), all[11].head());
    all[8..].iter().for_each(|raw| pass.push(Ok(raw)));
    pass.end_of_store(&Default::default());
    let found = check.clone().finish(&[all[3].head()]).problems;
    assert_eq!(found[0].broken, Broken::NotHere { seq: 4 });
    let mut pass = check.file("file");
    all[..8].iter().for_each(|raw| pass.push(Ok(raw)));
    pass.end_of_file(String::new());
    assert!(check.finish(&[all[3].head()]).in_order);
}

/// One byte of the text becomes another one; what is no UTF-8 any more is replaced, as a reader
/// would see it.
fn with_byte(text: &str, at: usize, change: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    if bytes.is_empty() {
        bytes.push(change);
    } else {
        let at = at % bytes.len();
        bytes[at] ^= change;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

proptest! {
    #[test]
    fn any_byte_of_any_column_of_any_record_counts(
        record in 0_usize..6,
        column in 0_usize..8,
        at in 0_usize..200,
        change in 1_u8..=255,
    ) {
        let mut records = ledger(6);
        let head = records[5].head();
        let raw = &mut records[record];
        match column {
            0 => raw.seq ^= u64::from(change) << (8 * (at % 8)),
            1 => raw.time ^= i64::from(change) << (8 * (at % 8)),
            2 => raw.site = with_byte(&raw.site, at, change),
            3 => raw.run = with_byte(&raw.run, at, change),
            4 => raw.kind = with_byte(&raw.kind, at, change),
            5 => raw.entry = with_byte(&raw.entry, at, change),
            6 => raw.previous = with_byte(&raw.previous, at, change),
            _ => raw.hash = with_byte(&raw.hash, at, change),
        }
        // The store hands them out by number.
        records.sort_by_key(|raw| raw.seq);
        let findings = check(&records, &head, &[]);
        prop_assert!(!findings.in_order);
        if column > 0 {
            prop_assert_eq!(
                &findings.problems[0].broken,
                &Broken::Changed { seq: record as u64 + 1 }
            );
        }
    }

    #[test]
    fn any_byte_of_a_file_counts(at in 0_usize..10_000, change in 1_u8..=255) {
        let records = ledger(6);
        let text: String = records.iter().map(|raw| lines::write(raw) + "\n").collect();
        let mut bytes = text.into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= change;
        let mut check = Check::default();
        let mut pass = check.file("file");
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            let line = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line));
            match lines::read("line", &line) {
                Ok(raw) => pass.push(Ok(&raw)),
                Err(broken) => pass.push(Err(&(None, broken))),
            }
        }
        pass.end_of_file(String::new());
        prop_assert!(!check.finish(&[records[5].head()]).in_order);
    }
}
