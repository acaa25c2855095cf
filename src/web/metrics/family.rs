//! Every metric: its name, kind, unit, labels and meaning. `docs/metrics.md` is made of this table.

use strum::VariantArray;

/// What a family counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up, from the start of the process or of the store.
    Counter,
    /// Always 1; its labels say it.
    Info,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Info => "info",
        }
    }

    /// The name of the family, of that of its values.
    pub(super) fn bare(self, name: &'static str) -> &'static str {
        match self {
            Self::Gauge => name,
            Self::Counter => name.strip_suffix("_total").unwrap_or(name),
            Self::Info => name.strip_suffix("_info").unwrap_or(name),
        }
    }
}

/// A metric as it is described.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    /// Of its values: with `_total` and `_info`.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Empty where numbers of things are counted.
    pub(super) unit: &'static str,
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
}

const SITE: &[&str] = &["site"];
const TYPE: &[&str] = &["site", "type"];
const MONITOR: &[&str] = &["site", "monitor"];
const MONEY: &[&str] = &["site", "currency"];
const QUEUE: &[&str] = &["destination"];
const NONE: &[&str] = &[];

/// The metrics, in the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray)]
pub(super) enum Metric {
    LicenseState,
    LicenseExpired,
    LicenseEnd,
    LicenseThreshold,
    SeatsEntitled,
    SeatsAllocated,
    SeatsFree,
    SeatsInUse,
    SeatsQuarantined,
    SeatsExcess,
    SeatsListed,
    SeatsActive,
    SeatsNeverUsed,
    SeatsIdle,
    SeatsIdleThreshold,
    SeatsReclaimable,
    SeatsUndecided,
    SeatsByIdleTime,
    PeopleActive,
    RunOutEarliest,
    RunOutLatest,
    TokensEntitled,
    TokensAvailable,
    TokensAllocated,
    TokensQuarantined,
    CapacityUsable,
    CapacityUsed,
    CapacityLeft,
    CapacityProjected,
    CapacityElapsed,
    CapacityRunOut,
    CostEntitled,
    CostAllocated,
    CostActive,
    CostReclaimable,
    CostSaved,
    CostBudget,
    FiguresTime,
    ReleaseEnabled,
    ReleaseRehearsal,
    ReleasePaused,
    ReleaseFrozen,
    ReleaseNext,
    ReleaseLast,
    ReleaseLastInfo,
    ReleaseLastSeats,
    ReleaseUnsettled,
    Alerts,
    AlertsByRule,
    AlertsUnheard,
    AppState,
    AppData,
    AppFailures,
    SenseInfo,
    SenseSupportEnd,
    PollLast,
    PollSuccess,
    PollNext,
    PollFailures,
    Polls,
    PollLag,
    PollMissed,
    QueueInfo,
    QueueEvents,
    QueueDead,
    QueueOldest,
    QueueLast,
    QueueFailures,
    QueueSent,
    QueueRetries,
    QueueRefused,
    QueueDropped,
    Healthy,
    MonitorsLate,
    MonitorsUnread,
    SettingsInForce,
    SettingsSince,
    SettingsRestart,
    SettingsInfo,
    StoreWritable,
    StoreBegunAnew,
    StoreSize,
    StoreWal,
    Memory,
    OpenFiles,
    MaxFiles,
    Start,
    BuildInfo,
}

/// A number of things.
const fn count(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind: Kind::Gauge, unit: "", labels, help }
}

const fn seconds(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family { name, kind: Kind::Gauge, unit: "seconds", labels, help }
}

const fn bytes(name: &'static str, help: &'static str) -> Family {
    Family { name, kind: Kind::Gauge, unit: "bytes", labels: NONE, help }
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family { name, kind: Kind::Counter, unit: "", labels, help }
}

const fn info(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind: Kind::Info, unit: "", labels, help }
}

impl Metric {
    pub(super) const ALL: &'static [Self] = Self::VARIANTS;

    #[rustfmt::skip] // a table
    pub(super) fn family(self) -> Family {
        match self {
            Self::LicenseState => count("bursar_server_license_state", &["site", "state"], "1 for the state that the server license is in, 0 for the others."),
            Self::LicenseExpired => count("bursar_server_license_expired", SITE, "1 once the server says that the license has expired, or its last valid day is over."),
            Self::LicenseEnd => seconds("bursar_server_license_end_timestamp_seconds", SITE, "The end of the last valid day of the server license (Butler.timeZone). Absent for one without end."),
            Self::LicenseThreshold => seconds("bursar_server_license_alert_threshold_seconds", SITE, "From so long before its end on a license is expiring: the setting, in days."),
            Self::SeatsEntitled => count("bursar_seats_entitled", TYPE, "Seats that the license has."),
            Self::SeatsAllocated => count("bursar_seats_allocated", TYPE, "Seats that are given to somebody."),
            Self::SeatsFree => count("bursar_seats_free", TYPE, "Seats that can be given out now, by the count of the site."),
            Self::SeatsInUse => count("bursar_seats_in_use", TYPE, "Seats in use by the undocumented measure of the server."),
            Self::SeatsQuarantined => count("bursar_seats_quarantined", TYPE, "Seats that are blocked after they were taken from somebody."),
            Self::SeatsExcess => count("bursar_seats_excess", TYPE, "Seats that are allocated above what the license has."),
            Self::SeatsListed => count("bursar_seats_listed", TYPE, "Seats in the list of seats as it was read last, those in quarantine too."),
            Self::SeatsActive => count("bursar_seats_active", TYPE, "People who used a seat of the type within 28 days."),
            Self::SeatsNeverUsed => count("bursar_seats_never_used", TYPE, "Seats that were never used, without those in quarantine."),
            Self::SeatsIdle => count("bursar_seats_idle", TYPE, "Seats that are idle for bursar_seats_idle_threshold_seconds or longer, also those that the rules keep."),
            Self::SeatsIdleThreshold => seconds("bursar_seats_idle_threshold_seconds", TYPE, "From when on a seat counts as idle: releaseThresholdDays of its type."),
            Self::SeatsReclaimable => count("bursar_seats_reclaimable", TYPE, "Seats that the release rules let go, over as many runs as that takes, at once or after an announcement; none while a guard stops the runs."),
            Self::SeatsUndecided => count("bursar_seats_undecided", TYPE, "Idle seats of which the rules cannot be asked: their user is not known well enough."),
            Self::SeatsByIdleTime => count("bursar_seats_by_idle_time", &["site", "type", "idle"], "Seats by days since their last use, without those in quarantine."),
            Self::PeopleActive => count("bursar_active_people", SITE, "People who used a seat of any type within 28 days, each once."),
            Self::RunOutEarliest => seconds("bursar_seats_run_out_earliest_timestamp_seconds", TYPE, "The first day on which the free seats may run out. Absent where that is not within ten years, or not known."),
            Self::RunOutLatest => seconds("bursar_seats_run_out_latest_timestamp_seconds", TYPE, "The day by which they will have run out, in 80 of 100 cases. Absent as above."),
            Self::TokensEntitled => count("bursar_tokens_entitled", SITE, "Tokens of the license."),
            Self::TokensAvailable => count("bursar_tokens_available", SITE, "Tokens that can be given to somebody."),
            Self::TokensAllocated => count("bursar_tokens_allocated", &["site", "access"], "Tokens that are taken by users and by logins."),
            Self::TokensQuarantined => count("bursar_tokens_quarantined", SITE, "Tokens that are blocked after they were taken from a user."),
            Self::CapacityUsable => seconds("bursar_capacity_usable_seconds", SITE, "Analyzer Capacity that can be used this month."),
            Self::CapacityUsed => seconds("bursar_capacity_used_seconds", SITE, "Analyzer Capacity that was used this month."),
            Self::CapacityLeft => seconds("bursar_capacity_left_seconds", SITE, "Analyzer Capacity that is left this month."),
            Self::CapacityProjected => seconds("bursar_capacity_projected_seconds", SITE, "What will be used at the end of the month at the same pace. Absent while that cannot be said."),
            Self::CapacityElapsed => Family { name: "bursar_capacity_month_elapsed_ratio", kind: Kind::Gauge, unit: "ratio", labels: SITE, help: "How much of the month is gone." },
            Self::CapacityRunOut => seconds("bursar_capacity_run_out_timestamp_seconds", SITE, "The day on which the capacity runs out at this pace. Absent where it lasts, or that cannot be said."),
            Self::CostEntitled => count("bursar_cost_entitled", MONEY, "What the entitled seats and minutes cost a year."),
            Self::CostAllocated => count("bursar_cost_allocated", MONEY, "What the allocated seats cost a year."),
            Self::CostActive => count("bursar_cost_active", MONEY, "What the seats cost a year that were used within 28 days."),
            Self::CostReclaimable => count("bursar_cost_reclaimable", MONEY, "What the seats cost a year that the release rules let go."),
            Self::CostSaved => count("bursar_cost_saved", MONEY, "What releases saved in the last 365 days, by the ledger."),
            Self::CostBudget => count("bursar_cost_budget", MONEY, "The budget of a year: the setting."),
            Self::FiguresTime => seconds("bursar_figures_timestamp_seconds", SITE, "When the figures of seats by use, forecasts, capacity and cost were made."),
            Self::ReleaseEnabled => count("bursar_release_enabled", SITE, "1 where the settings release idle seats."),
            Self::ReleaseRehearsal => count("bursar_release_rehearsal", SITE, "1 where releases are rehearsals (dryRun)."),
            Self::ReleasePaused => count("bursar_release_paused", SITE, "1 while somebody has paused releases."),
            Self::ReleaseFrozen => count("bursar_release_frozen", SITE, "1 while a freeze window of the settings holds."),
            Self::ReleaseNext => seconds("bursar_release_next_run_timestamp_seconds", SITE, "The next rehearsal, or the next real run that neither a pause nor a freeze stops."),
            Self::ReleaseLast => seconds("bursar_release_last_run_timestamp_seconds", &["site", "mode"], "When the last run ended, or began where it has not. Of a rehearsal, the last real run beside it."),
            Self::ReleaseLastInfo => info("bursar_release_last_run_info", &["site", "mode", "state"], "How it ended."),
            Self::ReleaseLastSeats => count("bursar_release_last_run_seats", &["site", "mode", "type", "outcome"], "What became of the seats in it, by the ledger until now."),
            Self::ReleaseUnsettled => count("bursar_release_unsettled_seats", SITE, "Seats of which it is not known what became of them."),
            Self::Alerts => count("bursar_alerts", &["site", "state"], "Alerts that are pending, that fire, and those of the latter that are silenced. The site (bursar) is the daemon itself."),
            Self::AlertsByRule => count("bursar_alerts_by_rule", &["site", "rule", "severity", "state"], "Alerts that are pending or fire. No value where there is none."),
            Self::AlertsUnheard => count("bursar_alerts_unheard", NONE, "Groups of alerts, and real releases, that would reach nobody by the settings."),
            Self::AppState => count("bursar_monitor_app_state", &["site", "state"], "1 for the state that the License Monitor app of Qlik is in, 0 for the others."),
            Self::AppData => seconds("bursar_monitor_app_data_timestamp_seconds", SITE, "When the data of the app were loaded."),
            Self::AppFailures => count("bursar_monitor_app_failed_runs", SITE, "Reloads of the app that failed in a row."),
            Self::SenseInfo => info("bursar_qlik_sense_info", &["site", "version", "release"], "Which Qlik Sense the site runs."),
            Self::SenseSupportEnd => seconds("bursar_qlik_sense_support_end_timestamp_seconds", SITE, "The end of its last supported day, where the settings say it."),
            Self::PollLast => seconds("bursar_monitor_last_poll_timestamp_seconds", MONITOR, "When the site was asked last."),
            Self::PollSuccess => seconds("bursar_monitor_last_success_timestamp_seconds", MONITOR, "When the site was read last."),
            Self::PollNext => seconds("bursar_monitor_next_poll_timestamp_seconds", MONITOR, "When it is due next by the schedule."),
            Self::PollFailures => count("bursar_monitor_failed_polls", MONITOR, "Polls that failed in a row; 0 when the last one worked."),
            Self::Polls => counter("bursar_monitor_polls_total", &["site", "monitor", "result"], "Polls since the start of the daemon."),
            Self::PollLag => seconds("bursar_monitor_schedule_lag_seconds", MONITOR, "How long after its time the last poll began."),
            Self::PollMissed => counter("bursar_monitor_missed_ticks_total", MONITOR, "Times of the schedule that went by while a poll was under way, since the start of the daemon."),
            Self::QueueInfo => info("bursar_queue_info", &["destination", "title"], "What a person calls the destination."),
            Self::QueueEvents => count("bursar_queue_events", QUEUE, "Events that wait for their delivery."),
            Self::QueueDead => count("bursar_queue_dead_letters", QUEUE, "Events that the destination refused for good."),
            Self::QueueOldest => seconds("bursar_queue_oldest_event_timestamp_seconds", QUEUE, "When the oldest event that waits was observed."),
            Self::QueueLast => seconds("bursar_queue_last_delivery_timestamp_seconds", QUEUE, "When the destination took an event last."),
            Self::QueueFailures => count("bursar_queue_failed_attempts", QUEUE, "Deliveries that failed in a row; 0 when the last one worked."),
            Self::QueueSent => counter("bursar_queue_sent_events_total", QUEUE, "Events that the destination took, since the start of the daemon."),
            Self::QueueRetries => counter("bursar_queue_retries_total", QUEUE, "Deliveries of an event that failed and are tried again, since the start of the daemon."),
            Self::QueueRefused => counter("bursar_queue_refused_events_total", QUEUE, "Events that became dead letters, since the start of the daemon."),
            Self::QueueDropped => counter("bursar_queue_dropped_events_total", &["destination", "reason"], "Events that left undelivered, since the store is there."),
            Self::Healthy => count("bursar_healthy", NONE, "1 where /health answers 200."),
            Self::MonitorsLate => count("bursar_monitors_late", NONE, "Monitors that should have asked their site again, and did not."),
            Self::MonitorsUnread => count("bursar_monitors_unread", NONE, "Monitors that ask and learn nothing."),
            Self::SettingsInForce => count("bursar_settings_in_force", NONE, "1 where the settings file is in force as it is; 0 while it can't be used and the settings of before go on."),
            Self::SettingsSince => seconds("bursar_settings_in_force_timestamp_seconds", NONE, "Since when the settings are in force: the start, or the last reload that changed something."),
            Self::SettingsRestart => count("bursar_settings_awaiting_restart", NONE, "Settings that were changed in the file and are in force after a restart."),
            Self::SettingsInfo => info("bursar_settings_info", &["hash"], "Which settings are in force: a hash of the file and of all that it refers to."),
            Self::StoreWritable => count("bursar_store_writable", NONE, "1 where what is read can be stored."),
            Self::StoreBegunAnew => count("bursar_store_begun_anew", NONE, "1 where the store was damaged or gone and a fresh one was begun: no seat is released until a person says so."),
            Self::StoreSize => bytes("bursar_store_size_bytes", "Size of the store."),
            Self::StoreWal => bytes("bursar_store_wal_size_bytes", "Size of its write-ahead log."),
            Self::Memory => bytes("process_resident_memory_bytes", "Memory that the process has. Linux only."),
            Self::OpenFiles => count("process_open_fds", NONE, "Files that the process has open. Linux only."),
            Self::MaxFiles => count("process_max_fds", NONE, "Files that it may have open. Unix only."),
            Self::Start => seconds("process_start_time_seconds", NONE, "When the daemon started."),
            Self::BuildInfo => info("bursar_build_info", &["version"], "Which Bursar this is."),
        }
    }
}

/// The table as a page has it.
pub fn reference() -> String {
    let mut page =
        String::from("| metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n");
    for metric in Metric::ALL {
        let Family { name, kind, labels, help, .. } = metric.family();
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let row = format!("| `{name}` | {} | {} | {help} |\n", kind.word(), labels.join(", "));
        page.push_str(&row);
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_keep_to_the_conventions() {
        let mut names = HashSet::new();
        for metric in Metric::ALL {
            let Family { name, kind, unit, labels, help } = metric.family();
            assert!(names.insert(kind.bare(name)), "{name} is there twice");
            assert!(name.starts_with("bursar_") || name.starts_with("process_"), "{name}");
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(name.chars().all(plain) && labels.iter().all(|l| l.chars().all(plain)));
            assert_eq!(name.ends_with("_total"), kind == Kind::Counter, "{name}");
            assert_eq!(name.ends_with("_info"), kind == Kind::Info, "{name}");
            assert!(unit.is_empty() || kind.bare(name).ends_with(&format!("_{unit}")), "{name}");
            assert!(help.ends_with('.') && !help.contains(['\n', '\\', '|']), "{name}");
        }
    }
}
