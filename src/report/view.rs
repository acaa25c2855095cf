//! A report in words, tables and charts, the same for HTML and Markdown.

mod holders;
mod license;
mod money;
mod renewal;
mod seats;
mod simulation;
mod summary;
mod trail;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

pub(crate) use self::renewal::{duration, renewal_legend, renewal_of_type, renewal_order};
use super::Report;
use super::svg::Chart;
use crate::words::{Locale, counted};

/// Titles of what belongs to no site.
pub const OWN_ALERTS: &str = "Alerts of Bursar itself";
pub const PROOF: &str = "Proof of the releases";

/// Titles of sections that others point to.
const SERVER_LICENSE: &str = "Server license";
const IDLE: &str = "Idle and reclaimable seats";
const RENEWAL: &str = "What to renew with";
const COST: &str = "Cost of a year";

/// The whole document.
#[derive(Debug)]
pub struct Document {
    pub title: String,
    pub period: String,
    /// What belongs to the report as a whole, such as when it was made.
    pub facts: Vec<(String, String)>,
    pub sites: Vec<Site>,
    /// Alerts of Bursar itself.
    pub own: Vec<Block>,
    pub ledger: Vec<Block>,
}

#[derive(Debug)]
pub struct Site {
    pub name: String,
    /// What to know and to decide, in few lines: name and text.
    pub summary: Vec<(String, String)>,
    /// What is to be decided, a sentence each; the summary says where there is nothing.
    pub decisions: Vec<String>,
    /// The figures to see first: name, value, remark.
    pub tiles: Vec<(String, String, String)>,
    pub sections: Vec<Section>,
}

#[derive(Debug)]
pub struct Section {
    pub title: String,
    pub blocks: Vec<Block>,
    /// Printed on a page of its own.
    pub own_page: bool,
}

#[derive(Debug)]
pub enum Block {
    Heading(String),
    Text(String),
    /// Something that is to be noticed.
    Note(String),
    Table(Table),
    Chart(Chart),
    /// Names and values.
    Facts(Vec<(String, String)>),
    /// A command to type.
    Code(String),
}

#[derive(Debug, Default)]
pub struct Table {
    /// What it shows, for who comes to it from elsewhere.
    pub caption: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<String>>,
    /// The row that stands out.
    pub marked: Option<usize>,
    /// A list of what happened or of people: a long one stands at the end of its site. The command that tells more.
    pub list: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    /// Numbers are set to the right.
    pub right: bool,
}

impl Column {
    /// How a page sets its cells, where that matters.
    pub fn class(&self) -> Option<&'static str> {
        match self.name.as_str() {
            _ if self.right => Some("number"),
            "Hash" => Some("hash"),
            "Time" | "Since" | "Last used" | "As of" | "From" | "To" | "Run" => Some("time"),
            // From outside: it may hold a word that is longer than a line.
            "Text" | "Reason" | "What" => Some("text"),
            "User" | "Name" | "By" => Some("who"),
            _ => None,
        }
    }
}

impl Table {
    /// A name that begins with `>` is a column of numbers.
    fn new(caption: impl Into<String>, names: &[&str]) -> Self {
        let column = |name: &&str| match name.strip_prefix('>') {
            Some(name) => Column { name: name.to_owned(), right: true },
            None => Column { name: (*name).to_owned(), right: false },
        };
        let columns = names.iter().map(column).collect();
        Self { caption: caption.into(), columns, rows: Vec::new(), marked: None, list: None }
    }

    /// A list that may be long, and the command that tells all of it.
    fn list(caption: impl Into<String>, names: &[&str], command: &'static str) -> Self {
        Self { list: Some(command), ..Self::new(caption, names) }
    }

    /// Whether it needs the whole width, so that it may have to be read from side to side.
    pub fn is_wide(&self) -> bool {
        self.columns.len() > 4
    }

    /// Whether its rows name records of the ledger.
    fn is_proof(&self) -> bool {
        self.columns.iter().any(|column| column.name == "Hash")
    }

    /// Whether a row stands out.
    pub fn is_marked(&self, row: &usize) -> bool {
        self.marked == Some(*row)
    }

    /// Short enough to stand on one page.
    pub fn is_short(&self) -> bool {
        self.rows.len() <= 14
    }

    /// Cells of a row, each with its column.
    pub fn cells<'a>(
        &'a self,
        row: &'a [String],
    ) -> impl Iterator<Item = (&'a String, &'a Column)> {
        row.iter().zip(&self.columns)
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

/// Puts a report into words.
pub fn view(report: &Report) -> Document {
    let made = local(report, report.generated);
    let mut facts = vec![(
        "Made".to_owned(),
        match report.time_zone {
            "UTC" => format!("{made} by Bursar {}", report.version),
            zone => format!("{made} ({zone}) by Bursar {}", report.version),
        },
    )];
    if report.unfinished {
        let what = "the period is not over: all figures are of what there is so far";
        facts.push(("Note".to_owned(), what.to_owned()));
    }
    for contract in &report.contracts {
        facts.push((contract.of.title().to_owned(), license::contract(report, contract)));
    }
    Document {
        title: format!("Qlik Sense licenses, {}", report.period.name.replace("..", " to ")),
        period: report.period.words(report.locale),
        facts,
        sites: report.sites.iter().map(|site| of_site(report, site)).collect(),
        own: trail::own_alerts(report),
        ledger: trail::ledger(report),
    }
}

/// The day that growth, forecast and cost are of.
fn as_of(report: &Report) -> String {
    report.locale.date(report.as_of.with_timezone(&report.zone).date_naive())
}

/// The day of a time, in the zone of the report.
fn day_of(report: &Report, time: DateTime<Utc>) -> chrono::NaiveDate {
    time.with_timezone(&report.zone).date_naive()
}

/// That figures are of a time after the period, which is over: they are not of its end. `None` where they are.
fn not_of_the_end(report: &Report, time: DateTime<Utc>) -> Option<String> {
    (day_of(report, time) > day_of(report, report.as_of)).then(|| {
        let day = report.locale.date(day_of(report, time));
        format!("of {day}, not of the end of the period")
    })
}

/// The same as a block of its own.
fn later(report: &Report, time: DateTime<Utc>) -> Option<Block> {
    let text = not_of_the_end(report, time)?;
    Some(Block::Note(format!("What follows is {text}.")))
}

/// A time, to the minute, in the zone of the report, with its abbreviation.
fn local(report: &Report, time: DateTime<Utc>) -> String {
    local_in(report.locale, report.zone, time)
}

fn local_in(l: Locale, zone: Tz, time: DateTime<Utc>) -> String {
    format!("{} {}", l.time(time, zone), time.with_timezone(&zone).format("%Z"))
}

/// What is left out of a report of a time that is long over: told once.
const ONLY_NOW: &str = "The period is over for more than a month. What is known only as it is now is left out: the \
                        state and the number of the server's license, the version of the server, who uses a seat (active, idle, reclaimable, with \
                        release, cost by directory), and what the release rules would have done. The commands \
                        (status, insight, release simulate) tell it of now.";

/// What a day without data does to figures.
pub(crate) const WITHOUT_DATA: &str = "peaks, means and full days are of the days and polls that there are, and a \
                                       forecast is made of them; cost counts a day without data with what was \
                                       entitled last, and savings go by the ledger";

fn of_site(report: &Report, site: &super::SiteReport) -> Site {
    let sections = [
        left_out(site),
        license::server_license(report, site),
        trail::version(report, site),
        seats::entitlement(report, site),
        seats::use_and_peaks(report, site),
        seats::idle(report, site),
        seats::forecast(report, site),
        renewal::renewal(report, site),
        simulation::simulation(report, site),
        money::capacity(report, site),
        money::of_period(report, site),
        money::cost(report, site),
        money::by_directory(report, site),
    ];
    let by_property = money::by_property(report, site);
    let rest = [
        holders::holders(report, site),
        trail::changes(report, site),
        trail::releases(report, site),
        trail::alerts(report, site),
        trail::gaps(report, site),
    ];
    let sections = sections.into_iter().flatten().chain(by_property);
    let mut sections: Vec<Section> = sections.chain(rest.into_iter().flatten()).collect();
    let annexes = annexes(report.locale, &mut sections);
    sections.extend(annexes);
    Site {
        name: site.site.clone(),
        summary: summary::summary(report, site),
        decisions: summary::decisions(report, site),
        tiles: tiles(report, site),
        sections,
    }
}

/// So many rows of a list stand where it belongs; a longer one is an annex.
const MOST_IN_PLACE: usize = 12;

/// More rows are left to the command, but for records of releases, which are the proof.
const MOST_IN_ANNEX: usize = 500;

/// In place of a command, where there is none.
const AS_CSV: &str = "this report as CSV";

/// Takes the long lists out of the sections; in their place is said where they are.
fn annexes(l: Locale, sections: &mut [Section]) -> Vec<Section> {
    let mut annexes = Vec::new();
    for block in sections.iter_mut().flat_map(|section| &mut section.blocks) {
        let Block::Table(table) = block else { continue };
        let Some(command) = table.list.filter(|_| table.rows.len() > MOST_IN_PLACE) else {
            continue;
        };
        let title = format!("Annex: {}", table.caption);
        let rows = counted(l, table.rows.len() as u64, "row", "rows");
        let here = Block::Text(format!("{rows}, at the end: {title}."));
        let Block::Table(mut table) = std::mem::replace(block, here) else { continue };
        let mut blocks = Vec::new();
        let more = table.rows.len().saturating_sub(MOST_IN_ANNEX);
        if more > 0 && !table.is_proof() {
            table.rows.truncate(MOST_IN_ANNEX);
            let rows = counted(l, more as u64, "more row", "more rows");
            let or_csv = if command == AS_CSV { "" } else { ", or this report as CSV" };
            blocks.push(Block::Text(format!("{rows}: {command}{or_csv}.")));
        }
        blocks.insert(0, Block::Table(table));
        annexes.push(Section { title, blocks, own_page: false });
    }
    annexes
}

/// What is left out, at the beginning.
fn left_out(site: &super::SiteReport) -> Option<Section> {
    site.left_out.then(|| Section {
        title: "What is left out".to_owned(),
        blocks: vec![Block::Note(ONLY_NOW.to_owned())],
        own_page: false,
    })
}

fn tiles(report: &Report, site: &super::SiteReport) -> Vec<(String, String, String)> {
    let mut tiles = Vec::new();
    let l = report.locale;
    if let Some(license) = &site.server_license {
        tiles.push(license::tile(report, license));
    }
    for of_type in &site.types {
        let Some(end) = &of_type.at_end else { continue };
        let of = end.entitled.map_or_else(String::new, |e| format!("of {} taken", l.number(e)));
        tiles.push((
            name(of_type.seat_type),
            l.number(end.taken),
            format!("{of}{}", end.percent.map_or_else(String::new, |p| format!(", {p:.0} %"))),
        ));
    }
    if let Some(month) = site.capacity.as_ref().and_then(|capacity| capacity.months.last()) {
        let share = month.percent.map_or_else(String::new, |p| format!(", {p:.0} %"));
        let of =
            month.allocated.map_or_else(String::new, |a| format!("of {} minutes", l.number(a)));
        let remark = format!("{of}{share}, in {}", month.name);
        tiles.push(("Analyzer Capacity".to_owned(), l.number(month.used), remark));
    }
    let released = site.releases.iter().filter(|attempt| attempt.is_release()).count();
    let remark = match site.releases.iter().filter(|attempt| attempt.is_return()).count() {
        0 => "in the period".to_owned(),
        returned => format!("in the period; {} given back in it", count(l, returned)),
    };
    tiles.push(("Seats released".to_owned(), count(l, released), remark));
    if let Some(cost) = &site.cost_in_period {
        let remark = "for what was entitled in the period".to_owned();
        tiles.push(("Cost of the period".to_owned(), cost.all.written(l), remark));
    }
    if let Some(cost) = &site.cost {
        let days = cost.by_type.iter().filter_map(|of| of.as_of);
        let day = days.max().map_or_else(|| as_of(report), |day| l.date(day));
        let remark = format!("for what is entitled on {day}");
        tiles.push(("Cost of a year".to_owned(), cost.entitled.written(l), remark));
    }
    tiles
}

/// A type of seats as a heading names it.
fn name(seat_type: crate::license::SeatType) -> String {
    match seat_type {
        crate::license::SeatType::User => "Tokens".to_owned(),
        other => format!("{} seats", other.title()),
    }
}

fn optional(l: Locale, value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| l.number(value))
}

fn percent(l: Locale, value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{} %", l.fixed(value, 1)))
}

/// With a sign, to one digit.
fn signed(l: Locale, value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded > 0.0 { format!("+{}", l.number(rounded)) } else { l.number(rounded + 0.0) }
}

/// A whole number.
fn count(l: Locale, value: impl ToString) -> String {
    l.separated(&value.to_string())
}
