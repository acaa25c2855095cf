//! Changes, releases with their proof, alerts, gaps.

use std::collections::{BTreeMap, HashSet};

use super::super::names::account;
use super::super::{
    Alert, ChangeLine, Changes, Missing, Report, ReturnedReport, RunLine, SiteReport,
};
use super::{Block, Section, Table, as_of, count, later, local};
use crate::license::Support;
use crate::store::Attempt;
use crate::words::counted;

pub(crate) fn version(report: &Report, site: &SiteReport) -> Option<Section> {
    let Some(version) = &site.qlik_sense_version else {
        if site.left_out {
            return None;
        }
        let why = "Not known: its version is not watched, or was not read so far.";
        return Some(Section {
            title: "Qlik Sense".to_owned(),
            blocks: vec![Block::Note(why.to_owned())],
            own_page: false,
        });
    };
    let mut facts = vec![("Version".to_owned(), version.name())];
    if let Some(change) = &version.change {
        let when = local(report, change.seen);
        facts.push(("Before".to_owned(), format!("{} until {when}", change.from)));
    }
    let today = report.generated.with_timezone(&report.zone).date_naive();
    let support = match version.support() {
        Support::NotWatched => None,
        Support::Unknown => Some("its end is not known: this release is not listed".to_owned()),
        Support::Until(date) if today > date => {
            Some(format!("ended on {}", report.locale.date(date)))
        }
        Support::Until(date) => Some(format!("until {}", report.locale.date(date))),
    };
    facts.extend(support.map(|support| ("Support".to_owned(), support)));
    let mut blocks: Vec<Block> = later(report, report.generated).into_iter().collect();
    blocks.push(Block::Facts(facts));
    Some(Section { title: "Qlik Sense".to_owned(), blocks, own_page: false })
}

pub(crate) fn changes(report: &Report, site: &SiteReport) -> Option<Section> {
    let mut blocks = Vec::new();
    match &site.changes {
        None => blocks.push(Block::Note("Not recorded: the lists of seats were not read.".into())),
        Some(changes) => {
            blocks.extend(since(report, changes).map(Block::Note));
            if changes.archived > 0 {
                blocks.push(Block::Note(format!(
                    "Bursar took or gave back {} before that, archived since: the names are in the \
                     archive.",
                    counted(report.locale, changes.archived.into(), "seat", "seats")
                )));
            }
            if changes.initial > 0 {
                let l = report.locale;
                let seats = counted(
                    l,
                    changes.initial.into(),
                    "seat that the first",
                    "seats that the first",
                );
                blocks.push(Block::Note(format!(
                    "{seats} reading found were allocated in the period, by their own date: they are \
                     listed, and in no count."
                )));
            }
            if changes.list.is_empty() {
                let known = changes.recorded_from.is_some_and(|from| from <= start(report));
                let text = if known { "No changes." } else { "None is known." };
                blocks.push(Block::Text(text.to_owned()));
            } else {
                blocks.extend(tables(report, changes, &site.releases));
            }
        }
    }
    Some(Section { title: "Changes".to_owned(), blocks, own_page: false })
}

/// The first moment of the period.
fn start(report: &Report) -> chrono::DateTime<chrono::Utc> {
    report.period.span(report.zone).0
}

/// From when on changes are recorded, where that is not the whole period.
fn since(report: &Report, changes: &Changes) -> Option<String> {
    match changes.recorded_from {
        Some(from) if from <= start(report) => None,
        Some(from) => Some(format!(
            "Not recorded before {}: of the time before, what Bursar did is told by the ledger, and what \
             others did only where the site tells.",
            local(report, from)
        )),
        None => Some(
            "Not recorded: the lists of seats were not read. What Bursar did is told by the ledger."
                .to_owned(),
        ),
    }
}

fn tables(report: &Report, changes: &Changes, releases: &[Attempt]) -> Vec<Block> {
    let mut counts = Table::new("Changes by kind", &["License", "What", ">Count", ">By Bursar"]);
    for line in &changes.counts {
        counts.row([
            line.seat_type.title().to_owned(),
            line.what.clone(),
            count(report.locale, line.count),
            count(report.locale, line.by_bursar),
        ]);
    }
    let mut list = Table::list(
        "Each change",
        &["Time", "License", "User", "What", "By"],
        "bursar insight changes",
    );
    // What Bursar did is listed once: with its proof, among the releases.
    let there: HashSet<u64> = releases.iter().map(|attempt| attempt.seq).collect();
    let is_there =
        |change: &&ChangeLine| change.record.is_some_and(|record| there.contains(&record));
    let own = changes.list.iter().filter(is_there).count();
    for change in changes.list.iter().filter(|change| !is_there(change)) {
        let again = if change.again { " (again, soon after a release)" } else { "" };
        list.row([
            local(report, change.time),
            change.seat_type.title().to_owned(),
            change.user.clone(),
            format!("{}{again}", change.what),
            by(change),
        ]);
    }
    let mut blocks = vec![Block::Table(counts)];
    if own > 0 {
        let many = counted(report.locale, own as u64, "change", "changes");
        blocks.push(Block::Text(format!(
            "{many} by Bursar: each is among the releases, with its proof."
        )));
    }
    if !list.rows.is_empty() {
        blocks.push(Block::Table(list));
    }
    blocks
}

/// Who did it; of a run its end, by which ids of runs differ.
fn by(change: &ChangeLine) -> String {
    match &change.run {
        Some(run) => format!("Bursar, run …{}", ending(run)),
        None => change.by.clone(),
    }
}

/// The last digits of the id of a run: those of a clock come first.
fn ending(run: &str) -> &str {
    run.char_indices().rev().nth(7).map_or(run, |(at, _)| &run[at..])
}

/// So many runs are listed whole: of more, rehearsals that were done are only counted.
const MOST_RUNS: usize = 40;

/// What was run, rehearsals and refused runs too.
fn runs(report: &Report, site: &SiteReport) -> Vec<Block> {
    let l = report.locale;
    if site.runs.is_empty() {
        return vec![Block::Text(
            "Nothing was run in the period, and nothing rehearsed.".to_owned(),
        )];
    }
    let mut kinds: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for run in &site.runs {
        *kinds.entry((run.mode, run.state)).or_default() += 1;
    }
    let mut counts = Table::new("Runs by kind", &["Kind", "State", ">Runs"]);
    for ((mode, state), number) in kinds {
        counts.row([mode.to_owned(), state.to_owned(), count(l, number)]);
    }
    let is_listed = |run: &&RunLine| {
        site.runs.len() <= MOST_RUNS || (run.mode, run.state) != ("rehearsal", "done")
    };
    let listed: Vec<_> = site.runs.iter().filter(is_listed).collect();
    let mut blocks = vec![Block::Table(counts)];
    let left = site.runs.len() - listed.len();
    if left > 0 {
        let runs =
            counted(l, left as u64, "rehearsal that was done is", "rehearsals that were done are");
        let text = format!("{runs} only counted here; in CSV and JSON each is listed.");
        blocks.push(Block::Text(text));
    }
    if listed.is_empty() {
        return blocks;
    }
    let mut table = Table::list(
        "Each run",
        &["Time", "Run", "Kind", "By", "State", "What"],
        "bursar release history",
    );
    for run in listed {
        table.row([
            local(report, run.started),
            format!("…{}", ending(&run.run)),
            run.mode.to_owned(),
            run.by.clone(),
            run.state.to_owned(),
            run.lines.join("; "),
        ]);
    }
    blocks.push(Block::Table(table));
    blocks
}

pub(crate) fn releases(report: &Report, site: &SiteReport) -> Option<Section> {
    let mut blocks = Vec::new();
    let from = report.period.span(report.zone).0;
    if let Some(complete) = report.ledger.complete_from.filter(|complete| *complete > from) {
        blocks.push(Block::Note(format!(
            "Records before {} were archived: releases before that are in the archive, not here.",
            local(report, complete)
        )));
    }
    blocks.extend(runs(report, site));
    if site.releases.is_empty() {
        blocks.push(Block::Text("No seat was released, and none attempted.".to_owned()));
    } else {
        let counts = site.release_counts();
        let counts: Vec<_> = counts
            .iter()
            .map(|(what, number)| format!("{} {what}", count(report.locale, number)))
            .collect();
        blocks.push(Block::Text(format!(
            "{} to release a seat or to give one back: {}.",
            counted(report.locale, site.releases.len() as u64, "attempt", "attempts"),
            counts.join(", ")
        )));
        let mut table = Table::list(
            "Each release, with the record that proves it",
            &["Time", "License", "User", "Reason", "Result", ">Record", "Hash"],
            "bursar audit export",
        );
        for attempt in &site.releases {
            let outcome = &attempt.outcome;
            table.row([
                local(report, attempt.time),
                outcome.seat_type.title().to_owned(),
                account(&outcome.holder),
                attempt.because.clone().unwrap_or_else(|| "in the archive".to_owned()),
                outcome.result.text(),
                attempt.seq.to_string(),
                attempt.hash.clone(),
            ]);
        }
        blocks.push(Block::Table(table));
    }
    if let Some(returned) = &site.returned {
        blocks.extend(came_back(report, returned));
    }
    Some(Section { title: "Releases".to_owned(), blocks, own_page: false })
}

/// How many of those whose seat was released have one again.
fn came_back(report: &Report, of: &ReturnedReport) -> [Block; 2] {
    let l = report.locale;
    let mut table = Table::new(
        format!("Who came back after a release, as of {}", as_of(report)),
        &["Released", ">Seats", ">Back within 14 days", ">30 days", ">90 days", ">So far"],
    );
    for (when, of) in [("in the period", of.in_period), ("in 365 days", of.in_year)] {
        let within = of.within().map(|within| match within.percent() {
            Some(share) => {
                let (back, all) = (count(l, within.back), count(l, within.of));
                format!("{back} of {all} ({} %)", l.fixed(share, 0))
            }
            None => "–".to_owned(),
        });
        let so_far = [count(l, of.so_far)];
        let cells = [when.to_owned(), count(l, of.released)].into_iter().chain(within);
        table.row(cells.chain(so_far));
    }
    let text = "Back: the same person has a seat of the type again, by whatever way, an undo too. In a \
                share is only whose days are over.";
    [Block::Table(table), Block::Text(text.to_owned())]
}

pub(crate) fn alerts(report: &Report, site: &SiteReport) -> Option<Section> {
    let blocks = alert_blocks(report, site.alerts.as_deref());
    Some(Section { title: "Alerts".to_owned(), blocks, own_page: false })
}

/// Alerts of no site.
pub(crate) fn own_alerts(report: &Report) -> Vec<Block> {
    alert_blocks(report, report.alerts.as_deref())
}

fn alert_blocks(report: &Report, alerts: Option<&[Alert]>) -> Vec<Block> {
    let Some(alerts) = alerts else { return vec![Block::Note("Not recorded.".to_owned())] };
    let mut blocks = Vec::new();
    let recorded = report.alerts_recorded_from.filter(|from| *from > start(report));
    if let Some(from) = recorded {
        let text = format!("The oldest alert that is kept is of {}.", local(report, from));
        blocks.push(Block::Note(text));
    }
    if alerts.is_empty() {
        let text = if recorded.is_some() { "None is known." } else { "None." };
        blocks.push(Block::Text(text.to_owned()));
        return blocks;
    }
    let mut table = Table::list(
        "Each alert",
        &["Time", "Severity", "Rule", "State", "Text"],
        "bursar alert history",
    );
    for alert in alerts {
        table.row([
            local(report, alert.time),
            alert.severity.clone(),
            alert.rule.clone(),
            alert.state.clone(),
            alert.text.clone(),
        ]);
    }
    blocks.push(Block::Table(table));
    blocks
}

pub(crate) fn gaps(report: &Report, site: &SiteReport) -> Option<Section> {
    let mut blocks = Vec::new();
    match &site.gaps {
        None => blocks.push(Block::Note("Not known: the access licenses are not polled.".into())),
        Some(gaps) if gaps.is_empty() => {
            blocks.push(Block::Text("None: every poll of the period is there.".to_owned()));
        }
        Some(gaps) => {
            let (gaps, sparse): (Vec<&Missing>, Vec<_>) =
                gaps.iter().partition(|gap| gap.polls == 0);
            for of in sparse {
                blocks.push(Block::Text(sparsely(report, of)));
            }
            let (daily, gaps) = each_day(gaps);
            let is_daily = !daily.is_empty();
            blocks.extend(daily.iter().map(|group| Block::Text(on_each_day(report, group))));
            if gaps.is_empty() && !is_daily {
                blocks.push(Block::Text("None.".to_owned()));
            } else if !gaps.is_empty() {
                blocks.push(Block::Text(format!("Nothing is filled in: {}.", super::WITHOUT_DATA)));
                if gaps.len() > MOST_GAPS {
                    blocks.push(Block::Text(format!(
                        "There are {}: here they are counted, in CSV and JSON each is named.",
                        count(report.locale, gaps.len())
                    )));
                    blocks.push(Block::Table(gaps_counted(report, &gaps)));
                } else {
                    blocks.push(Block::Table(gap_table(report, &gaps)));
                }
            }
        }
    }
    Some(Section { title: "Gaps in the data".to_owned(), blocks, own_page: false })
}

/// More than so many are nothing that a person reads one by one.
const MOST_GAPS: usize = 60;

fn hours(gap: &Missing) -> f64 {
    (gap.to - gap.from).num_minutes() as f64 / 60.0
}

/// From so many days in a row on, a gap each day is told once.
const FEWEST_DAYS: usize = 3;

/// Those that come a day after the other and last about as long, in groups; and the others.
fn each_day(gaps: Vec<&Missing>) -> (Vec<Vec<&Missing>>, Vec<&Missing>) {
    let follows = |a: &&Missing, b: &&Missing| {
        let hours_between = (b.from - a.from).num_minutes() as f64 / 60.0;
        (22.0..=26.0).contains(&hours_between)
            && hours(a) <= 2.0 * hours(b)
            && hours(b) <= 2.0 * hours(a)
    };
    let (mut daily, mut others) = (Vec::new(), Vec::new());
    for group in gaps.chunk_by(follows) {
        match group.len() >= FEWEST_DAYS {
            true => daily.push(group.to_vec()),
            false => others.extend(group),
        }
    }
    (daily, others)
}

fn on_each_day(report: &Report, group: &[&Missing]) -> String {
    let l = report.locale;
    let all: f64 = group.iter().map(|gap| hours(gap)).sum();
    let longest = group.iter().map(|gap| hours(gap)).fold(0.0, f64::max);
    let (first, last) = (group[0], group[group.len() - 1]);
    format!(
        "From {} to {} polls are missing once a day, for {} hours in all on {}, at most {} at a \
         time. In CSV and JSON each is named.",
        local(report, first.from),
        local(report, last.to),
        l.fixed(all, 1),
        counted(l, group.len() as u64, "day", "days"),
        l.fixed(longest, 1)
    )
}

/// By month, or by year where the period is long.
fn gaps_counted(report: &Report, gaps: &[&Missing]) -> Table {
    let l = report.locale;
    let pattern = if report.period.months() > 24 { "%Y" } else { "%Y-%m" };
    let begin = |gap: &Missing| gap.from.with_timezone(&report.zone).format(pattern).to_string();
    let mut table = Table::new(
        "Times without data, counted by when they begin",
        &["Period", ">Times", ">Hours", ">Longest, hours"],
    );
    for group in gaps.chunk_by(|a, b| begin(a) == begin(b)) {
        let all: f64 = group.iter().map(|gap| hours(gap)).sum();
        let longest = group.iter().map(|gap| hours(gap)).fold(0.0, f64::max);
        let times = count(l, group.len());
        table.row([begin(group[0]), times, l.fixed(all, 1), l.fixed(longest, 1)]);
    }
    table
}

fn gap_table(report: &Report, gaps: &[&Missing]) -> Table {
    let mut table = Table::list("Times without data", &["From", "To", ">Hours"], super::AS_CSV);
    for gap in gaps {
        table.row([
            local(report, gap.from),
            local(report, gap.to),
            report.locale.fixed(hours(gap), 1),
        ]);
    }
    table
}

/// A time that is no gap: it was polled, less often than the settings ask for now.
fn sparsely(report: &Report, of: &Missing) -> String {
    let hours = of.every_minutes as f64 / 60.0;
    format!(
        "From {} to {} a poll came about every {}, less often than the settings ask for now. \
         That is no gap: {} in the figures.",
        local(report, of.from),
        local(report, of.to),
        match (hours * 10.0).round() / 10.0 {
            1.0 => "hour".to_owned(),
            hours => format!("{} hours", report.locale.number(hours)),
        },
        counted(report.locale, of.polls as u64, "poll is", "polls are")
    )
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
