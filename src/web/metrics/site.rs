//! What is known of a site, as values.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use rust_decimal::prelude::ToPrimitive;
use strum::VariantArray;

use super::family::Metric;
use super::text::Samples;
use super::{flag, stamp};
use crate::config::settings::Site;
use crate::insight::capacity::{MonthEnd, midnight};
use crate::insight::money::Money;
use crate::license::monitor_app::AppHealth;
use crate::license::{LicenseState, Pools, SeatType, Support};
use crate::planning::seats::SeatCounts;
use crate::status::{SiteStatus, Status};
use crate::store::KnownRun;
use crate::web::known::Figures;

const DAY: f64 = 86_400.0;

/// What the newest events say.
pub(super) fn status(
    samples: &mut Samples,
    site: &SiteStatus,
    of: &Site,
    zone: Tz,
    now: DateTime<Utc>,
) {
    let name = site.name.as_str();
    if let Some(read) = &site.server_license {
        let license = &read.value;
        for state in LicenseState::VARIANTS {
            let is = flag(*state == license.state);
            samples.add(Metric::LicenseState, &[name, state.as_str()], is);
        }
        samples.add(Metric::LicenseExpired, &[name], flag(license.expired));
        let end = license.expiry_date.and_then(|day| day.succ_opt());
        samples.maybe(Metric::LicenseEnd, &[name], end.map(|day| start_of(day, zone)));
        samples.add(Metric::LicenseThreshold, &[name], license.threshold_days as f64 * DAY);
    }
    if let Some(read) = &site.access_licenses {
        pools(samples, name, &read.value);
    }
    if let Some(read) = &site.monitor_app {
        let app = &read.value;
        for state in AppHealth::ALL {
            samples.add(Metric::AppState, &[name, state.as_str()], flag(*state == app.health));
        }
        samples.maybe(Metric::AppData, &[name], app.data_from.map(stamp));
        samples.add(Metric::AppFailures, &[name], app.failures.into());
    }
    if let Some(read) = &site.qlik_sense_version {
        let sense = &read.value;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let labels = [name, &text(&sense.version), &text(&sense.release_label)];
        if sense.version.is_some() || sense.release_label.is_some() {
            samples.add(Metric::SenseInfo, &labels, 1.0);
        }
        if let Support::Until(day) = sense.support()
            && let Some(day) = day.succ_opt()
        {
            samples.add(Metric::SenseSupportEnd, &[name], start_of(day, zone));
        }
    }
    release(samples, site, of, now);
}

/// The moment at which a day begins.
fn start_of(day: NaiveDate, zone: Tz) -> f64 {
    stamp(midnight(day, zone))
}

fn pools(samples: &mut Samples, site: &str, pools: &Pools) {
    for seat_type in SeatType::counted() {
        let Some(pool) = pools.seats(seat_type).filter(|pool| pool.enabled) else { continue };
        let labels = [site, seat_type.as_str()];
        for (metric, value) in [
            (Metric::SeatsEntitled, pool.total),
            (Metric::SeatsAllocated, pool.allocated),
            (Metric::SeatsFree, pool.free()),
            (Metric::SeatsInUse, pool.used),
            (Metric::SeatsQuarantined, pool.quarantined),
            (Metric::SeatsExcess, pool.excess),
        ] {
            samples.add(metric, &labels, value);
        }
    }
    if let Some(tokens) = pools.tokens.filter(|tokens| tokens.enabled) {
        samples.add(Metric::TokensEntitled, &[site], tokens.total_tokens);
        samples.add(Metric::TokensAvailable, &[site], tokens.available_tokens);
        if let Some(pool) = pools.token_user {
            samples.add(Metric::TokensAllocated, &[site, "user"], pool.allocated_tokens);
            samples.add(Metric::TokensQuarantined, &[site], pool.quarantined_tokens);
        }
        if let Some(pool) = pools.token_login {
            samples.add(Metric::TokensAllocated, &[site, "login"], pool.allocated_tokens);
        }
    }
}

fn release(samples: &mut Samples, site: &SiteStatus, of: &Site, now: DateTime<Utc>) {
    let name = site.name.as_str();
    let settings = &of.release;
    samples.add(Metric::ReleaseEnabled, &[name], flag(settings.enable));
    samples.add(Metric::ReleasePaused, &[name], flag(site.pause.is_some()));
    if settings.enable {
        samples.add(Metric::ReleaseRehearsal, &[name], flag(settings.dry_run));
        let frozen = settings.policy.calendar.frozen(now).is_some();
        samples.add(Metric::ReleaseFrozen, &[name], flag(frozen));
        let monitor = site.monitors.iter().find(|of| of.monitor == crate::event::Monitor::Release);
        let next = monitor.and_then(|monitor| monitor.next);
        samples.maybe(Metric::ReleaseNext, &[name], next.map(stamp));
    }
    samples.add(Metric::ReleaseUnsettled, &[name], site.unsettled.seats as f64);
    for run in site.last_run.iter().chain(&site.last_real_run) {
        last_run(samples, name, run);
    }
}

fn last_run(samples: &mut Samples, site: &str, run: &KnownRun) {
    let mode = run.mode.as_str();
    let ended = stamp(run.ended.unwrap_or(run.started));
    samples.add(Metric::ReleaseLast, &[site, mode], ended);
    samples.add(Metric::ReleaseLastInfo, &[site, mode, run.state.text()], 1.0);
    for of_type in &run.account.counts {
        let counts = &of_type.counts;
        for (outcome, seats) in [
            ("planned", counts.planned),
            ("released", counts.released),
            ("quarantined", counts.quarantined),
            ("announced", counts.announced),
            ("kept", counts.kept),
            ("changed", counts.changed),
            ("refused", counts.refused),
            ("gone", counts.gone),
            ("taken_before", counts.taken_before),
            ("unclear", counts.unclear),
        ] {
            let labels = [site, mode, counts.seat_type.as_str(), outcome];
            samples.add(Metric::ReleaseLastSeats, &labels, seats as f64);
        }
    }
}

/// How the polls of a site go.
pub(super) fn monitors(samples: &mut Samples, site: &SiteStatus) {
    for monitor in &site.monitors {
        let labels = [site.name.as_str(), monitor.monitor.code()];
        samples.maybe(Metric::PollNext, &labels, monitor.next.map(stamp));
        let Some(health) = &monitor.health else { continue };
        samples.add(Metric::PollLast, &labels, stamp(health.last_poll));
        samples.maybe(Metric::PollSuccess, &labels, health.last_success.map(stamp));
        samples.add(Metric::PollFailures, &labels, health.failures.into());
    }
}

/// What the history says.
pub(super) fn figures(samples: &mut Samples, figures: &Figures, zone: Tz) {
    let Figures { time, outlook, cost, seats } = figures;
    let site = outlook.site.as_str();
    samples.add(Metric::FiguresTime, &[site], stamp(*time));
    if let Some(counts) = seats {
        samples.add(Metric::PeopleActive, &[site], counts.active_people.into());
        for (seat_type, counts) in &counts.by_type {
            seat_counts(samples, &[site, seat_type.as_str()], counts);
        }
    }
    for of in &outlook.types {
        let labels = [site, of.seat_type.as_str()];
        let at = |day: Option<NaiveDate>| day.map(|day| start_of(day, zone));
        samples.maybe(Metric::RunOutEarliest, &labels, at(of.earliest));
        samples.maybe(Metric::RunOutLatest, &labels, at(of.latest));
    }
    if let Some(month) = &outlook.capacity {
        let seconds = |minutes: f64| minutes * 60.0;
        samples.add(Metric::CapacityUsable, &[site], seconds(month.usable));
        samples.add(Metric::CapacityUsed, &[site], seconds(month.used));
        samples.add(Metric::CapacityLeft, &[site], seconds(month.left));
        samples.add(Metric::CapacityElapsed, &[site], month.gone_percent / 100.0);
        if let Ok(end) = &month.projected {
            samples.add(Metric::CapacityProjected, &[site], seconds(end.used));
            if let MonthEnd::RunsOut { day } = end.runs_out {
                samples.add(Metric::CapacityRunOut, &[site], start_of(day, zone));
            }
        }
    }
    if let Some(cost) = cost {
        let mut add = |metric, money: Option<Money>| {
            let Some(money) = money else { return };
            let labels = [site, &money.currency.to_string()];
            samples.maybe(metric, &labels, money.rounded().to_f64());
        };
        add(Metric::CostEntitled, Some(cost.entitled));
        add(Metric::CostAllocated, Some(cost.allocated));
        add(Metric::CostActive, cost.active);
        add(Metric::CostReclaimable, cost.reclaimable);
        add(Metric::CostSaved, Some(cost.saved_last_year.amount));
        add(Metric::CostBudget, cost.budget.map(|budget| budget.budget));
    }
}

fn seat_counts(samples: &mut Samples, labels: &[&str; 2], counts: &SeatCounts) {
    let [site, of] = labels;
    let idle = counts.usage.idle;
    for (metric, seats) in [
        (Metric::SeatsListed, counts.usage.seats),
        (Metric::SeatsActive, counts.active),
        (Metric::SeatsNeverUsed, idle.never_used),
        (Metric::SeatsIdle, counts.idle),
        (Metric::SeatsReclaimable, counts.reclaimable),
        (Metric::SeatsUndecided, counts.undecided),
    ] {
        samples.add(metric, labels, seats.into());
    }
    let threshold = f64::from(counts.threshold_days) * DAY;
    samples.add(Metric::SeatsIdleThreshold, labels, threshold);
    for (days, seats) in [
        ("0-7", idle.days_0_7),
        ("8-30", idle.days_8_30),
        ("31-60", idle.days_31_60),
        ("61-90", idle.days_61_90),
        ("over90", idle.over_90),
        ("never", idle.never_used),
        ("unknown", idle.unknown),
    ] {
        samples.add(Metric::SeatsByIdleTime, &[site, of, days], seats.into());
    }
}

/// Alerts of the sites and of the daemon.
pub(super) fn alerts<'a>(
    samples: &mut Samples,
    status: &Status,
    all: impl Iterator<Item = &'a crate::alert::state::Alert>,
) {
    use std::collections::BTreeMap;

    use crate::alert::state::{HeldBack, Phase};
    use crate::event::DAEMON;

    let mut by_state: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let names = status.sites.iter().map(|site| site.name.as_str()).chain([DAEMON]);
    for site in names {
        for state in ["pending", "firing", "silenced"] {
            by_state.insert((site, state), 0);
        }
    }
    let mut by_rule: BTreeMap<(&str, String, &str, &str), u32> = BTreeMap::new();
    for alert in all {
        let site = alert.key.site.as_str();
        let state = match alert.phase {
            Phase::Pending => "pending",
            Phase::Firing => "firing",
        };
        let rule = (site, alert.key.rule.to_string(), alert.severity.as_str(), state);
        *by_rule.entry(rule).or_default() += 1;
        let silenced = matches!(alert.held_back, Some(HeldBack::Silence { .. }));
        for state in [state].into_iter().chain(silenced.then_some("silenced")) {
            // Of sites that the settings no longer have nothing is told.
            if let Some(count) = by_state.get_mut(&(site, state)) {
                *count += 1;
            }
        }
    }
    for ((site, state), count) in by_state {
        samples.add(Metric::Alerts, &[site, state], count.into());
    }
    for ((site, rule, severity, state), count) in by_rule {
        samples.add(Metric::AlertsByRule, &[site, &rule, severity, state], count.into());
    }
    samples.add(Metric::AlertsUnheard, &[], status.unheard.len() as f64);
}
