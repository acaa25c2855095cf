//! Whether a report names people: who had a seat, who gave an order, who else changed something.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::RunLine;
use crate::ledger::{Outcome, SeatResult, Trigger};
use crate::license::Holder;
use crate::license::changes::{By, Change};
use crate::store::{Attempt, KnownRun};
use crate::words::short_id;

/// Stands for whoever is not named.
pub(super) const SOMEBODY: &str = "somebody";

/// How people appear.
pub(super) struct Names {
    shown: bool,
    /// Who gave orders, as texts spell them.
    by: BTreeSet<String>,
}

impl Names {
    /// `runs` tell who gave orders.
    pub(super) fn new(shown: bool, runs: &[KnownRun]) -> Self {
        let by = runs.iter().filter_map(|run| match &run.trigger {
            Trigger::Schedule => None,
            Trigger::Command { user, .. } | Trigger::Page { user, .. } => Some(user),
        });
        // `anna, logged in` of a page is `anna` in other texts.
        let parts = by.flat_map(|by| [by.as_str(), by.split(',').next().unwrap_or(by)]);
        let by = parts.filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Self { shown, by }
    }

    /// Who has a seat: their account, or what tells them from others, as pages do it without names.
    pub(super) fn account(&self, change: &Change) -> String {
        match (&change.holder, self.shown) {
            (_, true) => change.account(),
            (Some(holder), false) => person(holder.id),
            (None, false) => "a deleted user".to_owned(),
        }
    }

    pub(super) fn by(&self, by: &By) -> String {
        match by {
            By::Unknown => "not known".to_owned(),
            By::Bursar { run } => format!("Bursar, run {run}"),
            By::Someone { user } if self.shown => user.to_string(),
            By::Someone { .. } => SOMEBODY.to_owned(),
        }
    }

    /// An attempt, as it may be told.
    pub(super) fn attempt(&self, mut attempt: Attempt) -> Attempt {
        if self.shown {
            return attempt;
        }
        let Outcome { holder, result, evidence, .. } = &mut attempt.outcome;
        *holder = Holder {
            id: shortened(holder.id),
            directory: "".into(),
            user_id: person(holder.id).into(),
            name: "".into(),
        };
        // What a server or a person wrote may name anybody.
        evidence.remark = None;
        match result {
            SeatResult::Refused { why } | SeatResult::Unclear { why } => *why = self.text(why),
            SeatResult::Stated { by, why, .. } => {
                *by = SOMEBODY.to_owned();
                *why = "left out without names".to_owned();
            }
            _ => {}
        }
        attempt.because = attempt.because.map(|because| self.text(&because));
        attempt
    }

    pub(super) fn run(&self, run: &KnownRun) -> RunLine {
        let by = match &run.trigger {
            trigger if self.shown => trigger.to_string(),
            Trigger::Schedule => "schedule".to_owned(),
            Trigger::Command { .. } => "a command".to_owned(),
            Trigger::Page { .. } => "an order of the page".to_owned(),
        };
        RunLine {
            run: run.run.clone(),
            started: run.started,
            ended: run.ended,
            mode: run.mode.as_str(),
            by,
            state: run.state.text(),
            lines: run.lines().iter().map(|line| self.text(line)).collect(),
        }
    }

    /// A text of which it isn't known whom it names: without accounts, and without those who gave orders.
    pub(super) fn text(&self, text: &str) -> String {
        if self.shown {
            return text.to_owned();
        }
        let mut text = text.to_owned();
        for name in &self.by {
            text = without(&text, name);
        }
        for phrase in [" paused releasing until ", " accepted "] {
            text = without_who(&text, phrase);
        }
        if let Some((before, after)) = text.split_once("this is a test by ")
            && let Some((_, rest)) = after.split_once(", nothing is wrong")
        {
            text = format!("{before}this is a test by {SOMEBODY}, nothing is wrong{rest}");
        }
        text.split_inclusive(char::is_whitespace).map(without_account).collect()
    }
}

/// Whoever did something, in our own words, who may have given no order in the period: from the sign before them on.
fn without_who(text: &str, did: &str) -> String {
    let Some((before, after)) = text.split_once(did) else { return text.to_owned() };
    let who = before.rfind([':', ';']).map_or(0, |at| at + 1);
    let space = if who > 0 { " " } else { "" };
    format!("{}{space}{SOMEBODY}{did}{after}", &before[..who])
}

/// A text without a name that stands in it as a word of its own.
fn without(text: &str, name: &str) -> String {
    let is_part = |letter: Option<char>| letter.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut rest = text;
    let mut out = String::with_capacity(text.len());
    while let Some(at) = rest.find(name) {
        let (before, after) = (&rest[..at], &rest[at + name.len()..]);
        out.push_str(before);
        let inside = is_part(out.chars().next_back()) || is_part(after.chars().next());
        out.push_str(if inside { name } else { SOMEBODY });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// `CORP\\anna` is somebody.
fn without_account(word: &str) -> String {
    let core = word.trim_matches(|c: char| c.is_whitespace() || ",.;:()'\"".contains(c));
    let is_account = core
        .split_once('\\')
        .is_some_and(|(directory, user)| !directory.is_empty() && !user.is_empty());
    if is_account { word.replacen(core, SOMEBODY, 1) } else { word.to_owned() }
}

/// Who had a seat, as a report has it.
pub(super) fn account(holder: &Holder) -> String {
    if holder.directory.is_empty() { holder.user_id.to_string() } else { holder.account() }
}

/// Of whom only the id is told, and of that as much as tells two of them apart.
fn person(id: Uuid) -> String {
    let short = short_id(id);
    match short.len() {
        // Not all chance: the end differs.
        36 => format!("person …{}", &short[24..]),
        _ => format!("person {short}"),
    }
}

/// As many digits of an id.
fn shortened(id: Uuid) -> Uuid {
    match id.get_version_num() {
        4 => Uuid::from_u128(id.as_u128() >> 80 << 80),
        _ => Uuid::from_u128(id.as_u128() & 0xffff_ffff_ffff),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_names_is_as_before_but_for_them() {
        let by = ["anna@admin1".to_owned(), "bo".to_owned()].into();
        let names = Names { shown: false, by };
        let told = |text: &str| names.text(text);
        assert_eq!(
            told("anna@admin1 paused releasing until 2026-12-01: bo is away"),
            "somebody paused releasing until 2026-12-01: somebody is away"
        );
        assert_eq!(
            told("the seat of CORP\\anna, and (LAB\\x) about"),
            "the seat of somebody, and (somebody) about"
        );
        assert_eq!(told("about 3 boxes of C:\\ stay"), "about 3 boxes of C:\\ stay");
        for (text, hidden) in [
            (
                "paused: cleo, logged in paused releasing until 2026",
                "paused: somebody paused releasing until 2026",
            ),
            ("dora accepted 5, and the backlog", "somebody accepted 5, and the backlog"),
            (
                "this is a test by eve@x, nothing is wrong: so",
                "this is a test by somebody, nothing is wrong: so",
            ),
        ] {
            assert_eq!(told(text), hidden);
        }
        let shown = Names { shown: true, ..names };
        assert_eq!(shown.text("CORP\\anna"), "CORP\\anna");
    }

    #[test]
    fn an_id_is_told_as_far_as_it_tells_people_apart() {
        let chance: Uuid = "0f3a1b2c-9d8e-4f00-8000-0123456789ab".parse().unwrap();
        assert_eq!(person(chance), "person 0f3a1b2c-9d8e");
        assert_eq!(shortened(chance).to_string(), "0f3a1b2c-9d8e-0000-0000-000000000000");
        let clock: Uuid = "0192a3b4-c5d6-7f00-8000-0123456789ab".parse().unwrap();
        assert_eq!(person(clock), "person …0123456789ab");
        assert_eq!(shortened(clock).to_string(), "00000000-0000-0000-0000-0123456789ab");
    }
}
