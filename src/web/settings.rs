//! The settings in effect, masked, and what runs when.

use askama::Template;
use axum::http::HeaderMap;

use super::Served;
use super::answer::{self, Answer};
use super::frame::{Frame, Part};
use super::wording::local;
use crate::config::{self, Settings};

/// So many next times of each schedule.
const TIMES: usize = 3;

#[derive(Template)]
#[template(path = "settings.html")]
struct Page<'a> {
    frame: Frame,
    file: String,
    explained: &'a str,
    schedules: Vec<(String, String, String)>,
}

/// Settings that hold names or addresses of people.
const OF_PEOPLE: [&str; 6] =
    [".neverRelease.user[", ".email.", ".email[", ".to[", ".proxy.operators[", ".headers.static["];

/// Every setting with its value and where it comes from, as `bursar config explain` tells it of the file that
/// these were read from.
#[derive(Debug)]
pub(super) struct Explained {
    whole: String,
    /// Without settings that name people.
    of_nobody: String,
}

impl Explained {
    pub(super) fn of(settings: &Settings) -> Self {
        let whole = match config::load(&settings.file) {
            Ok(loaded) => config::explain(&loaded),
            Err(_) => {
                "The settings file could not be read again when the pages began: bursar config explain tells more."
                    .to_owned()
            }
        };
        Self { of_nobody: without_people(&whole), whole }
    }

    pub(super) fn text(&self, names: bool) -> &str {
        if names { &self.whole } else { &self.of_nobody }
    }
}

fn without_people(text: &str) -> String {
    let line = |line: &str| {
        let setting = line.split_whitespace().next().unwrap_or_default();
        match OF_PEOPLE.iter().any(|part| setting.contains(part)) {
            true => format!("{setting}  (hidden: Butler.web.showNames)\n"),
            false => format!("{line}\n"),
        }
    };
    text.lines().map(line).collect()
}

pub(super) async fn page(served: &Served, headers: &HeaderMap) -> Answer {
    let settings = &served.source.settings;
    let status = served.status().await?;
    let (now, zone) = (status.time, settings.time_zone);
    let watches = served.sites().flat_map(|site| {
        site.watches().into_iter().map(|watch| {
            let times = watch.schedule.upcoming(now, zone, TIMES);
            let times: Vec<_> = times.iter().map(|time| local(*time, zone)).collect();
            let what = format!("{} of {}", watch.title, site.name);
            (what, watch.schedule.text().to_owned(), times.join(", "))
        })
    });
    let page = Page {
        file: settings.file.display().to_string(),
        explained: match served.all_sites() {
            true => served.explained.text(served.names()),
            false => "The settings are of all sites: shown to those who may see all of them.",
        },
        schedules: watches.collect(),
        frame: Frame::new(served, &status, Part::Settings, None),
    };
    Ok(answer::page(headers, now, &page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_name_people_are_hidden() {
        let text = "Butler.logLevel  info  default\n\
            Butler.qlikSenseLicense.licenseRelease.neverRelease.user[0].userId  anna  b.yaml:9\n\
            Butler.email.to[0]  anna@example.com  b.yaml:12\n\
            Butler.web.proxy.operators[0]  anna@example.com  b.yaml:20\n\
            Butler.configQRS.headers.static[0].value  UserDirectory=CORP; UserId=anna  b.yaml:5\n";
        let shown = without_people(text);
        assert!(
            !shown.contains("anna") && shown.contains("Butler.logLevel  info  default"),
            "{shown}"
        );
        assert_eq!(shown.lines().count(), 5);
    }
}
