//! Who may see the pages: users, their sessions, and tokens of programs. Secrets are stored as hashes only.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::{Store, StoreError, time_of};

/// A session ends when nobody asked for anything for so long.
pub const SESSION_IDLE: TimeDelta = TimeDelta::hours(2);

/// A session ends so long after its login, whatever happens.
pub const SESSION_WHOLE: TimeDelta = TimeDelta::hours(12);

/// That somebody was there is written down no more often than this.
const NOTED: TimeDelta = TimeDelta::minutes(1);

/// Sessions of a user at once; the oldest ends for one more.
const SESSIONS: usize = 20;

/// What somebody may do on the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[derive(strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum Role {
    /// Looks; people are named only where the settings say so.
    Viewer,
    /// Sees names and gives orders.
    Operator,
}

impl Role {
    /// The same as its serialised form.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What a user or a token may see and do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Access {
    pub role: Role,
    /// The sites that there are for them; `None`: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sites: Option<Vec<String>>,
}

/// Somebody who can log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageUser {
    pub name: String,
    #[serde(flatten)]
    pub access: Access,
    pub since: DateTime<Utc>,
    /// When the password was set.
    pub password_set: DateTime<Utc>,
    /// How many are logged in under this name now.
    pub sessions: u32,
}

/// A program's right to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageToken {
    pub name: String,
    #[serde(flatten)]
    pub access: Access,
    pub since: DateTime<Utc>,
    /// `None`: until it is removed.
    pub until: Option<DateTime<Utc>>,
}

impl Store {
    /// Makes a user; false when there is one of that name.
    pub async fn add_user(
        &self,
        name: &str,
        access: Access,
        password: String,
    ) -> Result<bool, StoreError> {
        let (name, now) = (name.to_owned(), self.now_ms());
        let write = move |db: &Connection| {
            db.prepare_cached(
                "INSERT INTO page_user (name, role, sites, password, since, changed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (name) DO NOTHING",
            )?
            .execute(params![name, access.role.as_str(), sites_text(&access)?, password, now])
            .map(|rows| rows > 0)
        };
        self.shared.gate.write("add a user", write).await
    }

    /// Those who can log in, by name.
    pub async fn users(&self) -> Result<Vec<PageUser>, StoreError> {
        let (idle, whole) = self.ends();
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT role, sites, name, since, changed,
                        (SELECT count(*) FROM page_session
                          WHERE user = name AND used > ?1 AND page_session.since > ?2)
                   FROM page_user ORDER BY name",
            )?;
            let row = |r: &Row<'_>| {
                Ok(PageUser {
                    access: access(r)?,
                    name: r.get(2)?,
                    since: time_of(r.get(3)?),
                    password_set: time_of(r.get(4)?),
                    sessions: r.get(5)?,
                })
            };
            query.query_map([idle, whole], row)?.collect()
        };
        self.shared.gate.read("list the users", query).await
    }

    /// Removes a user and ends their sessions; false when there is none of that name.
    pub async fn remove_user(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        let write = move |db: &Connection| {
            db.prepare_cached("DELETE FROM page_user WHERE name = ?1")?
                .execute([&name])
                .map(|rows| rows > 0)
        };
        self.shared.gate.write("remove a user", write).await
    }

    /// Sets a password and ends the sessions of before; false when there is no user of that name.
    pub async fn set_password(&self, name: &str, password: String) -> Result<bool, StoreError> {
        let (name, now) = (name.to_owned(), self.now_ms());
        let write = move |db: &Connection| {
            db.prepare_cached("DELETE FROM page_session WHERE user = ?1")?.execute([&name])?;
            db.prepare_cached("UPDATE page_user SET password = ?2, changed = ?3 WHERE name = ?1")?
                .execute(params![name, password, now])
                .map(|rows| rows > 0)
        };
        self.shared.gate.write("set a password", write).await
    }

    /// The hash of a user's password; `None` where there is no such user.
    pub async fn password(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        let query = move |db: &Connection| {
            db.prepare_cached("SELECT password FROM page_user WHERE name = ?1")?
                .query_row([&name], |r| r.get(0))
                .optional()
        };
        self.shared.gate.read("look up a user", query).await
    }

    /// Begins a session of a user under the hash of its secret, and ends the one of `before`. False where the
    /// password is not `password` any more, or the user is no more: who logged in with it did so in vain.
    pub async fn begin_session(
        &self,
        name: &str,
        password: &str,
        secret: String,
        before: Option<String>,
        peer: String,
    ) -> Result<bool, StoreError> {
        let (name, password, now) = (name.to_owned(), password.to_owned(), self.now_ms());
        let (idle, whole) = self.ends();
        let write = move |db: &Connection| {
            db.prepare_cached("DELETE FROM page_session WHERE used <= ?1 OR since <= ?2")?
                .execute([idle, whole])?;
            if let Some(before) = before {
                db.prepare_cached("DELETE FROM page_session WHERE secret = ?1")?
                    .execute([before])?;
            }
            db.prepare_cached(
                "DELETE FROM page_session WHERE secret IN
                     (SELECT secret FROM page_session WHERE user = ?1
                       ORDER BY since DESC LIMIT -1 OFFSET ?2)",
            )?
            .execute(params![name, SESSIONS as i64 - 1])?;
            db.prepare_cached(
                "INSERT INTO page_session (secret, user, since, used, peer)
                 SELECT ?3, name, ?4, ?4, ?5 FROM page_user WHERE name = ?1 AND password = ?2",
            )?
            .execute(params![name, password, secret, now, peer])
            .map(|rows| rows > 0)
        };
        self.shared.gate.write("begin a session", write).await
    }

    /// Who is logged in under the hash of a secret, and what they may; `None` where nobody is.
    pub async fn session(&self, secret: &str) -> Result<Option<(String, Access)>, StoreError> {
        let (idle, whole) = self.ends();
        let of = secret.to_owned();
        let query = move |db: &Connection| {
            db.prepare_cached(
                "SELECT role, sites, name, used FROM page_session
                   JOIN page_user ON page_user.name = page_session.user
                  WHERE secret = ?1 AND used > ?2 AND page_session.since > ?3",
            )?
            .query_row(params![of, idle, whole], |r| {
                Ok((r.get::<_, String>(2)?, access(r)?, r.get::<_, i64>(3)?))
            })
            .optional()
        };
        let found = self.shared.gate.read("look up a session", query).await?;
        let Some((name, access, used)) = found else { return Ok(None) };
        let now = self.now_ms();
        if now - used > NOTED.num_milliseconds() {
            let of = secret.to_owned();
            let write = move |db: &Connection| {
                db.prepare_cached("UPDATE page_session SET used = ?2 WHERE secret = ?1")?
                    .execute(params![of, now])
                    .map(drop)
            };
            // Who looks is told what is known, also while nothing can be written.
            if let Err(error) = self.shared.gate.write("note that a session is used", write).await {
                tracing::debug!(%error, "that a session is used can't be noted");
            }
        }
        Ok(Some((name, access)))
    }

    /// Ends a session; nothing happens where there is none.
    pub async fn end_session(&self, secret: &str) -> Result<(), StoreError> {
        let secret = secret.to_owned();
        let write = move |db: &Connection| {
            db.prepare_cached("DELETE FROM page_session WHERE secret = ?1")?
                .execute([&secret])
                .map(drop)
        };
        self.shared.gate.write("end a session", write).await
    }

    /// Makes a token under the hash of its secret; false when there is one of that name.
    pub async fn add_token(
        &self,
        name: &str,
        access: Access,
        secret: String,
        until: Option<DateTime<Utc>>,
    ) -> Result<bool, StoreError> {
        let (name, now) = (name.to_owned(), self.now_ms());
        let until = until.map(|until| until.timestamp_millis());
        let write = move |db: &Connection| {
            db.prepare_cached(
                "INSERT INTO page_token (name, secret, role, sites, since, until)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO NOTHING",
            )?
            .execute(params![name, secret, access.role.as_str(), sites_text(&access)?, now, until])
            .map(|rows| rows > 0)
        };
        self.shared.gate.write("add a token", write).await
    }

    /// The tokens, by name, those that ran out too.
    pub async fn tokens(&self) -> Result<Vec<PageToken>, StoreError> {
        let query = |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT role, sites, name, since, until FROM page_token ORDER BY name",
            )?;
            let row = |r: &Row<'_>| {
                Ok(PageToken {
                    access: access(r)?,
                    name: r.get(2)?,
                    since: time_of(r.get(3)?),
                    until: r.get::<_, Option<i64>>(4)?.map(time_of),
                })
            };
            query.query_map([], row)?.collect()
        };
        self.shared.gate.read("list the tokens", query).await
    }

    /// Removes a token; false when there is none of that name.
    pub async fn remove_token(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        let write = move |db: &Connection| {
            db.prepare_cached("DELETE FROM page_token WHERE name = ?1")?
                .execute([&name])
                .map(|rows| rows > 0)
        };
        self.shared.gate.write("remove a token", write).await
    }

    /// The token of the hash of a secret, and what it allows; `None` where it is unknown or ran out.
    pub async fn token(&self, secret: &str) -> Result<Option<(String, Access)>, StoreError> {
        let (secret, now) = (secret.to_owned(), self.now_ms());
        let query = move |db: &Connection| {
            db.prepare_cached(
                "SELECT role, sites, name FROM page_token
                  WHERE secret = ?1 AND (until IS NULL OR until > ?2)",
            )?
            .query_row(params![secret, now], |r| Ok((r.get(2)?, access(r)?)))
            .optional()
        };
        self.shared.gate.read("look up a token", query).await
    }

    /// Sessions that were not used since the first, or began before the second, are over.
    fn ends(&self) -> (i64, i64) {
        let now = self.now_ms();
        (now - SESSION_IDLE.num_milliseconds(), now - SESSION_WHOLE.num_milliseconds())
    }
}

/// From the first two columns. What can't be read allows nothing: a viewer of no site.
fn access(r: &Row<'_>) -> rusqlite::Result<Access> {
    let role = r.get::<_, String>(0)?.parse().unwrap_or(Role::Viewer);
    let sites = r.get::<_, Option<String>>(1)?;
    let sites = sites.map(|json| serde_json::from_str(&json).unwrap_or_default());
    Ok(Access { role, sites })
}

fn sites_text(access: &Access) -> rusqlite::Result<Option<String>> {
    let sites = access.sites.as_ref().map(serde_json::to_string).transpose();
    sites.map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))
}
