//! The license of the server, and the contracts behind it.

use super::super::{Report, ServerLicense, SiteReport};
use super::{Block, SERVER_LICENSE as TITLE, Section, count, later, local, not_of_the_end};
use crate::insight::contract::Contract;

pub(crate) fn server_license(report: &Report, site: &SiteReport) -> Option<Section> {
    if site.left_out {
        let text = match site.license_end {
            None => "Its end was not recorded then.".to_owned(),
            Some(end) => format!(
                "It was to end on {}, by what was read last in the period, on {}.",
                report.locale.date(end.last_valid),
                local(report, end.as_of)
            ),
        };
        let blocks = vec![Block::Text(text)];
        return Some(Section { title: TITLE.to_owned(), blocks, own_page: false });
    }
    let Some(license) = &site.server_license else {
        let why = "Not known: the license of the server is not watched, or was not read so far.";
        return Some(Section {
            title: TITLE.to_owned(),
            blocks: vec![Block::Note(why.to_owned())],
            own_page: false,
        });
    };
    let l = report.locale;
    let mut facts = vec![("State".to_owned(), license.state.as_str().replace('-', " "))];
    match license.expiry_date {
        Some(day) => {
            facts.push(("Ends".to_owned(), format!("{}{}", l.date(day), left(report, license))))
        }
        // In the words that tell why there is no day.
        None => facts.push(("Ends".to_owned(), license.in_words.clone())),
    }
    if let Some(day) = license.maintenance_end {
        facts.push(("Maintenance ends".to_owned(), l.date(day)));
    }
    let number = license.number.clone().unwrap_or_else(|| "not known".to_owned());
    facts.push(("License number".to_owned(), number));
    facts.push(("Read".to_owned(), local(report, license.as_of)));
    let mut blocks: Vec<Block> = later(report, license.as_of).into_iter().collect();
    blocks.push(Block::Facts(facts));
    Some(Section { title: TITLE.to_owned(), blocks, own_page: false })
}

/// ` (in 41 days)`, counted from when it was read.
pub(super) fn left(report: &Report, license: &ServerLicense) -> String {
    let l = report.locale;
    match license.days_until_expiry {
        None => String::new(),
        Some(0) => " (today)".to_owned(),
        Some(days @ ..0) => format!(" ({} ago)", days_of(l, -days)),
        Some(days) => format!(" (in {})", days_of(l, days)),
    }
}

fn days_of(l: crate::words::Locale, days: i64) -> String {
    format!("{} {}", count(l, days), if days == 1 { "day" } else { "days" })
}

pub(super) fn tile(report: &Report, license: &ServerLicense) -> (String, String, String) {
    let state = license.state.as_str().replace('-', " ");
    let remark = match license.expiry_date {
        Some(day) if license.days_until_expiry.is_some_and(|days| days < 0) => {
            format!("(it ended on {})", report.locale.date(day))
        }
        Some(day) => format!("(it ends on {})", report.locale.date(day)),
        None => String::new(),
    };
    let remark = match not_of_the_end(report, license.as_of) {
        Some(when) => format!("{remark} {when}").trim_start().to_owned(),
        None => remark,
    };
    (TITLE.to_owned(), state, remark)
}

/// When a contract is renewed, from the end of the period or from now while that isn't over.
pub(super) fn contract(report: &Report, contract: &Contract) -> String {
    let l = report.locale;
    let left = match contract.days_left {
        0 => "that day".to_owned(),
        days => format!("in {}", days_of(l, days)),
    };
    let from =
        if report.unfinished { String::new() } else { " from the end of the period".to_owned() };
    format!(
        "renews on {} ({left}{from}), for {}; this term since {}",
        l.date(contract.renews_on),
        contract.term.in_words(),
        l.date(contract.since)
    )
}
