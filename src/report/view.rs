//! A report in words, tables and charts, the same for HTML and Markdown.

mod money;
mod renewal;
mod seats;
mod simulation;
mod trail;

use super::Report;
use super::gather::local;
use super::svg::Chart;
use crate::insight::words;
use crate::words::grouped as number;

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
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<String>>,
}

#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    /// Numbers are set to the right.
    pub right: bool,
}

impl Table {
    /// A name that begins with `>` is a column of numbers.
    fn new(names: &[&str]) -> Self {
        let column = |name: &&str| match name.strip_prefix('>') {
            Some(name) => Column { name: name.to_owned(), right: true },
            None => Column { name: (*name).to_owned(), right: false },
        };
        Self { columns: names.iter().map(column).collect(), rows: Vec::new() }
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
    let made = local(report.generated, report.zone);
    let mut facts = vec![(
        "Made".to_owned(),
        format!("{made} ({}) by Bursar {}", report.time_zone, report.version),
    )];
    if report.unfinished {
        let what = "the period is not over: all figures are of what there is so far";
        facts.push(("Note".to_owned(), what.to_owned()));
    }
    Document {
        title: format!("Qlik Sense licenses, {}", report.period.name),
        period: report.period.words(),
        facts,
        sites: report.sites.iter().map(|site| of_site(report, site)).collect(),
        own: trail::own_alerts(report),
        ledger: trail::ledger(report),
    }
}

/// The day that growth, forecast and cost are of.
fn as_of(report: &Report) -> String {
    words::date(report.as_of.with_timezone(&report.zone).date_naive())
}

/// What stands in place of figures that only tell of now.
const LEFT_OUT: &str = "not known of that time: who used a seat is known only of now";

fn of_site(report: &Report, site: &super::SiteReport) -> Site {
    let sections = [
        trail::version(report, site),
        seats::entitlement(report, site),
        seats::use_and_peaks(report, site),
        seats::forecast(report, site),
        renewal::renewal(report, site),
        simulation::simulation(report, site),
        money::capacity(site),
        money::cost(report, site),
        trail::changes(report, site),
        trail::releases(report, site),
        trail::alerts(report, site),
        trail::gaps(report, site),
    ];
    Site {
        name: site.site.clone(),
        tiles: tiles(report, site),
        sections: sections.into_iter().flatten().collect(),
    }
}

fn tiles(report: &Report, site: &super::SiteReport) -> Vec<(String, String, String)> {
    let mut tiles = Vec::new();
    for of_type in &site.types {
        let Some(end) = &of_type.at_end else { continue };
        let of = end.entitled.map_or_else(String::new, |e| format!("of {} taken", number(e)));
        tiles.push((
            name(of_type.seat_type),
            number(end.taken),
            format!("{of}{}", end.percent.map_or_else(String::new, |p| format!(", {p:.0} %"))),
        ));
    }
    if let Some(month) = site.capacity.as_ref().and_then(|capacity| capacity.months.last()) {
        let share = month.percent.map_or_else(String::new, |p| format!(", {p:.0} %"));
        let of = month.allocated.map_or_else(String::new, |a| format!("of {} minutes", number(a)));
        tiles.push(("Analyzer Capacity".to_owned(), number(month.used), format!("{of}{share}")));
    }
    let released = site.releases.iter().filter(|attempt| attempt.is_release()).count();
    tiles.push(("Seats released".to_owned(), released.to_string(), "in the period".to_owned()));
    if let Some(cost) = &site.cost {
        let remark = format!("a year, for what is entitled on {}", as_of(report));
        tiles.push(("Cost".to_owned(), cost.entitled.to_string(), remark));
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

fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), number)
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1} %"))
}

/// With a sign, to one digit.
fn signed(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded > 0.0 { format!("+{}", number(rounded)) } else { number(rounded + 0.0) }
}
