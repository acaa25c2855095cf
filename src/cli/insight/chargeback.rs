//! `bursar insight cost --by`: what each department is to pay.

use std::fmt::Write;

use super::chart::Style;
use super::{Answer, Answers, Exit, Question, table};
use crate::cli::insight::activity::never_read;
use crate::cli::{block_on, time};
use crate::config::Settings;
use crate::insight::chargeback::Amounts;
use crate::insight::money::Money;
use crate::insight::words;
use crate::plain;
use crate::planning::Planning;
use crate::planning::chargeback::{By, ByGroup, Unknown};
use crate::report::chargeback::csv;
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
            Ok(answer) => known.push(Answer { site: site.name.clone(), answer }),
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
        Form::Json => crate::terminal::print_json(&Answers::of(known))?,
        Form::Csv => {
            let sites = known.iter().map(|of| (of.site.as_str(), &of.answer));
            out!("{}", csv(sites)?);
        }
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
    let exit = match why {
        Unknown::NoProperty(_) => Exit::Unusable,
        _ => Exit::NotInOrder,
    };
    (exit, plain::one_line(&why.text()))
}

fn render(site: &Answer<ByGroup>, settings: &Settings, style: &Style) -> String {
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
