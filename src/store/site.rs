//! Which site answers behind the address of each name.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Store, StoreError, time_of};
use crate::license::{Sameness, SiteIdentity};
use crate::store::release::{from_json, to_json};

impl Store {
    /// What is known of the site that has this name in the settings.
    pub async fn site_identity(&self, site: &str) -> Result<Option<SiteIdentity>, StoreError> {
        let site = site.to_owned();
        self.shared.gate.read("read which site it is", move |db| identity(db, &site)).await
    }

    /// Since when it is noted which site it is: as long as gaps of use are kept, where seats were read.
    pub async fn site_first_seen(&self, site: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            db.prepare_cached("SELECT first_seen FROM site_identity WHERE site = ?1")?
                .query_row([&site], |row| row.get(0))
                .optional()
        };
        let time = self.shared.gate.read("read which site it is", query).await?;
        Ok(time.map(time_of))
    }

    /// The other names under which this store has a pause or releases of the site that answers now
    /// for `site`, unless a person said that they are not of it. `names`: those of the settings. A pause of a
    /// name that no site ever answered to, and that the settings don't have any more, may be of any site that
    /// was met since.
    pub async fn known_as(
        &self,
        site: &str,
        now: &SiteIdentity,
        names: &[String],
    ) -> Result<Vec<String>, StoreError> {
        let (site, time) = (site.to_owned(), self.now_ms());
        let (now, names) = (now.clone(), names.to_vec());
        let query = move |db: &Connection| {
            let mut found = Vec::new();
            for other in others(db, &site, time)? {
                let configured = names.contains(&other);
                let same = match identity(db, &other)? {
                    None => false,
                    // Two sites of one license are two, where nothing else tells.
                    Some(known) if configured => {
                        known.nodes.iter().any(|node| now.nodes.contains(node))
                    }
                    Some(known) => {
                        matches!(known.compare(&now), Sameness::Same | Sameness::Renewed)
                    }
                };
                if same {
                    found.push(other);
                }
            }
            let unmet = paused_and_never_met(db, &site, time)?;
            found.extend(unmet.into_iter().filter(|name| !names.contains(name)));
            Ok(found)
        };
        self.shared.gate.read("read which sites there were", query).await
    }

    /// Compares what answers now with what is known, and keeps it where it is the first time or tells
    /// more of the same site. Whether another site answers: then nothing is changed.
    pub async fn meet_site(&self, site: &str, now: SiteIdentity) -> Result<bool, StoreError> {
        let known = self.site_identity(site).await?;
        if known.as_ref().is_some_and(|known| known.is_other(&now)) {
            return Ok(true);
        }
        let learned = known.as_ref().map_or_else(|| now.clone(), |known| known.learn(&now));
        if learned.is_empty() || known.as_ref() == Some(&learned) {
            return Ok(false);
        }
        let (site, time) = (site.to_owned(), self.now_ms());
        let keep = move |db: &Connection| {
            // Another poll, or a person, may have been faster.
            if identity(db, &site)? == known {
                keep_identity(db, &site, &learned, time)?;
            }
            Ok(())
        };
        self.shared.gate.write("keep which site it is", keep).await?;
        Ok(false)
    }
}

pub(super) fn identity(db: &Connection, site: &str) -> rusqlite::Result<Option<SiteIdentity>> {
    db.prepare_cached("SELECT nodes, license FROM site_identity WHERE site = ?1")?
        .query_row([site], |r| Ok(SiteIdentity { nodes: from_json(r, 0)?, license: r.get(1)? }))
        .optional()
}

/// What is known by a name that is given up.
pub(super) fn forget_identity(db: &Connection, site: &str) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM site_identity WHERE site = ?1")?.execute([site]).map(drop)
}

/// Other names that have something which decides about releases, without those of which a person
/// said, for this site, that they are not it.
fn others(db: &Connection, site: &str, now: i64) -> rusqlite::Result<Vec<String>> {
    let names = texts(db, "SELECT site FROM site_identity WHERE site <> ?1 ORDER BY site", site)?;
    let accepted = accepted(db, site)?;
    let mut found = Vec::new();
    for name in names.into_iter().filter(|name| !accepted.contains(name)) {
        let has: bool = db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM release_pause WHERE site = ?1 AND until > ?2)
                     OR EXISTS (SELECT 1 FROM release_past WHERE site = ?1)
                     OR EXISTS (SELECT 1 FROM release_unsettled WHERE site = ?1)
                     OR EXISTS (SELECT 1 FROM release_announced WHERE site = ?1)",
            )?
            .query_row(params![name, now], |r| r.get(0))?;
        if has {
            found.push(name);
        }
    }
    Ok(found)
}

/// Names with a pause, by the ledger, that no site ever answered to, where `site` may be what they meant: it was met after the
/// pause began, or never.
fn paused_and_never_met(db: &Connection, site: &str, now: i64) -> rusqlite::Result<Vec<String>> {
    let names: Vec<String> = db
        .prepare_cached(
            "SELECT site FROM release_pause
              WHERE site <> ?1 AND until > ?2
                AND NOT EXISTS (SELECT 1 FROM site_identity WHERE site = release_pause.site)
                AND EXISTS (SELECT 1 FROM ledger
                             WHERE site = release_pause.site AND kind = 'paused'
                               AND time = release_pause.since)
                AND since <= coalesce((SELECT first_seen FROM site_identity WHERE site = ?1), since)
              ORDER BY site",
        )?
        .query_map(params![site, now], |r| r.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let accepted = accepted(db, site)?;
    Ok(names.into_iter().filter(|name| !accepted.contains(name)).collect())
}

/// Names of which a person said, for this site, that they are not it.
fn accepted(db: &Connection, site: &str) -> rusqlite::Result<Vec<String>> {
    texts(
        db,
        "SELECT coalesce(json_extract(entry, '$.knownAs'), '') FROM ledger
          WHERE site = ?1 AND kind = 'siteAccepted'",
        site,
    )
}

impl Store {
    /// When a person last said of a site that the one which answers is the right one, and who.
    pub async fn last_site_acceptance(
        &self,
        site: &str,
    ) -> Result<Option<(DateTime<Utc>, String)>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            db.prepare_cached(
                "SELECT time, coalesce(json_extract(entry, '$.by'), '') FROM ledger
                  WHERE site = ?1 AND kind = 'siteAccepted' ORDER BY seq DESC LIMIT 1",
            )?
            .query_row([site], |r| Ok((time_of(r.get(0)?), r.get(1)?)))
            .optional()
        };
        self.shared.gate.read("read which site was accepted", query).await
    }
}

fn texts(db: &Connection, sql: &'static str, site: &str) -> rusqlite::Result<Vec<String>> {
    db.prepare_cached(sql)?.query_map([site], |r| r.get(0))?.collect()
}

/// What is known of each site, by name.
pub(super) fn identities(db: &Connection) -> rusqlite::Result<Vec<(String, SiteIdentity)>> {
    db.prepare_cached("SELECT nodes, license, site FROM site_identity ORDER BY site")?
        .query_map([], |r| {
            Ok((r.get(2)?, SiteIdentity { nodes: from_json(r, 0)?, license: r.get(1)? }))
        })?
        .collect()
}

pub(super) fn keep_identity(
    db: &Connection,
    site: &str,
    identity: &SiteIdentity,
    time: i64,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO site_identity (site, nodes, license, first_seen, since)
         VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (site) DO UPDATE SET
             nodes = excluded.nodes, license = excluded.license, since = excluded.since",
    )?
    .execute(params![site, to_json(&identity.nodes)?, identity.license, time])
    .map(drop)
}
