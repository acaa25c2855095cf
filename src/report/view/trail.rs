//! Changes, releases with their proof, alerts, gaps.

use super::super::gather::local;
use super::super::{Report, SiteReport};
use super::{Block, Section, Table};
use crate::license::Support;

pub(crate) fn version(report: &Report, site: &SiteReport) -> Option<Section> {
    let version = site.qlik_sense_version.as_ref()?;
    let mut facts = vec![("Version".to_owned(), version.name())];
    if let Some(change) = &version.change {
        let when = local(change.seen, report.zone);
        facts.push(("Before".to_owned(), format!("{} until {when}", change.from)));
    }
    let today = report.generated.with_timezone(&report.zone).date_naive();
    let support = match version.support() {
        Support::NotWatched => None,
        Support::Unknown => Some("its end is not known: this release is not listed".to_owned()),
        Support::Until(date) if today > date => Some(format!("ended on {date}")),
        Support::Until(date) => Some(format!("until {date}")),
    };
    facts.extend(support.map(|support| ("Support".to_owned(), support)));
    Some(Section { title: "Qlik Sense".to_owned(), blocks: vec![Block::Facts(facts)] })
}

pub(crate) fn changes(report: &Report, site: &SiteReport) -> Option<Section> {
    let mut blocks = Vec::new();
    match &site.changes {
        None => blocks.push(Block::Note("Not recorded: the lists of seats were not read.".into())),
        Some(changes) => {
            let from = report.period.span(report.zone).0;
            if changes.recorded_from > from {
                blocks.push(Block::Note(format!(
                    "Recorded since {}; what changed before is known only where the site tells.",
                    local(changes.recorded_from, report.zone)
                )));
            }
            if changes.list.is_empty() {
                blocks.push(Block::Text("No changes.".to_owned()));
            } else {
                let mut table = Table::new(&["License", "What", ">Count", ">By Bursar"]);
                for count in &changes.counts {
                    table.row([
                        count.seat_type.title().to_owned(),
                        count.what.clone(),
                        count.count.to_string(),
                        count.by_bursar.to_string(),
                    ]);
                }
                blocks.push(Block::Table(table));
                let mut table = Table::new(&["Time", "License", "User", "What", "By"]);
                for change in &changes.list {
                    let again = if change.again { " (again, soon after a release)" } else { "" };
                    table.row([
                        local(change.time, report.zone),
                        change.seat_type.title().to_owned(),
                        change.user.clone(),
                        format!("{}{again}", change.what),
                        change.by.clone(),
                    ]);
                }
                blocks.push(Block::Table(table));
            }
        }
    }
    Some(Section { title: "Changes".to_owned(), blocks })
}

pub(crate) fn releases(report: &Report, site: &SiteReport) -> Option<Section> {
    let mut blocks = Vec::new();
    let from = report.period.span(report.zone).0;
    if let Some(complete) = report.ledger.complete_from.filter(|complete| *complete > from) {
        blocks.push(Block::Note(format!(
            "Records before {} were archived: releases before that are in the archive, not here.",
            local(complete, report.zone)
        )));
    }
    if site.releases.is_empty() {
        blocks.push(Block::Text("None.".to_owned()));
    } else {
        let counts = site.release_counts();
        let counts: Vec<_> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        blocks.push(Block::Text(format!(
            "{} attempts: {}.",
            site.releases.len(),
            counts.join(", ")
        )));
        let mut table =
            Table::new(&["Time", "License", "User", "Reason", "Result", ">Record", "Hash"]);
        for attempt in &site.releases {
            let outcome = &attempt.outcome;
            table.row([
                local(attempt.time, report.zone),
                outcome.seat_type.title().to_owned(),
                outcome.holder.account(),
                attempt.because.clone().unwrap_or_else(|| "in the archive".to_owned()),
                outcome.result.text(),
                attempt.seq.to_string(),
                attempt.hash.clone(),
            ]);
        }
        blocks.push(Block::Table(table));
    }
    Some(Section { title: "Releases".to_owned(), blocks })
}

pub(crate) fn alerts(report: &Report, site: &SiteReport) -> Option<Section> {
    let mut blocks = Vec::new();
    match &site.alerts {
        None => blocks.push(Block::Note("Not recorded.".to_owned())),
        Some(alerts) if alerts.is_empty() => blocks.push(Block::Text("None.".to_owned())),
        Some(alerts) => {
            let mut table = Table::new(&["Time", "Severity", "Rule", "State", "Text"]);
            for alert in alerts {
                table.row([
                    local(alert.time, report.zone),
                    alert.severity.clone(),
                    alert.rule.clone(),
                    alert.state.clone(),
                    alert.text.clone(),
                ]);
            }
            blocks.push(Block::Table(table));
        }
    }
    Some(Section { title: "Alerts".to_owned(), blocks })
}

pub(crate) fn gaps(report: &Report, site: &SiteReport) -> Option<Section> {
    let mut blocks = Vec::new();
    match &site.gaps {
        None => blocks.push(Block::Note("Not known: the access licenses are not polled.".into())),
        Some(gaps) if gaps.is_empty() => {
            blocks.push(Block::Text("None: every poll of the period is there.".to_owned()));
        }
        Some(gaps) => {
            let mut table = Table::new(&["From", "To", ">Hours", ">Polls within"]);
            for gap in gaps {
                let hours = (gap.to - gap.from).num_minutes() as f64 / 60.0;
                table.row([
                    local(gap.from, report.zone),
                    local(gap.to, report.zone),
                    format!("{hours:.1}"),
                    gap.polls.to_string(),
                ]);
            }
            blocks.push(Block::Text(
                "Nothing is filled in: what was not polled is in no figure. A time with polls within was \
                 polled less often than the settings ask for now."
                    .into(),
            ));
            blocks.push(Block::Table(table));
        }
    }
    Some(Section { title: "Gaps in the data".to_owned(), blocks })
}

/// How the releases can be proved.
pub(crate) fn ledger(report: &Report) -> Vec<Block> {
    let Some(head) = &report.ledger.head else {
        return vec![Block::Text("The ledger of releases is empty.".to_owned())];
    };
    vec![
        Block::Text(
            "Each release above names its record in the ledger, by number and hash. Each record \
             carries the hash of the one before it, so that none can be changed, removed or added \
             later without changing all that follow. When this report was made the last one was:"
                .to_owned(),
        ),
        Block::Facts(vec![
            ("Record".to_owned(), head.seq.to_string()),
            ("Hash".to_owned(), head.hash.clone()),
        ]),
        Block::Text(
            "Verify that the ledger still holds this chain, on the machine that has the store:"
                .to_owned(),
        ),
        Block::Code(format!(
            "bursar audit verify -c bursar.yaml --head {}:{}",
            head.seq, head.hash
        )),
    ]
}
