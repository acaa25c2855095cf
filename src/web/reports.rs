//! Reports: those that were written on the schedule, and one of any period.

use askama::Template;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::Served;
use super::answer::{self, Answer, Failure, age};
use super::asked::{Asked, written};
use super::frame::{Frame, Part};
use super::wording::number;
use crate::config::settings::Format;
use crate::report::file::{self, Made};
use crate::report::{Period, gather};
use crate::words::local;

/// So many are listed, newest first.
const MOST: usize = 200;

/// Bytes of a file that is sent from memory.
const LARGEST: u64 = 64 * 1024 * 1024;

#[derive(Template)]
#[template(path = "reports.html")]
struct Page {
    frame: Frame,
    names: bool,
    all_sites: bool,
    schedule: String,
    next: String,
    folder_problem: String,
    made: Vec<MadeView>,
    more: usize,
    sites: Vec<String>,
    formats: [&'static str; 4],
    /// Title and address.
    periods: Vec<(&'static str, String)>,
}

struct MadeView {
    name: String,
    address: String,
    kind: &'static str,
    size: String,
    written: String,
}

pub(super) async fn page(served: &Served, headers: &HeaderMap) -> Answer {
    let settings = &served.source.settings;
    let status = served.status().await?;
    let (now, zone, names) = (status.time, settings.time_zone, served.names());
    let (made, folder_problem) = match folder_of(served) {
        Some(folder) if names && served.all_sites() => match list(folder).await {
            Ok(made) => (made, String::new()),
            Err(error) => {
                tracing::warn!(%error, "the folder of reports can't be read");
                (Vec::new(), "The folder of reports can't be read: see the log.".to_owned())
            }
        },
        _ => (Vec::new(), String::new()),
    };
    let next = settings.reports.as_ref().and_then(|of| of.schedule.next_after(now, zone));
    let view = |made: &Made| MadeView {
        name: made.name.clone(),
        address: format!("/reports/{}", made.name),
        kind: made.format.as_str(),
        size: format!("{} kB", number(made.bytes.div_ceil(1000) as f64)),
        written: age(made.written.into(), now),
    };
    let page = Page {
        frame: Frame::new(served, &status, Part::Reports, None),
        names,
        all_sites: served.all_sites(),
        schedule: settings
            .reports
            .as_ref()
            .map(|of| format!("{} ({})", of.schedule.text(), of.period))
            .unwrap_or_default(),
        next: next.map_or_else(|| "never".to_owned(), |time| local(time, zone)),
        folder_problem,
        more: made.len().saturating_sub(MOST),
        made: made.iter().take(MOST).map(view).collect(),
        sites: served.sites().map(|site| site.name.clone()).collect(),
        formats: Format::ALL.map(Format::as_str),
        periods: [
            ("last month", "last-month"),
            ("last quarter", "last-quarter"),
            ("last year", "last-year"),
        ]
        .map(|(title, period)| (title, format!("/report?{}", written(&[("period", period)]))))
        .to_vec(),
    };
    Ok(answer::page(headers, now, &page))
}

/// A report that was written. It is of all sites.
pub(super) async fn download(served: &Served, name: &str) -> Answer {
    allowed(served)?;
    if !served.all_sites() {
        return Err(Failure::Hidden(
            "The reports of the schedule are of all sites: shown to those who may see all of them."
                .to_owned(),
        ));
    }
    let none = || Failure::NotFound("There is no such report.".to_owned());
    let folder = folder_of(served).ok_or_else(none)?;
    // Only what is listed: no name leads elsewhere.
    let listed = list(folder.clone()).await.map_err(|_| none())?;
    let made = listed.into_iter().find(|made| made.name == name).ok_or_else(none)?;
    if made.bytes > LARGEST {
        let text = "The report is too large to be sent from here: take it from its folder.";
        return Err(Failure::Wrong(text.to_owned()));
    }
    let bytes = tokio::fs::read(folder.join(&made.name)).await.map_err(|_| none())?;
    Ok(sent(&made.name, made.format, bytes))
}

/// A report of any period, made now.
pub(super) async fn make(served: &Served, query: Option<&str>) -> Answer {
    allowed(served)?;
    let asked = Asked::of(query)?;
    let (source, settings) = (&served.source, &served.source.settings);
    let now = source.clock.now();
    let today = now.with_timezone(&settings.time_zone).date_naive();
    let period = Period::parse(asked.get("period").unwrap_or("last-month"), today)
        .map_err(|why| Failure::Wrong(format!("period: {why}.")))?;
    let word = asked.get("format").unwrap_or("html");
    let format = Format::ALL.into_iter().find(|format| format.as_str() == word);
    let format = format.ok_or_else(|| {
        let all = Format::ALL.map(Format::as_str).join(", ");
        Failure::Wrong(format!("format: {word:?} is none; write one of {all}."))
    })?;
    let sites: Vec<String> = match asked.get("site") {
        Some(name) => vec![served.site(name)?.name.clone()],
        None => served.sites().map(|site| site.name.clone()).collect(),
    };
    // One at a time, on a thread of its own: polls go on meanwhile.
    let _turn = served.turn().await;
    let (store, settings) = (source.store.clone(), settings.clone());
    let runtime = tokio::runtime::Handle::current();
    let made = tokio::task::spawn_blocking(move || {
        let report = runtime.block_on(gather::report(&store, &settings, &sites, period, now))?;
        anyhow::Ok((file::name(&report, format), report.write(format)?))
    });
    match made.await.map_err(anyhow::Error::from) {
        Ok(Ok((name, text))) => Ok(sent(&name, format, text.into_bytes())),
        Ok(Err(error)) | Err(error) => {
            tracing::error!(error = format!("{error:#}"), "a report can't be made");
            Err(Failure::Unmade("The report can't be made, see the log.".to_owned()))
        }
    }
}

/// Reports name people.
fn allowed(served: &Served) -> Result<(), Failure> {
    match served.names() {
        true => Ok(()),
        false => Err(Failure::Hidden(
            "Reports name people, and pages don't here: operators who log in see them. bursar report makes them."
                .to_owned(),
        )),
    }
}

fn folder_of(served: &Served) -> Option<std::path::PathBuf> {
    let settings = &served.source.settings;
    Some(file::folder(settings, settings.reports.as_ref()?))
}

async fn list(folder: std::path::PathBuf) -> std::io::Result<Vec<Made>> {
    let listed = tokio::task::spawn_blocking(move || file::list(&folder)).await;
    listed.unwrap_or_else(|error| Err(std::io::Error::other(error)))
}

/// As a file: what a report has for style is not allowed on a page.
fn sent(name: &str, format: Format, bytes: Vec<u8>) -> Response {
    let kind = HeaderValue::from_static(match format {
        Format::Html => "text/html; charset=utf-8",
        Format::Md => "text/markdown; charset=utf-8",
        Format::Csv => "text/csv; charset=utf-8",
        Format::Json => "application/json",
    });
    let value = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let as_file: (HeaderName, HeaderValue) =
        (header::CONTENT_DISPOSITION, value.expect("its name has plain letters"));
    ([(header::CONTENT_TYPE, kind), as_file], bytes).into_response()
}
