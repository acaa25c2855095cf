//! Checks a ledger that lies in several places: the store, and files that were exported or
//! archived. Whatever two of them say of the same record must agree.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::chain::{Broken, Chain, Raw, Witness};
use super::{Entry, Head};

/// So many problems are told; after them it is clear that something is wrong.
const MOST: usize = 50;

/// A check under way.
#[derive(Debug, Clone, Default)]
pub struct Check {
    parts: Vec<Part>,
    problems: Vec<Problem>,
    /// The hash of each record seen.
    seen: HashMap<u64, [u8; 32]>,
    archives: Vec<Archived>,
    /// What was noted beside the records.
    notes: Vec<String>,
}

/// What a record says of an archive.
#[derive(Debug, Clone)]
struct Archived {
    /// The last record in it.
    through: Head,
    records: u64,
    /// Name and SHA-256 of the file.
    file: String,
    digest: String,
}

/// One place that was looked at.
#[derive(Debug, Clone)]
struct Part {
    name: String,
    from_store: bool,
    /// What its first record follows.
    start: Option<Head>,
    first: Option<(u64, i64)>,
    last: Option<(Head, i64)>,
    records: u64,
    /// SHA-256 of a file.
    digest: Option<String>,
}

/// A problem and where it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The store's or file's name.
    pub place: String,
    #[serde(flatten)]
    pub broken: Broken,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    pub in_order: bool,
    /// The first ones, when there are very many.
    pub problems: Vec<Problem>,
    pub records: u64,
    /// First and last number of what was looked at, without gaps in between.
    pub ranges: Vec<(u64, u64)>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    /// The last record.
    pub head: Option<Head>,
    /// What is not wrong, but good to know.
    pub notes: Vec<String>,
}

/// The check of one place.
#[derive(Debug)]
pub struct Pass<'a> {
    check: &'a mut Check,
    part: Part,
    chain: Option<Chain>,
    /// Of the store: what it noted as the last record.
    head: Option<Head>,
    differs: bool,
    intents: BTreeSet<u64>,
    /// Whether anything was pushed.
    any: bool,
}

impl Check {
    /// Begins with the records of a file. Its first record is taken at its word for what it
    /// follows, and compared with what other places say.
    pub fn file(&mut self, name: &str) -> Pass<'_> {
        self.pass(name, false, None, None)
    }

    /// Begins with the records of a store, which lie between two ends.
    pub fn store(&mut self, name: &str, start: Head, head: Head) -> Pass<'_> {
        self.pass(name, true, Some(start), Some(head))
    }

    fn pass(
        &mut self,
        name: &str,
        from_store: bool,
        start: Option<Head>,
        head: Option<Head>,
    ) -> Pass<'_> {
        let part = Part {
            name: name.to_owned(),
            from_store,
            start: start.clone(),
            first: None,
            last: None,
            records: 0,
            digest: None,
        };
        let chain = start.map(Chain::new);
        Pass {
            check: self,
            part,
            chain,
            head,
            differs: false,
            intents: BTreeSet::new(),
            any: false,
        }
    }

    /// Something that was found beside the records.
    pub fn add(&mut self, place: &str, broken: Broken) {
        if self.problems.len() < MOST {
            self.problems.push(Problem { place: place.to_owned(), broken });
        }
    }

    /// Something that is not wrong, but good to know.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Whether nothing was found so far that is wrong with the records themselves.
    pub fn is_whole(&self) -> bool {
        self.problems.iter().all(|problem| matches!(problem.broken, Broken::Forgotten { .. }))
    }

    /// Compares the places with each other and with heads that were kept outside.
    pub fn finish(mut self, outside: &[Head]) -> Findings {
        let mut notes = Vec::new();
        let noted = std::mem::take(&mut self.notes);
        self.compare_starts(&mut notes);
        self.compare_archives(&mut notes);
        let last = self.parts.iter().filter_map(|part| part.last.as_ref());
        let last = last.max_by_key(|(head, _)| head.seq).cloned();
        let end = last.as_ref().map_or(0, |(head, _)| head.seq);
        for noted in outside {
            match self.differing(noted) {
                Some(Some(hash)) => {
                    let broken = differs(noted, hash, Witness::Outside);
                    self.add("", broken);
                }
                Some(None) => {}
                None if noted.seq > end => {
                    self.add("", Broken::CutOff { last: end, head: noted.seq });
                }
                None => self.add("", Broken::NotHere { seq: noted.seq }),
            }
        }
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        let (mut from, mut to) = (None, None);
        self.parts.sort_by_key(|part| part.first);
        for part in &self.parts {
            let (Some((first, start)), Some((last, end))) = (part.first, &part.last) else {
                continue;
            };
            from = [from, Some(start)].into_iter().flatten().min();
            to = to.max(Some(*end));
            match ranges.last_mut() {
                Some(range) if first <= range.1.saturating_add(1) => {
                    range.1 = range.1.max(last.seq)
                }
                _ => ranges.push((first, last.seq)),
            }
        }
        let archived = self.parts.iter().any(|part| part.from_store && part.first == self.first());
        if let Some((first, _)) = self.first().filter(|(first, _)| *first > 1 && !archived) {
            notes.push(format!("records before {first} are not in what was given"));
        }
        notes.extend(noted);
        for pair in ranges.windows(2) {
            // Nobody can tell that the parts belong together.
            self.add("", Broken::Missing { first: pair[0].1 + 1, last: pair[1].0 - 1 });
        }
        Findings {
            in_order: self.problems.is_empty(),
            problems: self.problems,
            records: self.seen.len() as u64,
            ranges,
            from: from.and_then(DateTime::from_timestamp_millis),
            to: to.and_then(DateTime::from_timestamp_millis),
            head: last.map(|(head, _)| head),
            notes,
        }
    }

    fn first(&self) -> Option<(u64, i64)> {
        self.parts.iter().filter_map(|part| part.first).min()
    }

    /// `None`: not seen. `Some(None)`: seen, and the same. Else the hash that was seen.
    fn differing(&self, noted: &Head) -> Option<Option<String>> {
        if noted.seq == 0 {
            return Some((noted.hash != Head::zero().hash).then(|| Head::zero().hash));
        }
        let hash = hex::encode(self.seen.get(&noted.seq)?);
        Some((hash != noted.hash).then_some(hash))
    }

    /// What the first record of each place follows is the last one of another place, or archived.
    fn compare_starts(&mut self, notes: &mut Vec<String>) {
        let mut found = Vec::new();
        for part in &self.parts {
            let Some(start) = part.start.as_ref().filter(|start| start.seq > 0) else { continue };
            if let Some(Some(hash)) = self.differing(start) {
                let witness =
                    if part.from_store { Witness::Store } else { Witness::File(part.name.clone()) };
                found.push((part.name.clone(), differs(start, hash, witness)));
            }
            if part.from_store {
                if self.archives.iter().any(|archived| archived.through == *start) {
                    notes.push(format!("records up to {} were archived", start.seq));
                } else {
                    found.push((part.name.clone(), Broken::NotArchived { through: start.seq }));
                }
            }
        }
        for (place, broken) in found {
            self.add(&place, broken);
        }
    }

    /// What a record says of an archive is what the archive's file holds.
    fn compare_archives(&mut self, notes: &mut Vec<String>) {
        let mut found = Vec::new();
        for Archived { through, records, file, digest } in &self.archives {
            if let Some(Some(hash)) = self.differing(through) {
                found.push((String::new(), differs(through, hash, Witness::Archive)));
            }
            for part in self.parts.iter().filter(|part| !part.from_store) {
                let same_end = part.last.as_ref().is_some_and(|(last, _)| last == through);
                if same_end && let Some(cut) = self.cut(through, *records) {
                    let archive = file.clone();
                    let broken = Broken::ArchiveCut { first: cut.0, last: cut.1, archive };
                    found.push((part.name.clone(), broken));
                    continue;
                }
                if same_end && part.digest.as_ref().is_some_and(|found| found != digest) {
                    notes.push(format!(
                        "{} is not byte for byte the file that was archived (another export of \
                         the same records, or its line ends were changed)",
                        part.name
                    ));
                }
            }
        }
        for (place, broken) in found {
            self.add(&place, broken);
        }
    }

    /// The records at the beginning of an archive that are in none of the places.
    fn cut(&self, through: &Head, records: u64) -> Option<(u64, u64)> {
        let first = through.seq.checked_sub(records)? + 1;
        let missing = (first..=through.seq).take_while(|seq| !self.seen.contains_key(seq)).count();
        (missing > 0).then(|| (first, first + missing as u64 - 1))
    }
}

impl Pass<'_> {
    /// The next record, or what stands in its place; `seq` where at least that can be read.
    pub fn push(&mut self, record: Result<&Raw, &(Option<u64>, Broken)>) {
        self.any = true;
        match record {
            Ok(raw) => self.record(raw),
            Err((seq, broken)) => {
                self.found(broken.clone());
                if let (Some(chain), Some(seq)) = (&mut self.chain, seq) {
                    chain.skip(*seq);
                }
            }
        }
    }

    fn record(&mut self, raw: &Raw) {
        self.part.records += 1;
        let outside = self.head.as_ref().is_some_and(|head| raw.seq > head.seq)
            || (self.part.from_store
                && self.part.start.as_ref().is_some_and(|start| raw.seq <= start.seq));
        if outside {
            self.found(Broken::Added { seq: raw.seq });
            return;
        }
        let chain = self.chain.get_or_insert_with(|| {
            let before = Head { seq: raw.seq.saturating_sub(1), hash: raw.previous.clone() };
            let start = if raw.seq <= 1 { Head::zero() } else { before };
            self.part.start = Some(start.clone());
            Chain::new(start)
        });
        let broken = chain.push(raw);
        let in_order = !broken.iter().any(|b| matches!(b, Broken::Disorder { .. }));
        for broken in broken {
            self.found(broken);
        }
        if !in_order {
            return;
        }
        self.part.first.get_or_insert((raw.seq, raw.time));
        self.part.last = Some((raw.head(), raw.time));
        self.compare(raw);
        self.understand(raw);
    }

    /// With what another place said of the same record.
    fn compare(&mut self, raw: &Raw) {
        let mut hash = [0; 32];
        // What is no hash is reported already: it can't fit.
        let _ = hex::decode_to_slice(&raw.hash, &mut hash);
        let other = *self.check.seen.entry(raw.seq).or_insert(hash);
        if other == hash || self.differs {
            return;
        }
        // All after it differ, too.
        self.differs = true;
        let place = self.check.parts.iter().find(|part| {
            part.first.is_some_and(|(first, _)| first <= raw.seq)
                && part.last.as_ref().is_some_and(|(last, _)| raw.seq <= last.seq)
        });
        let name = place.map_or_else(String::new, |part| part.name.clone());
        let noted = Head { seq: raw.seq, hash: hex::encode(other) };
        self.found(differs(&noted, raw.hash.clone(), Witness::File(name)));
    }

    fn understand(&mut self, raw: &Raw) {
        match serde_json::from_str(&raw.entry) {
            Ok(Entry::Archived { through, records, file, digest, .. }) => {
                self.check.archives.push(Archived { through, records, file, digest });
            }
            Ok(Entry::Intent(_)) => {
                self.intents.insert(raw.seq);
            }
            Ok(Entry::Outcome(outcome)) if outcome.is_final() => {
                self.intents.remove(&outcome.intent);
            }
            // Text that is no entry does not fit its hash, or this release does not know it.
            _ => {}
        }
    }

    fn found(&mut self, broken: Broken) {
        self.check.add(&self.part.name, broken);
    }

    /// The last record that was in its place.
    pub fn last(&self) -> Option<&Head> {
        self.part.last.as_ref().map(|(head, _)| head)
    }

    /// Numbers of the first and the last record that were in their place.
    pub fn range(&self) -> Option<(u64, u64)> {
        Some((self.part.first?.0, self.part.last.as_ref()?.0.seq))
    }

    /// How many records there were.
    pub fn records(&self) -> u64 {
        self.part.records
    }

    /// All records were pushed. `digest`: of the file's bytes.
    pub fn end_of_file(mut self, digest: String) {
        self.part.digest = Some(digest);
        if !self.any {
            self.found(Broken::Empty);
        }
        self.check.parts.push(self.part);
    }

    /// All records were pushed. `unsettled`: the intents that the store counts as such.
    pub fn end_of_store(mut self, unsettled: &BTreeSet<u64>) {
        let end = self.chain.as_ref().zip(self.head.as_ref()).and_then(|(c, head)| c.end(head));
        if let Some(broken) = end {
            self.found(broken);
        }
        let forgotten: Vec<u64> = self.intents.difference(unsettled).copied().collect();
        for seq in forgotten {
            self.found(Broken::Forgotten { seq });
        }
        self.check.parts.push(self.part);
    }
}

fn differs(noted: &Head, hash: String, witness: Witness) -> Broken {
    Broken::Differs { seq: noted.seq, hash, noted: noted.hash.clone(), witness }
}
