//! A report as one flat table: `section,site,subject,date,key,value`.
//!
//! One figure a line, RFC 4180. Times are in UTC, days those of the report's time zone, numbers with a
//! point. What isn't known has no line. The keys are listed in `docs/reports.md`.

use chrono::NaiveDate;
use serde_json::Value;

use super::names::account;
use super::{Alert, Report, SiteReport, TypeReport};
use crate::insight::NotEnough;
use crate::insight::budget::Verdict;
use crate::insight::forecast::RunsOut;
use crate::insight::money::Money;
use crate::insight::renewal::Choice;
use crate::insight::returns::WITHIN_DAYS;
use crate::planning::money::Cost;
use crate::planning::renewal::TypeRenewal;
use crate::spreadsheet::{Cell, Sheet};

/// The header.
const HEADER: [&str; 6] = ["section", "site", "subject", "date", "key", "value"];

struct Rows {
    sheet: Sheet<Vec<u8>>,
    site: String,
}

impl Rows {
    fn add(&mut self, section: &str, subject: &str, date: &str, key: &str, value: impl ToString) {
        let value = value.to_string();
        let cells = [section, &self.site, subject, date, key, &value];
        let cell = |text| if is_number(text) { Cell::Number(text) } else { Cell::Text(text) };
        self.sheet.row(cells.map(cell)).expect("memory takes rows of six cells");
    }

    /// To four digits after the point: what is beyond is no figure, but how a computer counts.
    fn figure(
        &mut self,
        section: &str,
        subject: &str,
        date: &str,
        key: &str,
        value: impl Into<Option<f64>>,
    ) {
        if let Some(value) = value.into() {
            self.add(section, subject, date, key, (value * 1e4).round() / 1e4 + 0.0);
        }
    }

    /// What there is too little data for: how much there is, how much is needed, and what it is counted in.
    fn not_enough(&mut self, section: &str, subject: &str, why: &NotEnough) {
        self.add(section, subject, "", "notEnough.have", why.have);
        self.add(section, subject, "", "notEnough.need", why.need);
        if let Ok(Value::String(unit)) = serde_json::to_value(why.unit) {
            self.add(section, subject, "", "notEnough.unit", unit);
        }
    }

    /// When seats run out, by the words and days that it has in JSON.
    fn runs_out(&mut self, subject: &str, key: &str, when: &RunsOut) {
        let kind = match when {
            RunsOut::Already => "already",
            RunsOut::Between { .. } => "between",
            RunsOut::NotWithinTenYears => "notWithinTenYears",
        };
        self.add("forecast", subject, "", key, kind);
        if let RunsOut::Between { earliest, latest, .. } = when {
            self.add("forecast", subject, "", &format!("{key}.earliest"), earliest);
            if let Some(latest) = latest {
                self.add("forecast", subject, "", &format!("{key}.latest"), latest);
            }
        }
    }

    /// So many seats for a term, and what it costs to be wrong.
    fn choice(&mut self, subject: &str, last: NaiveDate, key: &str, choice: &Choice) {
        let date = last.to_string();
        let mut add = |name: &str, value: String| {
            self.add("renewal", subject, &date, &format!("{key}.{name}"), value);
        };
        add("seats", choice.seats.to_string());
        add("change", choice.change.to_string());
        if let Some(price) = choice.price {
            add("price", price.rounded().to_string());
        }
        if let Some(idle) = &choice.too_many.idle {
            add("idle.low", idle.low.rounded().to_string());
            add("idle.middle", idle.middle.rounded().to_string());
            add("idle.high", idle.high.rounded().to_string());
        }
        if let Some(missing) = &choice.too_few.missing {
            add("missing.middle", missing.seats_middle.to_string());
            add("missing.high", missing.seats_high.to_string());
            for (name, cost) in [("middle", missing.cost_middle), ("high", missing.cost_high)] {
                if let Some(cost) = cost {
                    add(&format!("toAdd.{name}"), cost.rounded().to_string());
                }
            }
        }
        let free = choice.too_many.seats;
        for (name, seats) in [("low", free.low), ("middle", free.middle), ("high", free.high)] {
            self.figure("renewal", subject, &date, &format!("{key}.free.{name}"), seats);
        }
        let cases = choice.too_few.cases_percent;
        self.figure("renewal", subject, &date, &format!("{key}.casesPercent"), cases);
    }

    fn money(&mut self, key: &str, money: Option<Money>) {
        if let Some(money) = money {
            self.add("cost", money.currency.as_str(), "", key, money.rounded());
        }
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

pub fn render(report: &Report) -> String {
    let mut rows = Rows { sheet: Sheet::new(Vec::new()), site: String::new() };
    rows.sheet.row(HEADER.map(Cell::Text)).expect("memory takes rows of six cells");
    rows.add("report", "", "", "version", report.version);
    rows.add("report", "", "", "generated", report.generated.to_rfc3339());
    rows.add("report", "", "", "asOf", report.as_of.to_rfc3339());
    rows.add("report", "", "", "timeZone", report.time_zone);
    rows.add("report", "", "", "period", &report.period.name);
    rows.add("report", "", "", "first", report.period.first);
    rows.add("report", "", "", "last", report.period.last);
    rows.add("report", "", "", "unfinished", report.unfinished);
    if let Some(head) = &report.ledger.head {
        rows.add("ledger", "", "", "headSeq", head.seq);
        rows.add("ledger", "", "", "headHash", &head.hash);
    }
    if let Some(from) = report.ledger.complete_from {
        rows.add("ledger", "", "", "completeFrom", from.to_rfc3339());
    }
    for contract in &report.contracts {
        let subject = contract.of.as_str();
        rows.add("contract", subject, "", "since", contract.since);
        rows.add("contract", subject, "", "renewsOn", contract.renews_on);
        rows.add("contract", subject, "", "daysLeft", contract.days_left);
    }
    alerts(&mut rows, report.alerts.as_deref());
    for site in &report.sites {
        rows.site.clone_from(&site.site);
        server_license(&mut rows, site);
        for of_type in &site.types {
            seats(&mut rows, of_type);
        }
        order(&mut rows, site);
        simulation(&mut rows, site);
        holders(&mut rows, site);
        money(&mut rows, site);
        returned(&mut rows, site);
        trail(&mut rows, site);
    }
    let bytes = rows.sheet.finish().expect("memory takes what is left");
    String::from_utf8(bytes).expect("cells are text")
}

fn server_license(rows: &mut Rows, site: &SiteReport) {
    let Some(license) = &site.server_license else { return };
    let time = license.as_of.to_rfc3339();
    let mut add = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            rows.add("license", "", &time, key, value);
        }
    };
    add("state", Some(license.state.as_str().to_owned()));
    add("expiryDate", license.expiry_date.map(|day| day.to_string()));
    add("daysUntilExpiry", license.days_until_expiry.map(|days| days.to_string()));
    add("maintenanceEnd", license.maintenance_end.map(|day| day.to_string()));
    add("number", license.number.clone());
}

/// The subject is of which releases they are, the key within how many days.
fn returned(rows: &mut Rows, site: &SiteReport) {
    let Some(returned) = &site.returned else { return };
    for (subject, of) in [("period", returned.in_period), ("365 days", returned.in_year)] {
        rows.add("returned", subject, "", "released", of.released);
        rows.add("returned", subject, "", "soFar", of.so_far);
        for (days, within) in WITHIN_DAYS.into_iter().zip(of.within()) {
            rows.add("returned", subject, "", &format!("back{days}Days"), within.back);
            rows.add("returned", subject, "", &format!("of{days}Days"), within.of);
        }
    }
}

/// Numbers have the type as their subject; a person has it as the key.
fn holders(rows: &mut Rows, site: &SiteReport) {
    for of_type in &site.holders {
        let (subject, time) = (of_type.seat_type.as_str(), of_type.as_of.to_rfc3339());
        rows.add("holders", subject, &time, "held", of_type.held);
        rows.add("holders", subject, &time, "quarantined", of_type.quarantined);
        for person in of_type.people.iter().flatten() {
            let since = person.since.map_or_else(String::new, |since| since.to_rfc3339());
            let state = if person.quarantined { "quarantined" } else { "held" };
            rows.add("holders", &person.user, &since, &format!("{subject}.{state}"), &person.name);
            if let Some(turn) = person.next_run {
                rows.add("holders", &person.user, &since, &format!("{subject}.nextRun"), turn);
            }
            if let Some(used) = person.last_used {
                let key = format!("{subject}.lastUsed");
                rows.add("holders", &person.user, &since, &key, used.to_rfc3339());
            }
        }
    }
}

fn seats(rows: &mut Rows, of_type: &TypeReport) {
    let subject = of_type.seat_type.as_str();
    for (when, now) in [("before", of_type.before), ("atEnd", of_type.at_end)] {
        let Some(now) = now else { continue };
        let day = now.day.to_string();
        rows.figure("entitlement", subject, &day, &format!("{when}.entitled"), now.entitled);
        rows.figure("entitlement", subject, &day, &format!("{when}.taken"), now.taken);
        rows.figure("entitlement", subject, &day, &format!("{when}.percent"), now.percent);
        rows.figure("entitlement", subject, &day, &format!("{when}.quarantined"), now.quarantined);
        rows.figure("entitlement", subject, &day, &format!("{when}.excess"), now.excess);
        rows.figure("entitlement", subject, &day, &format!("{when}.free"), now.free);
    }
    for change in &of_type.entitled_changes {
        let day = change.day.to_string();
        rows.figure("entitlement", subject, &day, "change.from", change.from);
        rows.figure("entitlement", subject, &day, "change.to", change.to);
    }
    if let Some(peak) = of_type.peak {
        let day = peak.day.to_string();
        rows.figure("use", subject, &day, "peak", peak.taken);
        rows.figure("use", subject, &day, "peakPercent", peak.percent);
    }
    rows.figure("use", subject, "", "mean", of_type.mean);
    rows.figure("use", subject, "", "meanPercent", of_type.mean_percent);
    rows.add("use", subject, "", "daysWithData", of_type.days);
    rows.add("use", subject, "", "days", of_type.of);
    rows.add("use", subject, "", "fullDays", of_type.full_days);
    for period in &of_type.periods {
        rows.figure("use", subject, &period.name, "period.peak", period.peak);
        rows.figure("use", subject, &period.name, "period.mean", period.mean);
        rows.figure("use", subject, &period.name, "period.last", period.last);
        rows.figure("use", subject, &period.name, "period.entitled", period.entitled);
        rows.figure("use", subject, &period.name, "period.meanPercent", period.mean_percent);
        rows.figure("use", subject, &period.name, "period.peakPercent", period.peak_percent);
        rows.add("use", subject, &period.name, "period.fullDays", period.full_days);
        rows.figure("use", subject, &period.name, "period.quarantined", period.quarantined);
    }
    if let Ok(year) = &of_type.year_on_year {
        rows.figure("use", subject, &year.this.name, "yearOnYear.change", year.change);
        let percent = year.change_percent;
        rows.figure("use", subject, &year.this.name, "yearOnYear.changePercent", percent);
    }
    match &of_type.growth {
        Err(why) => rows.not_enough("growth", subject, why),
        Ok(growth) => {
            rows.figure("growth", subject, "", "perMonth.low", growth.per_month.low);
            rows.figure("growth", subject, "", "perMonth.middle", growth.per_month.middle);
            rows.figure("growth", subject, "", "perMonth.high", growth.per_month.high);
        }
    }
    match &of_type.forecast {
        Err(why) => rows.not_enough("forecast", subject, why),
        Ok(view) => {
            rows.figure("forecast", subject, "", "free", view.free);
            rows.figure("forecast", subject, "", "monthsAtGrowth", view.months_at_growth);
            rows.runs_out(subject, "runsOut", &view.runs_out);
            if let Some(after) = &view.runs_out_after_release {
                rows.runs_out(subject, "runsOutAfterRelease", after);
            }
            for point in &view.outlook {
                let day = point.day.to_string();
                rows.figure("forecast", subject, &day, "outlook.low", point.low);
                rows.figure("forecast", subject, &day, "outlook.middle", point.middle);
                rows.figure("forecast", subject, &day, "outlook.high", point.high);
            }
        }
    }
    if let Some(renewal) = &of_type.renewal {
        self::renewal(rows, renewal);
    }
    if let Some(seats) = &of_type.seats {
        let day = seats.as_of.to_rfc3339();
        rows.add("seats", subject, &day, "active", seats.active);
        rows.add("seats", subject, &day, "idle", seats.idle);
        rows.add("seats", subject, &day, "reclaimable", seats.reclaimable);
        rows.add("seats", subject, &day, "reclaimable.nextRun", seats.limits.next_run);
        rows.add("seats", subject, &day, "reclaimable.afterNotice", seats.limits.after_notice);
        if let Some(held) = seats.limits.held_back {
            rows.add("seats", subject, &day, "heldBack.maxReleasePercent", held.seats);
        }
        if let Some(held) = seats.limits.keep_free {
            rows.add("seats", subject, &day, "heldBack.keepFree", held.seats);
        }
        rows.add("seats", subject, &day, "undecided", seats.undecided);
        rows.add("seats", subject, &day, "thresholdDays", seats.threshold_days);
        rows.add("seats", subject, &day, "seats", seats.usage.seats);
        rows.add("seats", subject, &day, "quarantined", seats.usage.quarantined);
        // The idle distribution, by the names it has in JSON.
        if let Ok(Value::Object(idle)) = serde_json::to_value(seats.usage.idle) {
            for (name, count) in idle {
                rows.add("seats", subject, &day, &format!("idle.{name}"), count);
            }
        }
    }
}

/// The date is the last day of the term; keys begin with its months and the risk in percent.
fn renewal(rows: &mut Rows, of_type: &TypeRenewal) {
    let subject = of_type.seat_type.as_str();
    let view = match &of_type.renewal {
        Ok(view) => view,
        Err(why) => return rows.not_enough("renewal", subject, why),
    };
    rows.add("renewal", subject, "", "on", view.answer.on);
    let first = view.answer.recommended;
    let first = format!("{}.{}", first.months, first.risk_percent);
    rows.add("renewal", subject, "", "recommended", first);
    if let Some(currency) = view.answer.currency() {
        rows.add("renewal", subject, "", "currency", currency);
    }
    for term in &view.answer.terms {
        for risk in &term.choices {
            let key = format!("{}.{}", term.months, risk.risk_percent);
            rows.choice(subject, term.last, &key, &risk.without_release);
            if let Some(after) = &risk.with_release {
                rows.choice(subject, term.last, &format!("{key}.afterRelease"), after);
            }
        }
    }
}

fn alerts(rows: &mut Rows, alerts: Option<&[Alert]>) {
    for alert in alerts.into_iter().flatten() {
        let time = alert.time.to_rfc3339();
        rows.add("alerts", &alert.rule, &time, &alert.state, &alert.text);
    }
}

/// The recommended order: the date is the first day of the term.
fn order(rows: &mut Rows, site: &SiteReport) {
    let Some(order) = &site.order else { return };
    for line in &order.lines {
        let (subject, on) = (line.seat_type.as_str(), line.on.to_string());
        let mut add = |key: &str, value: String| rows.add("order", subject, &on, key, value);
        add("seats", line.seats.to_string());
        add("change", line.change.to_string());
        add("months", line.months.to_string());
        add("riskPercent", line.risk_percent.to_string());
        add("withRelease", line.with_release.to_string());
        for (key, money) in [("price", line.price), ("perYear", line.per_year)] {
            if let Some(money) = money {
                add(key, money.rounded().to_string());
            }
        }
    }
    let mut money = |key: &str, money: Option<Money>| {
        if let Some(money) = money {
            rows.add("order", money.currency.as_str(), "", key, money.rounded());
        }
    };
    money("price", order.price);
    money("perYear", order.per_year);
    money("minutes", order.minutes);
    money("minutesForTerm", order.minutes_for_term);
    money("budget", order.budget.map(|of| of.budget));
    money("toPay", order.budget.map(|of| of.to_pay));
}

/// The subject is the type, the date the first day; keys begin with the threshold.
fn simulation(rows: &mut Rows, site: &SiteReport) {
    let Some(simulation) = &site.simulation else { return };
    for of_type in &simulation.types {
        let first = of_type.first.to_string();
        let subject = of_type.seat_type.as_str();
        if let Some(from) = of_type.recorded_from {
            rows.add("simulation", subject, &first, "recordedFrom", from.to_rfc3339());
        }
        for threshold in &of_type.thresholds {
            let back = threshold.came_back;
            let mut add = |key: &str, (least, most): (u64, u64)| {
                let key = format!("{}.{key}", threshold.threshold_days);
                rows.add("simulation", subject, &first, &format!("{key}.atLeast"), least);
                rows.add("simulation", subject, &first, &format!("{key}.atMost"), most);
            };
            for (key, bounds) in [
                ("released", Some(threshold.released)),
                ("back14Days", back.within_14_days),
                ("back30Days", back.within_30_days),
                ("back90Days", back.within_90_days),
            ] {
                if let Some(bounds) = bounds {
                    add(key, (bounds.at_least, bounds.at_most));
                }
            }
            add("out", (threshold.out.at_least.into(), threshold.out.at_most.into()));
            let from = threshold.known_from;
            for (key, from) in [
                ("back14Days", from.within_14_days),
                ("back30Days", from.within_30_days),
                ("back90Days", from.within_90_days),
                ("saved", from.saved),
            ] {
                if let Some(from) = from {
                    let key = format!("{}.{key}.knownFrom", threshold.threshold_days);
                    rows.add("simulation", subject, &first, &key, from);
                }
            }
            if let Some(saved) = threshold.saved {
                for (end, amount) in [("atLeast", saved.at_least), ("atMost", saved.at_most)] {
                    let key = format!("{}.saved.{end}", threshold.threshold_days);
                    rows.add("simulation", subject, &first, &key, amount.rounded());
                }
            }
        }
    }
}

fn money(rows: &mut Rows, site: &SiteReport) {
    if let Some(capacity) = &site.capacity {
        for month in &capacity.months {
            rows.figure("capacity", "", &month.name, "used", month.used);
            rows.figure("capacity", "", &month.name, "allocated", month.allocated);
            rows.figure("capacity", "", &month.name, "percent", month.percent);
        }
    }
    let Some(cost) = &site.cost else { return };
    rows.money("entitled", Some(cost.entitled));
    rows.money("entitled.seats", Some(cost.entitled_seats));
    rows.money("allocated", Some(cost.allocated));
    rows.money("active", cost.active);
    rows.money("idle", cost.idle);
    rows.money("reclaimable", cost.reclaimable);
    if let Some(of) = &cost.could_be_saved {
        rows.money("couldBeSaved.low", of.low);
        rows.money("couldBeSaved.high", Some(of.high));
        if let Some(seen) = of.coming_back {
            let subject = cost.currency.as_str();
            rows.add("cost", subject, "", "couldBeSaved.back", seen.back);
            rows.add("cost", subject, "", "couldBeSaved.of", seen.of);
            rows.add("cost", subject, "", "couldBeSaved.withinDays", seen.within_days);
        }
    }
    if let Some(people) = cost.active_people {
        rows.add("cost", cost.currency.as_str(), "", "activePeople", people);
    }
    rows.money("perActivePerson", cost.per_active_person);
    if let Some(of) = &site.cost_in_period {
        rows.money("inPeriod", Some(of.all));
        rows.money("inPeriod.seats", Some(of.seats));
        rows.money("inPeriod.capacity", of.capacity);
        for of_type in &of.by_type {
            rows.money(&format!("{}.inPeriod", of_type.seat_type), Some(of_type.cost));
        }
    }
    rows.money("savedInPeriod", site.saved_in_period.as_ref().map(|saved| saved.amount));
    let earlier = site.saved_in_period_by_earlier.as_ref();
    rows.money("savedInPeriod.byEarlier", earlier.map(|saved| saved.amount));
    rows.money("savedLastYear", Some(cost.saved_last_year.amount));
    rows.money("saved", Some(cost.saved.amount));
    let year = &cost.next_year.year;
    for (key, day) in [("nextYear.first", year.first), ("nextYear.last", year.last)] {
        rows.add("cost", cost.currency.as_str(), "", key, day);
    }
    rows.money("nextYear.toPay.low", Some(cost.next_year.to_pay.low));
    rows.money("nextYear.toPay.high", Some(cost.next_year.to_pay.high));
    budget(rows, cost);
    for of_type in &cost.by_type {
        let key = |what: &str| format!("{}.{what}", of_type.seat_type);
        rows.money(&key("perSeat"), Some(of_type.per_seat));
        rows.money(&key("entitled"), Some(of_type.entitled));
        rows.money(&key("allocated"), Some(of_type.allocated));
        rows.money(&key("active"), of_type.active);
        rows.money(&key("idle"), of_type.idle);
        rows.money(&key("reclaimable"), of_type.reclaimable);
    }
}

/// What has to be bought, and what the budget says to it.
fn budget(rows: &mut Rows, cost: &Cost) {
    for projection in &cost.next_year.by_type {
        let buy = &projection.to_buy;
        let key = |what: &str| format!("{}.toBuy.{what}", projection.seat_type);
        let subject = cost.currency.as_str();
        rows.add("cost", subject, "", &key("seats.low"), buy.seats_low);
        rows.add("cost", subject, "", &key("seats.high"), buy.seats_high);
        for (end, day) in [("earliest", buy.earliest), ("latest", buy.latest)] {
            if let Some(day) = day {
                rows.add("cost", subject, "", &key(end), day);
            }
        }
        rows.money(&key("cost.low"), Some(buy.cost.low));
        rows.money(&key("cost.high"), Some(buy.cost.high));
    }
    let Some(of) = &cost.budget else { return };
    let verdict = match of.verdict {
        Verdict::Within { .. } => "within",
        Verdict::MayExceed { .. } => "mayExceed",
        Verdict::Exceeded { .. } => "exceeded",
    };
    rows.add("cost", cost.currency.as_str(), "", "budget.verdict", verdict);
    rows.money("budget", Some(of.budget));
    rows.money("budget.toPay.low", Some(of.to_pay.low));
    rows.money("budget.toPay.high", Some(of.to_pay.high));
}

fn trail(rows: &mut Rows, site: &SiteReport) {
    if let Some(changes) = &site.changes {
        for change in &changes.list {
            let (time, subject) = (change.time.to_rfc3339(), change.seat_type.as_str());
            rows.add("changes", subject, &time, change.kind.as_str(), &change.user);
        }
    }
    for run in &site.runs {
        let time = run.started.to_rfc3339();
        rows.add("runs", &run.run, &time, "mode", run.mode);
        rows.add("runs", &run.run, &time, "by", &run.by);
        rows.add("runs", &run.run, &time, "state", run.state);
        for line in &run.lines {
            rows.add("runs", &run.run, &time, "what", line);
        }
    }
    for release in &site.releases {
        let (outcome, time) = (&release.outcome, release.time.to_rfc3339());
        let subject = account(&outcome.holder);
        rows.add("releases", &subject, &time, "licenseType", outcome.seat_type);
        rows.add("releases", &subject, &time, "result", outcome.result.as_str());
        if let Some(because) = &release.because {
            rows.add("releases", &subject, &time, "because", because);
        }
        rows.add("releases", &subject, &time, "run", &release.run);
        rows.add("releases", &subject, &time, "seq", release.seq);
        rows.add("releases", &subject, &time, "hash", &release.hash);
    }
    alerts(rows, site.alerts.as_deref());
    for gap in site.gaps.iter().flatten() {
        rows.add("gaps", "", &gap.from.to_rfc3339(), "until", gap.to.to_rfc3339());
        rows.add("gaps", "", &gap.from.to_rfc3339(), "polls", gap.polls);
    }
}
