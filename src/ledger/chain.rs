//! How a record is tied to the one before it.
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

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Head;

/// In front of the first record.
pub const ZERO: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const DOMAIN: &str = "bursar-ledger-1";

/// A record exactly as it is written in the store and in files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    pub seq: u64,
    /// Milliseconds since 1970 in UTC.
    pub time: i64,
    pub site: String,
    /// Empty outside of a run.
    pub run: String,
    pub kind: String,
    /// JSON, as text: what is hashed is what was written, whatever a reader makes of it.
    pub entry: String,
    pub previous: String,
    pub hash: String,
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

    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash.clone() }
    }
}
