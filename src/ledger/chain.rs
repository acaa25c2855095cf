//! How a record is tied to the one before it, and how that is checked.
//!
//! The hash of a record is the SHA-256 of these texts in UTF-8, each written as a netstring
//! (its length in bytes as a decimal number, `:`, the text, `,`):
//!
//! ```text
//! bursar-ledger-1   previous   seq   time   site   run   kind   entry
//! ```
//!
//! `seq` and `time` (milliseconds since 1970 in UTC) are decimal numbers, `run` is empty outside of
//! a run, `entry` is the JSON exactly as it is stored. The lengths make the bytes unambiguous: no
//! text can be moved from one field into the next.

use std::fmt;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Head, Record};

/// In front of the first record.
pub const ZERO: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const DOMAIN: &str = "bursar-ledger-1";

/// How far around a record that does not fit the number under which it would fit is looked for.
const NEAR: u64 = 100;

/// A record exactly as it is written in the store and in files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    pub seq: u64,
    /// Milliseconds since 1970 in UTC.
    pub time: i64,
    /// Empty for what is about all sites.
    pub site: String,
    /// Empty outside of a run.
    pub run: String,
    /// As in the entry.
    pub kind: String,
    /// JSON, as text: what is hashed is what was written, whatever a reader makes of it.
    pub entry: String,
    pub previous: String,
    pub hash: String,
}

/// What is wrong with a ledger, and with which record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Broken {
    /// The content no longer fits the hash.
    Changed {
        seq: u64,
    },
    /// As `Changed`, and it would fit under another number.
    Moved {
        seq: u64,
        written_as: u64,
    },
    /// It fits its own hash, but carries another hash than that of the record before it.
    Unlinked {
        seq: u64,
    },
    Missing {
        first: u64,
        last: u64,
    },
    /// It stands behind a record with a higher number, or with its own.
    Disorder {
        seq: u64,
        behind: u64,
    },
    /// It is no record at all.
    Unreadable {
        place: String,
        why: String,
    },
    /// The last record is `last`, but one with the number `head` was written.
    CutOff {
        last: u64,
        head: u64,
    },
    /// It lies behind the last record that was ever written, or among those that were archived.
    Added {
        seq: u64,
    },
    /// Its hash is another one than was noted elsewhere.
    Differs {
        seq: u64,
        hash: String,
        noted: String,
        witness: Witness,
    },
    /// A head from outside can't be compared: the record is not in what was given.
    NotHere {
        seq: u64,
    },
    /// The ledger begins behind this record, and no record says that those before were archived.
    NotArchived {
        through: u64,
    },
    /// An intent without a known outcome, which the store does not count as unsettled.
    Forgotten {
        seq: u64,
    },
    /// A plan that is kept beside the ledger is not the one that was recorded.
    Plan {
        seq: u64,
        run: String,
    },
    /// Something of the store that guards the ledger is not as it was made.
    Guard {
        name: String,
    },
    /// A trigger of another table is not one that Bursar makes, or is missing or changed.
    Trigger {
        name: String,
        table: String,
    },
    /// SQLite finds the file damaged: what is in a table and what its indexes lead to differ.
    Damaged {
        says: String,
    },
    /// What the store notes beside the ledger does not follow from it.
    NotBacked {
        table: String,
        site: String,
        /// What follows from the ledger, in words.
        ledger: Option<String>,
        /// What the store notes.
        store: Option<String>,
        /// Both, as a sentence.
        says: String,
    },
    /// A file without any record.
    Empty,
    /// An archive ends here, but what is given of it begins too late.
    ArchiveCut {
        first: u64,
        last: u64,
        archive: String,
    },
}

/// Who says what the hash of a record was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Witness {
    /// The store itself, apart from the records.
    Store,
    /// A copy of the head that was kept elsewhere.
    Outside,
    /// The record of an archive.
    Archive,
    File(String),
}

impl Raw {
    /// The hash that this record must have.
    pub fn expected_hash(&self) -> String {
        self.hash_as(self.seq)
    }

    fn hash_as(&self, seq: u64) -> String {
        let mut hasher = Sha256::new();
        let (seq, time) = (seq.to_string(), self.time.to_string());
        let fields =
            [DOMAIN, &self.previous, &seq, &time, &self.site, &self.run, &self.kind, &self.entry];
        for field in fields {
            hasher.update(field.len().to_string());
            hasher.update(b":");
            hasher.update(field);
            hasher.update(b",");
        }
        hex::encode(hasher.finalize())
    }

    /// What it says.
    ///
    /// # Errors
    /// When it was changed, or written by a release that knows more.
    pub fn record(&self) -> serde_json::Result<Record> {
        Ok(Record {
            seq: self.seq,
            time: DateTime::from_timestamp_millis(self.time).unwrap_or_default(),
            site: self.site.clone(),
            run: Some(self.run.clone()).filter(|run| !run.is_empty()),
            entry: serde_json::from_str(&self.entry)?,
            previous: self.previous.clone(),
            hash: self.hash.clone(),
        })
    }

    /// The record's number and hash.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash.clone() }
    }
}

impl Head {
    /// What an empty ledger has.
    pub fn zero() -> Self {
        Self { seq: 0, hash: ZERO.to_owned() }
    }
}

/// Checks records one after the other.
#[derive(Debug, Clone)]
pub struct Chain {
    seq: u64,
    /// Of the last record; `None` when it could not be read or stood in another one's place.
    hash: Option<String>,
    /// The hash that the last record should have had, when it had another one.
    or_else: Option<String>,
    /// How often the place of a record that does not fit may still be looked for: it takes long,
    /// and after that many it is clear what happened.
    searches: u32,
}

impl Chain {
    /// `start`: what the first record follows.
    pub fn new(start: Head) -> Self {
        Self { seq: start.seq, hash: Some(start.hash), or_else: None, searches: 100 }
    }

    /// What is wrong with the next record, most telling first; empty when it is in order. Goes on
    /// from it in any case.
    pub fn push(&mut self, raw: &Raw) -> Vec<Broken> {
        let mut found = Vec::new();
        let (seq, next) = (raw.seq, self.seq.saturating_add(1));
        let expected = raw.expected_hash();
        let fits = expected == raw.hash;
        if !fits {
            found.push(match self.written_as(raw) {
                Some(written_as) => Broken::Moved { seq, written_as },
                None => Broken::Changed { seq },
            });
        }
        if seq < next {
            found.push(Broken::Disorder { seq, behind: self.seq });
            return found;
        }
        if seq > next {
            found.push(Broken::Missing { first: next, last: seq - 1 });
        } else if fits && !self.leads_to(raw) {
            found.push(Broken::Unlinked { seq });
        }
        self.seq = seq;
        let moved = matches!(found.first(), Some(Broken::Moved { .. }));
        self.hash = (!moved).then(|| raw.hash.clone());
        self.or_else = (!fits).then_some(expected);
        found
    }

    /// Passes a record over that can't be read.
    pub fn skip(&mut self, seq: u64) {
        if seq > self.seq {
            *self = Self { seq, hash: None, or_else: None, searches: self.searches };
        }
    }

    /// What is wrong at the end: `head` is the last record that was ever written.
    pub fn end(&self, head: &Head) -> Option<Broken> {
        if self.seq < head.seq {
            return Some(Broken::CutOff { last: self.seq, head: head.seq });
        }
        if self.seq > head.seq {
            return Some(Broken::Added { seq: self.seq });
        }
        let hash = self.hash.as_ref().filter(|hash| **hash != head.hash)?;
        Some(Broken::Differs {
            seq: self.seq,
            hash: hash.clone(),
            noted: head.hash.clone(),
            witness: Witness::Store,
        })
    }

    fn leads_to(&self, raw: &Raw) -> bool {
        let Some(hash) = &self.hash else { return true };
        raw.previous == *hash || self.or_else.as_ref() == Some(&raw.previous)
    }

    /// The number under which a record fits its hash.
    fn written_as(&mut self, raw: &Raw) -> Option<u64> {
        self.searches = self.searches.checked_sub(1)?;
        let first = raw.seq.saturating_sub(NEAR).max(1);
        (first..=raw.seq.saturating_add(NEAR)).find(|n| raw.hash_as(*n) == raw.hash)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { seq } => {
                write!(f, "record {seq} was changed: its content does not fit its hash")
            }
            Self::Moved { seq, written_as } => write!(
                f,
                "record {seq} was moved: its content was written as record {written_as}, so \
                 records were exchanged or numbered anew"
            ),
            Self::Unlinked { seq } => write!(
                f,
                "record {seq} does not follow from record {}: one of the two was replaced, or \
                 records between them were removed",
                seq.saturating_sub(1)
            ),
            Self::Missing { first, last } if first == last => {
                write!(f, "record {first} is missing")
            }
            Self::Missing { first, last } => write!(f, "records {first} to {last} are missing"),
            Self::Disorder { seq, behind } => {
                write!(f, "record {seq} stands behind record {behind}: the order was changed")
            }
            Self::Unreadable { place, why } => write!(f, "{place} is no record: {why}"),
            Self::CutOff { last, head } => write!(
                f,
                "the end was cut off: record {head} was written, but the last one here is {last}"
            ),
            Self::Added { seq } => {
                write!(f, "record {seq} was added: it lies outside of what the store noted")
            }
            Self::Differs { seq, hash, noted, witness } => {
                let noted_by = match witness {
                    Witness::Store => "the store noted",
                    Witness::Outside => "the head kept outside says",
                    Witness::Archive => "the record of its archive says",
                    Witness::File(name) => {
                        return write!(
                            f,
                            "record {seq} has the hash {hash}, but in {name} it has {noted}: one of \
                         the two was rewritten"
                        );
                    }
                };
                write!(
                    f,
                    "record {seq} has the hash {hash}, but {noted_by} {noted}: the ledger was \
                     rewritten up to there"
                )
            }
            Self::NotHere { seq } => write!(
                f,
                "record {seq} can't be compared with the head kept outside, because it is not in \
                 what was given; where it was archived, give the file, too: --file FILE"
            ),
            Self::NotArchived { through } => write!(
                f,
                "records up to {through} were removed, and no record says that they were archived"
            ),
            Self::Forgotten { seq } => write!(
                f,
                "record {seq} is an intent without a known outcome, but the store does not count \
                 it as unsettled: somebody changed what a run looks at before it starts"
            ),
            Self::Plan { seq, run } => write!(
                f,
                "the plan kept for run {run} is not the one whose digest record {seq} holds: it \
                 was changed"
            ),
            Self::Damaged { says } => write!(
                f,
                "the file is damaged or was tampered with, so that questions miss rows: {says}"
            ),
            Self::Trigger { name, table } => write!(
                f,
                "the trigger {name} of table {table} is not as Bursar makes it: whatever it does, it \
                 does whenever that table is written to"
            ),
            Self::NotBacked { says, .. } => f.write_str(says),
            Self::Empty => f.write_str("it holds no record: all were cut off, or it never had any"),
            Self::ArchiveCut { first, last, archive } => write!(
                f,
                "it ends where the archive {archive} ends, but lacks records {first} to {last} of \
                 it: its beginning was cut off, or it is another export"
            ),
            Self::Guard { name } => write!(
                f,
                "{name}, which guards the ledger against changes, is missing or was changed"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
