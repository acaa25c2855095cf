//! All sites, a row each, the worst first.

use askama::Template;
use axum::http::HeaderMap;

use super::answer::{self, Answer, age};
use super::frame::{Frame, Part, site_address, tone};
use super::site::{PoolView, license_tone, pool_views, problems};
use super::{Served, site};
use crate::event::Severity;
use crate::plain::one_line;
use crate::status::{SiteStatus, Status};

#[derive(Template)]
#[template(path = "overview.html")]
struct Page<'a> {
    frame: Frame,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    name: &'a str,
    address: String,
    tone: &'static str,
    word: &'static str,
    license: (&'static str, String),
    pools: Vec<PoolView>,
    /// What needs somebody: the worst alert, or what is not read.
    need: String,
    more: usize,
    seen: String,
    /// Worst first.
    rank: (u8, i64),
}

/// `/`: the only site, or all of them.
pub(super) async fn page(served: &Served, headers: &HeaderMap) -> Answer {
    let mut sites = served.sites();
    if let (Some(only), None) = (sites.next(), sites.next()) {
        return site::page(served, headers, &only.name).await;
    }
    let status = served.status().await?;
    let mut rows: Vec<_> = status.sites.iter().map(|site| row(served, &status, site)).collect();
    rows.sort_by_key(|row| row.rank);
    let page = Page { frame: Frame::new(served, &status, Part::Overview, None), rows };
    Ok(answer::page(headers, status.time, &page))
}

fn row<'a>(served: &Served, status: &Status, site: &'a SiteStatus) -> Row<'a> {
    let settings = served.source.settings.sites.iter().find(|of| of.name == site.name);
    let alerts: Vec<_> = status.alerts.iter().filter(|of| of.key.site == site.name).collect();
    let problems = problems(site);
    let is_read = site.server_license.is_some() || site.access_licenses.is_some();
    let worst = alerts.first().map(|alert| alert.severity);
    let (tone, word, rank) = match worst {
        Some(Severity::Critical) => (tone(Severity::Critical), "act", 0),
        _ if !problems.is_empty() => ("unknown", "not read", 1),
        _ if !is_read => ("unknown", "not read yet", 1),
        Some(Severity::Warning) => (tone(Severity::Warning), "watch", 2),
        Some(Severity::Info) => ("", "note", 3),
        None => ("fine", "fine", 4),
    };
    let license = site.server_license.as_ref().map(|seen| &seen.value);
    let days = license.and_then(|license| license.days_until_expiry);
    let oldest = [
        site.server_license.as_ref().map(|seen| seen.time),
        site.access_licenses.as_ref().map(|seen| seen.time),
    ];
    let oldest = oldest.into_iter().flatten().min();
    let pools = site.access_licenses.as_ref().zip(settings);
    let needs = alerts.len() + problems.len();
    let need =
        alerts.first().map(|alert| one_line(&alert.text)).or_else(|| problems.into_iter().next());
    Row {
        name: &site.name,
        address: site_address(&site.name, ""),
        tone,
        word,
        license: license.map_or_else(
            || ("unknown", "not read yet".to_owned()),
            |license| (license_tone(license.state), one_line(&license.summary())),
        ),
        pools: pools.map_or_else(Vec::new, |(pools, of)| pool_views(&of.alert, &pools.value, None)),
        need: need.unwrap_or_default(),
        more: needs.saturating_sub(1),
        seen: oldest.map_or_else(|| "never".to_owned(), |time| age(time, status.time)),
        rank: (rank, days.unwrap_or(i64::MAX)),
    }
}
