//! `bursar insight cost --by`: what each department is to pay.

use std::fmt::Write;

use super::chart::Style;
use super::{Exit, Output, Question, SiteOutput, table};
use crate::cli::insight::activity::never_read;
use crate::cli::{block_on, time};
use crate::config::Settings;
use crate::insight::chargeback::Amounts;
use crate::insight::money::Money;
use crate::insight::words;
use crate::plain;
use crate::planning::Planning;
use crate::planning::chargeback::{By, ByGroup, Unknown};
use crate::spreadsheet::{Cell, Sheet};
use crate::words::Locale;

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Json,
    Csv,
}

/// Answers for all sites or for none: a part of the rows is no invoice.
pub(super) fn execute(question: &Question, by: &By, form: Form) -> anyhow::Result<Exit> {
    let (settings, sites) = match question.load() {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let now = time::now();
    let answers = block_on(async {
        let store = super::open(&settings).await?;
        let mut answers = Vec::new();
        for site in settings.sites.iter().filter(|site| sites.contains(&site.name)) {
            let planning = Planning::load(&store, &settings, &site.name, now).await?;
            let answer = planning.cost_by(&store, &settings, site, by).await?;
            answers.push((site, answer));
        }
        store.close().await;
        anyhow::Ok(answers)
    })??;
    let mut known = Vec::new();
    let mut refused = None;
    for (site, answer) in answers {
        match answer {
            Ok(answer) => known.push(SiteOutput { site: site.name.clone(), answer }),
            Err(why) => {
                let (exit, why) = match &why {
                    Unknown::NoSeats => (Exit::NotInOrder, never_read(site).to_owned()),
                    other => told(other),
                };
                errln!("bursar: site {}: {why}", site.name);
                refused = Some(exit);
            }
        }
    }
    if let Some(exit) = refused {
        return Ok(exit);
    }
    match form {
        Form::Json => crate::terminal::print_json(&Output {
            time: now,
            time_zone: settings.time_zone.name(),
            sites: known,
        })?,
        Form::Csv => out!("{}", csv(&known)?),
        Form::Text => {
            let style = Style { locale: settings.locale, ..question.style() };
            for (n, site) in known.iter().enumerate() {
                if n > 0 {
                    outln!("");
                }
                out!("{}", render(site, &settings, &style));
            }
        }
    }
    Ok(Exit::Ok)
}

fn told(why: &Unknown) -> (Exit, String) {
    match why {
        Unknown::NoPrices | Unknown::NoSeats => (
            Exit::NotInOrder,
            "nothing has a price: set Butler.cost (currency and prices)".to_owned(),
        ),
        Unknown::NoEntitlement => (Exit::NotInOrder, format!("cost is {}", words::NO_ENTITLEMENT)),
        Unknown::NoList(seat_type) => (
            Exit::NotInOrder,
            format!(
                "the list of {} seats was not read yet: see `bursar status`",
                seat_type.title()
            ),
        ),
        Unknown::NoProperty(names) => {
            let names: Vec<_> = names.iter().take(10).map(|name| plain::one_line(name)).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            (Exit::Unusable, format!("nobody has that custom property; there are: {known}"))
        }
    }
}

fn render(site: &SiteOutput<ByGroup>, settings: &Settings, style: &Style) -> String {
    let (paint, answer) = (style.paint, &site.answer);
    let of = &answer.chargeback;
    let mut out = format!(
        "{} {}\n",
        paint.strong(&format!(
            "Site {}, cost of a year by {}",
            site.site,
            plain::one_line(&answer.by)
        )),
        paint.faint(&format!("in {}", of.currency))
    );
    let amounts = |amounts: &Amounts| {
        [amounts.entitled, amounts.reclaimable, amounts.idle, amounts.saved]
            .map(|money| bare(money, style.locale))
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for of_type in of.rows.chunk_by(|a, b| a.seat_type == b.seat_type) {
        let seat_type = of_type[0].seat_type;
        rows.push(vec![seat_type.map_or("Analyzer Capacity", |of| of.title()).to_owned()]);
        for row in of_type {
            let name = plain::one_line(row.group.title());
            let [entitled, reclaimable, idle, saved] =
                row.amounts.as_ref().map_or_else(|| [(); 4].map(|()| "-".to_owned()), amounts);
            let mut cells = vec![format!("  {}", plain::cut(&name, 18))];
            if seat_type.is_none() {
                cells.extend([String::new(), entitled]);
            } else {
                let count = |count: u32, amount: &str| format!("{count}: {amount}");
                let idle = count(row.idle, &idle);
                let reclaimable = count(row.reclaimable, &reclaimable);
                cells.extend([row.allocated.to_string(), entitled, reclaimable, idle, saved]);
            }
            rows.push(cells);
        }
    }
    let [entitled, reclaimable, idle, saved] = amounts(&of.total);
    let all: u32 = of.rows.iter().map(|row| row.allocated).sum();
    rows.push(vec![
        paint.strong("all"),
        all.to_string(),
        paint.strong(&entitled),
        reclaimable,
        idle,
        saved,
    ]);
    let head = ["", "SEATS", "ENTITLED", "RECLAIMABLE", "IDLE", "SAVED"];
    out.push_str(&table(&head, rows, paint));
    let mut thresholds: Vec<String> = Vec::new();
    for row in &of.rows {
        if let (Some(seat_type), Some(days)) = (row.seat_type, row.threshold_days) {
            thresholds.push(format!("{} {days}", seat_type.title()));
        }
    }
    thresholds.dedup();
    let mut lines = vec![
        "Entitled: shared by the seats that people have. Reclaimable: what the release".to_owned(),
        "rules would take. Saved: by releases in the last 365 days. Whole units here;".to_owned(),
        "--csv and --json have all digits, and there the rows add up to the sums. Idle:".to_owned(),
        "for so many days, whatever the rules keep:".to_owned(),
        format!("{}.", thresholds.join(", ")),
    ];
    for seat_type in &of.without_price {
        lines.push(format!("{} seats have no price: in no sum.", seat_type.title()));
    }
    let read = style.locale.moment(answer.as_of, settings.time_zone);
    lines.push(format!("By the lists of seats of {read}."));
    for line in lines {
        let _ = writeln!(out, "  {}", paint.faint(&line));
    }
    out
}

/// In whole units, without the currency.
fn bare(money: Money, l: Locale) -> String {
    words::whole(money, l)
}

const HEADER: [&str; 14] = [
    "site",
    "group",
    "of",
    "licenseType",
    "currency",
    "allocated",
    "reclaimable",
    "idle",
    "thresholdDays",
    "entitledAmount",
    "allocatedAmount",
    "reclaimableAmount",
    "idleAmount",
    "savedAmount",
];

/// A line for each row; there is none for the sums, so that a column can be summed up.
fn csv(sites: &[SiteOutput<ByGroup>]) -> anyhow::Result<String> {
    let mut sheet = Sheet::new(Vec::new());
    sheet.row(HEADER.map(Cell::Text))?;
    for site in sites {
        let currency = site.answer.chargeback.currency;
        for row in &site.answer.chargeback.rows {
            let amount = |pick: fn(&Amounts) -> Money| {
                row.amounts.as_ref().map_or_else(String::new, |of| pick(of).rounded().to_string())
            };
            let numbers = [
                row.allocated.to_string(),
                row.reclaimable.to_string(),
                row.idle.to_string(),
                row.threshold_days.map_or_else(String::new, |days| days.to_string()),
                amount(|of| of.entitled),
                amount(|of| of.allocated),
                amount(|of| of.reclaimable),
                amount(|of| of.idle),
                amount(|of| of.saved),
            ];
            // A row is a line, for those who read it by lines.
            let group = plain::one_line(row.group.title());
            let texts = [
                site.site.as_str(),
                &group,
                row.group.kind(),
                row.seat_type.map_or("analyzer_capacity", |seat_type| seat_type.as_str()),
                currency.as_str(),
            ];
            let texts = texts.into_iter().map(Cell::Text);
            sheet.row(texts.chain(numbers.iter().map(|number| Cell::Number(number))))?;
        }
    }
    Ok(String::from_utf8(sheet.finish()?).expect("cells are text"))
}
