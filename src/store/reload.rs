//! Which settings the daemon runs on, and who wants them read again.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Store, StoreError};
use crate::policy::Refusal;

/// What a daemon says of its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InForce {
    /// The start of the daemon that wrote this; it may have ended since.
    pub started: DateTime<Utc>,
    /// The file of its settings.
    pub file: String,
    /// Since when these settings are in force: the start, or the last reload that changed something.
    pub since: DateTime<Utc>,
    /// A hash of the file and of all that it refers to, as they were read then.
    pub hash: String,
    /// When it was last tried to read them again; absent before the first time.
    #[serde(default)]
    pub tried: Option<DateTime<Utc>>,
    /// What the last reload changed, in words.
    #[serde(default)]
    pub changed: Vec<String>,
    /// What can be used and may not be wanted, as of the last reload, each with its place.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Settings that were changed in the file and are in force after a restart.
    #[serde(default)]
    pub needs_restart: Vec<String>,
    /// What is in the file and can't be used; absent when all of it is in force.
    #[serde(default)]
    pub refused: Option<Refused>,
}

/// Settings that are not in force because something is wrong with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// Since when the file has been so: later changes that are refused, too, don't move it.
    pub since: DateTime<Utc>,
    /// Everything that is wrong, each with its place and what to write.
    pub problems: Vec<String>,
}

/// What the daemon's look ahead at the next run of a site found, at its start and whenever other settings come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ahead {
    pub time: DateTime<Utc>,
    /// Remarks of the plan.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What would stop the run.
    #[serde(default)]
    pub refusals: Vec<Refusal>,
}

/// The key in what is in force under which they are, by site.
const AHEAD: &str = "ahead";

/// What commands want, and how far that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// How often a reload was asked for.
    pub asked: i64,
    /// Up to which of these it was done.
    pub done: i64,
    /// How often it was asked whether the daemon lives.
    pub pinged: i64,
    /// Up to which of these it answered.
    pub answered: i64,
}

impl Store {
    /// Asks the daemon of this store to read its settings again at once. The number of this wish is done when
    /// [`Wish::done`] has come to it.
    pub async fn ask_for_reload(&self) -> Result<i64, StoreError> {
        let write = |db: &Connection| {
            db.prepare_cached("UPDATE reload SET asked = asked + 1 RETURNING asked")?
                .query_row([], |r| r.get(0))
        };
        self.shared.gate.write("ask for a reload", write).await
    }

    pub async fn wish(&self) -> Result<Wish, StoreError> {
        let query = |db: &Connection| {
            db.prepare_cached("SELECT asked, done, pinged, answered FROM reload")?.query_row(
                [],
                |r| {
                    let (asked, done) = (r.get(0)?, r.get(1)?);
                    Ok(Wish { asked, done, pinged: r.get(2)?, answered: r.get(3)? })
                },
            )
        };
        self.shared.gate.read("look for wishes", query).await
    }

    /// Asks the daemon of this store whether it lives. It has answered when [`Wish::answered`] has come to this number.
    pub async fn ping(&self) -> Result<i64, StoreError> {
        let write = |db: &Connection| {
            db.prepare_cached("UPDATE reload SET pinged = pinged + 1 RETURNING pinged")?
                .query_row([], |r| r.get(0))
        };
        self.shared.gate.write("ask whether the daemon lives", write).await
    }

    /// Answers all who asked so far.
    pub async fn answer_ping(&self) -> Result<(), StoreError> {
        let write = |db: &Connection| {
            db.prepare_cached("UPDATE reload SET answered = pinged")?.execute([])?;
            Ok(())
        };
        self.shared.gate.write("say that the daemon lives", write).await
    }

    /// Keeps what is in force, and up to which wish that is done.
    pub async fn note_reload(&self, state: &InForce, done: i64) -> Result<(), StoreError> {
        let mut state = serde_json::to_value(state).expect("it has texts for keys");
        let write = move |db: &Connection| {
            // Those of the start before stand until there are others.
            if let Some(ahead) = noted(db)?.remove(AHEAD) {
                state[AHEAD] = ahead;
            }
            let state = state.to_string();
            db.prepare_cached("UPDATE reload SET state = ?1, done = max(done, ?2)")?
                .execute(params![state, done])?;
            Ok(())
        };
        self.shared.gate.write("keep which settings are in force", write).await?;
        self.wake();
        Ok(())
    }

    /// Keeps what the look ahead at the next run of a site found.
    pub async fn note_ahead(&self, site: &str, ahead: &Ahead) -> Result<(), StoreError> {
        let (site, ahead) = (site.to_owned(), serde_json::to_value(ahead).unwrap_or_default());
        let write = move |db: &Connection| {
            let mut state = noted(db)?;
            let mut of_sites = match state.remove(AHEAD) {
                Some(Value::Object(of_sites)) => of_sites,
                _ => Map::new(),
            };
            of_sites.insert(site, ahead);
            state.insert(AHEAD.to_owned(), of_sites.into());
            db.prepare_cached("UPDATE reload SET state = ?1")?
                .execute([Value::from(state).to_string()])?;
            Ok(())
        };
        self.shared.gate.write("keep what the next run would do", write).await?;
        self.wake();
        Ok(())
    }

    /// What the last look ahead at the next run of a site found.
    pub async fn ahead(&self, site: &str) -> Result<Option<Ahead>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let found = noted(db)?.remove(AHEAD).and_then(|mut of| Some(of.get_mut(&site)?.take()));
            Ok(found.and_then(|ahead| serde_json::from_value(ahead).ok()))
        };
        self.shared.gate.read("read what the next run would do", query).await
    }

    /// What the last daemon said of its settings. It may have ended since.
    pub async fn in_force(&self) -> Result<Option<InForce>, StoreError> {
        let query = |db: &Connection| {
            let state: Option<String> =
                db.prepare_cached("SELECT state FROM reload")?.query_row([], |r| r.get(0))?;
            Ok(state.and_then(|state| serde_json::from_str(&state).ok()))
        };
        self.shared.gate.read("read which settings are in force", query).await
    }
}

/// All that the last daemon said; nothing where that can't be read.
fn noted(db: &Connection) -> rusqlite::Result<Map<String, Value>> {
    let state: Option<String> =
        db.prepare_cached("SELECT state FROM reload")?.query_row([], |r| r.get(0))?;
    Ok(state.and_then(|state| serde_json::from_str(&state).ok()).unwrap_or_default())
}
