//! There is a file of everything that can be stored.

use std::collections::{BTreeMap, BTreeSet};

use bursar::alert::state::{Occurrence, Phase};
use bursar::event::{AlertStatus, Body, Rule, Severity};
use bursar::ledger::{
    Action, Entry, Mode, ResponseClass, RunStatus, SeatResult, Statement, Trigger,
};
use bursar::license::changes::{After, By, TimeFrom};
use bursar::license::monitor_app::{AppHealth, Cause};
use bursar::license::server::Kind;
use bursar::license::{ChangeKind, LicenseState, SeatType};
use bursar::policy::{Guard, ThreeWay};
use bursar::release::plan::DateField;
use bursar::release::{Keep, Outcome};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{files, read};

/// Every name that a type can be read from, by its own word: asked for one that it can't know, it
/// lists them all. Nothing that is added to the type is missed.
fn names<T: DeserializeOwned>(unknown: Value) -> BTreeSet<String> {
    let Err(error) = serde_json::from_value::<T>(unknown) else { panic!("it knows any name") };
    let error = error.to_string();
    let (_, list) = error.split_once("expected").unwrap_or_else(|| panic!("no list: {error}"));
    let names: BTreeSet<_> = list.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(!names.is_empty(), "no list: {error}");
    names
}

fn words<T: DeserializeOwned>() -> BTreeSet<String> {
    names::<T>(json!("?"))
}

/// The kind of which a file is.
fn kind(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

#[test]
fn every_kind_has_its_file() {
    let tagged = |tag: &str| json!({ tag: "?" });
    let results = names::<SeatResult>(tagged("result"));
    let kinds = [
        ("events", "/body/kind", names::<Body>(tagged("kind"))),
        ("entries", "/kind", names::<Entry>(tagged("kind"))),
        ("reasons", "/reason", names::<Keep>(tagged("reason"))),
        ("results", "/result", results.clone()),
        ("guards", "/guard", words::<Guard>()),
        ("changes", "/kind", words::<ChangeKind>()),
    ];
    for (folder, tag, known) in kinds {
        let mut there = BTreeSet::new();
        for (name, text) in files(folder) {
            let value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value.pointer(tag).unwrap(), kind(&name), "{folder}/{name}.json");
            there.insert(kind(&name).to_owned());
        }
        if let Some(missing) = known.difference(&there).next() {
            panic!(
                "`{missing}` can be stored, but there is no file of it that later builds are tested with: add tests/data/stored/{folder}/{missing}.json, see the README there"
            );
        }
        if let Some(lost) = there.difference(&known).next() {
            panic!("older builds stored `{lost}` ({folder}), and this one no longer reads it");
        }
    }
    // The results once more, as outcomes in the ledger.
    for result in results {
        let entry: Entry = read("entries", &format!("outcome.{result}"));
        let Entry::Outcome(outcome) = entry else { panic!("{result}") };
        assert_eq!(outcome.result.as_str(), result);
    }
}

/// Every rule by its name and by the one that older builds wrote: both are read.
fn rules() -> BTreeSet<String> {
    let names = words::<Rule>();
    let older = names.iter().map(|name| {
        let rule: Rule = serde_json::from_value(name.clone().into()).unwrap();
        let older = rule.stored();
        assert_eq!(serde_json::from_value::<Rule>(older.clone().into()).unwrap(), rule);
        older
    });
    older.chain(names.iter().cloned()).collect()
}

#[test]
fn every_word_that_was_stored_is_read() {
    let known = BTreeMap::from([
        ("guard", words::<Guard>()),
        ("changeKind", words::<ChangeKind>()),
        ("runStatus", words::<RunStatus>()),
        ("mode", words::<Mode>()),
        ("action", words::<Action>()),
        ("seatType", words::<SeatType>()),
        ("threeWay", words::<ThreeWay>()),
        ("dateField", words::<DateField>()),
        ("decision", words::<Outcome>()),
        ("licenseState", words::<LicenseState>()),
        ("licenseKind", words::<Kind>()),
        ("appHealth", words::<AppHealth>()),
        ("cause", words::<Cause>()),
        ("rule", rules()),
        ("severity", words::<Severity>()),
        ("alertStatus", words::<AlertStatus>()),
        ("alertPhase", words::<Phase>()),
        ("alertWhat", words::<Occurrence>()),
        ("after", words::<After>()),
        ("timeFrom", words::<TimeFrom>()),
        ("answered", words::<ResponseClass>()),
        ("statement", words::<Statement>()),
    ]);
    let mut stored: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, text) in files("words") {
        let words: BTreeMap<String, BTreeSet<String>> = serde_json::from_str(&text).unwrap();
        for (of, words) in words {
            stored.entry(of).or_default().extend(words);
        }
    }
    for (of, known) in known {
        let stored = stored.remove(of).unwrap_or_default();
        let missing: Vec<_> = known.difference(&stored).collect();
        assert!(
            missing.is_empty(),
            "new words of {of}: {missing:?}; add a file with them to tests/data/stored/words, see the README there"
        );
        let lost: Vec<_> = stored.difference(&known).collect();
        assert!(lost.is_empty(), "older builds stored these words of {of}: {lost:?}");
    }
    assert!(stored.is_empty(), "{stored:?}");
    // Those with facts beside the word stand in the events and entries.
    assert_eq!(
        names::<Trigger>(json!({ "by": "?" })),
        ["command", "page", "schedule"].map(Into::into).into()
    );
    let by = ["bursar", "someone", "unknown"].map(Into::into);
    assert_eq!(names::<By>(json!({ "who": "?" })), by.into());
}
