//! All sites, a row each, the worst first.

use askama::Template;
use axum::http::HeaderMap;

use super::answer::{self, Answer, age};
use super::frame::{Frame, Part, is_silenced, site_address, stopped, tone};
use super::site::{PoolView, license_tone, pool_views, problems};
use super::wording::excerpt;
use super::{Served, site};
use crate::event::Severity;
use crate::license::ServerLicenseStatus;
use crate::plain::{one_line, shortened};
use crate::status::{SiteStatus, Status};

/// So much of what needs somebody stands in a row.
const LONGEST: usize = 46;

/// Columns of pools.
const MOST_POOLS: usize = 4;

#[derive(Template)]
#[template(path = "overview.html")]
struct Page<'a> {
    frame: Frame,
    /// The pools that any site has.
    pools: Vec<&'static str>,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    name: &'a str,
    address: String,
    tone: &'static str,
    word: &'static str,
    license: (&'static str, String),
    /// By those of the page; `None`: the license has it not.
    pools: Vec<Option<PoolView>>,
    is_read: bool,
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
    let views: Vec<Vec<PoolView>> =
        status.sites.iter().map(|site| pools_of(served, site)).collect();
    let mut pools: Vec<&'static str> = Vec::new();
    for view in views.iter().flatten() {
        if pools.len() < MOST_POOLS && !pools.contains(&view.name) {
            pools.push(view.name);
        }
    }
    let rows = status.sites.iter().zip(views);
    let mut rows: Vec<_> =
        rows.map(|(site, views)| row(&status, site, in_order(&pools, views))).collect();
    rows.sort_by_key(|row| row.rank);
    let page = Page { frame: Frame::new(served, &status, Part::Overview, None), pools, rows };
    Ok(answer::page(headers, status.time, &page))
}

fn pools_of(served: &Served, site: &SiteStatus) -> Vec<PoolView> {
    let settings = served.source.settings.sites.iter().find(|of| of.name == site.name);
    let pools = site.access_licenses.as_ref().zip(settings);
    pools.map_or_else(Vec::new, |(pools, of)| pool_views(of, &pools.value, None))
}

fn in_order(names: &[&'static str], mut views: Vec<PoolView>) -> Vec<Option<PoolView>> {
    let mut of = |name: &&'static str| {
        let place = views.iter().position(|view| view.name == *name)?;
        Some(views.swap_remove(place))
    };
    names.iter().map(&mut of).collect()
}

fn row<'a>(status: &Status, site: &'a SiteStatus, pools: Vec<Option<PoolView>>) -> Row<'a> {
    let alerts = status.alerts.iter().filter(|of| of.key.site == site.name);
    let alerts: Vec<_> = alerts.filter(|alert| !is_silenced(status, alert)).collect();
    let problems = problems(site);
    let stopped = stopped(site, status);
    let is_read = site.server_license.is_some() || site.access_licenses.is_some();
    let worst = alerts.first().map(|alert| alert.severity);
    let (tone, word, rank) = match worst {
        Some(Severity::Critical) => (tone(Severity::Critical), "act", 0),
        _ if !problems.is_empty() => ("unknown", "not read", 1),
        _ if !is_read => ("unknown", "not read yet", 1),
        Some(Severity::Warning) => (tone(Severity::Warning), "watch", 2),
        Some(Severity::Info) => ("", "note", 3),
        None if stopped.is_some() => ("watch", "stopped", 2),
        None => ("fine", "fine", 4),
    };
    let license = site.server_license.as_ref().map(|seen| &seen.value);
    let days = license.and_then(|license| license.days_until_expiry);
    let oldest = [
        site.server_license.as_ref().map(|seen| seen.time),
        site.access_licenses.as_ref().map(|seen| seen.time),
    ];
    let oldest = oldest.into_iter().flatten().min();
    let needs = alerts.len() + problems.len() + usize::from(stopped.is_some());
    let need = alerts
        .first()
        .map(|alert| one_line(&alert.title))
        .or_else(|| problems.into_iter().next())
        .or(stopped);
    Row {
        name: &site.name,
        address: site_address(&site.name, ""),
        tone,
        word,
        license: license.map_or_else(
            || ("unknown", "not read yet".to_owned()),
            |license| (license_tone(license.state), ends(license)),
        ),
        pools,
        is_read: site.access_licenses.is_some(),
        need: excerpt(&need.unwrap_or_default(), LONGEST),
        more: needs.saturating_sub(1),
        seen: oldest.map_or_else(|| "never".to_owned(), |time| age(time, status.time)),
        rank: (rank, days.unwrap_or(i64::MAX)),
    }
}

/// As short as a row allows: the page of the site has all of it.
fn ends(license: &ServerLicenseStatus) -> String {
    match (license.expiry_date, license.days_until_expiry) {
        (Some(date), Some(days)) if days < 0 => format!("ended {date}"),
        (Some(date), Some(days)) => format!("{date}, {days} d"),
        _ => shortened(&license.summary(), LONGEST),
    }
}
