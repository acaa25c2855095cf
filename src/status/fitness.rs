//! Whether the daemon does its work, as load balancers and containers ask.

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::Settings;
use crate::event::Monitor;
use crate::release::next::next_start;
use crate::store::Health;

/// What of the work isn't done. Nothing: it is well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fitness {
    /// Monitors that should have asked their site again, and did not: a restart may help.
    pub late: Vec<String>,
    /// Monitors that ask and learn nothing, each with why: a restart would not help.
    pub unread: Vec<String>,
}

impl Fitness {
    /// By the last polls of a daemon that started at `since`; without that, what was never polled is late.
    pub fn of(
        settings: &Settings,
        health: &[Health],
        since: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        let mut fitness = Self::default();
        for site in &settings.sites {
            for watch in site.watches() {
                let known =
                    health.iter().find(|h| h.site == site.name && h.monitor == watch.monitor);
                let is_release = watch.monitor == Monitor::Release;
                // The first run of releases may be far away, and of a site that is left out nothing is
                // released.
                if is_release && (known.is_none() || site.connection.missing.is_some()) {
                    continue;
                }
                let name = format!("{} of {}", watch.monitor.as_str(), site.name);
                let tick = |after| watch.schedule.next_after(after, settings.time_zone);
                let next = |after| match is_release {
                    true => next_start(&site.release, tick, after),
                    false => tick(after),
                };
                let is_over = |last: Option<DateTime<Utc>>| match last.max(since) {
                    Some(last) => is_late(next, last, now),
                    None => true,
                };
                if is_over(known.map(|known| known.last_poll)) {
                    fitness.late.push(name);
                } else if !is_release && is_over(known.and_then(|known| known.last_success)) {
                    let problem = known.and_then(Health::problem);
                    let why = problem.map_or("unknown", |problem| problem.code.as_str());
                    fitness.unread.push(format!("{name} ({why})"));
                }
            }
        }
        fitness
    }

    /// In a line. `healthy` is the whole of it when nothing is wrong.
    pub fn line(&self) -> String {
        match (self.late.as_slice(), self.unread.as_slice()) {
            ([], []) => "healthy".to_owned(),
            ([], unread) => format!("degraded: nothing is read by {}", unread.join(", ")),
            (late, _) => format!("late: {}", late.join(", ")),
        }
    }
}

/// Two ticks and five minutes after the last one there should have been another.
fn is_late(
    next: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>,
    last: DateTime<Utc>,
    now: DateTime<Utc>,
) -> bool {
    next(last).and_then(next).is_some_and(|second| now > second + TimeDelta::minutes(5))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{DEFAULT_SITE, FixedEnvironment, load_text};
    use crate::store::PollError;

    const FILE: &str = "Butler:
  configQRS: {host: q, headers: {static: [{name: X-Qlik-User, value: UserDirectory=A; UserId=b}]}}
  cert: {clientCert: a, clientCertKey: b, clientCertCA: c}
  qlikSenseLicense:
    licenseMonitor: {enable: true, frequency: every 6 hours}
    seatMonitor: {enable: false}
";

    fn at(time: &str) -> DateTime<Utc> {
        format!("2026-01-15T{time}Z").parse().unwrap()
    }

    fn settings() -> Settings {
        let loaded = load_text(FILE, Path::new("x.yaml"), &FixedEnvironment::default());
        loaded.unwrap_or_else(|problems| panic!("{problems}")).settings
    }

    #[test]
    fn late_is_two_ticks_and_a_while() {
        let schedule = crate::schedule::Schedule::parse("every 6 hours").unwrap();
        let next = |after| schedule.next_after(after, chrono_tz::Tz::UTC);
        for (now, expected) in [("12:00:00", false), ("12:05:00", false), ("12:05:01", true)] {
            assert_eq!(is_late(next, at("05:00:00"), at(now)), expected, "{now}");
        }
    }

    #[test]
    fn what_was_never_asked_is_late_after_two_ticks_and_a_while() {
        let settings = settings();
        let of = |since, now| Fitness::of(&settings, &[], since, at(now)).line();
        assert_eq!(of(Some(at("05:00:00")), "12:05:00"), "healthy");
        assert_eq!(of(Some(at("05:00:00")), "12:05:01"), "late: access licenses of default");
        assert_eq!(of(None, "05:00:00"), "late: access licenses of default");
    }

    /// Ticks outside of the allowed hours start nothing.
    #[test]
    fn a_release_is_late_by_the_ticks_at_which_it_may_start() {
        let text = format!(
            "{FILE}    licenseRelease: {{enable: true, dryRun: false, frequency: at 05:00, \
             licenseKeyShared: false, allowedHours: [{{days: [weekdays], from: '20:00', to: \
             '06:00'}}], licenseType: {{analyzer: {{enable: true}}}}}}\n"
        );
        let loaded = load_text(&text, Path::new("x.yaml"), &FixedEnvironment::default());
        let mut settings = loaded.unwrap_or_else(|problems| panic!("{problems}")).settings;
        settings.sites[0].access_license = None;
        settings.sites[0].server_license = None;
        let day = |day: &str, time: &str| format!("2026-01-{day}T{time}Z").parse().unwrap();
        let ran = Health {
            site: DEFAULT_SITE.to_owned(),
            monitor: Monitor::Release,
            // A Saturday: the night that began on Friday.
            last_poll: day("10", "05:00:09"),
            last_success: None,
            failures: 0,
            last_error: None,
        };
        let of = |settings: &Settings, now| {
            Fitness::of(settings, std::slice::from_ref(&ran), Some(day("01", "00:00:00")), now)
                .line()
        };
        assert_eq!(of(&settings, day("12", "18:00:00")), "healthy", "Sunday and Monday start none");
        assert_eq!(of(&settings, day("14", "05:05:00")), "healthy");
        assert_eq!(of(&settings, day("14", "05:05:01")), "late: release of default");
        settings.sites[0].connection.missing = Some("the certificate".into());
        assert_eq!(of(&settings, day("20", "00:00:00")), "healthy", "nothing is released there");
    }

    #[test]
    fn what_is_asked_and_never_read_is_told_with_its_reason() {
        let settings = settings();
        let polled = |last_poll, last_success| Health {
            site: DEFAULT_SITE.to_owned(),
            monitor: Monitor::AccessLicense,
            last_poll,
            last_success,
            failures: 7,
            last_error: Some(PollError { code: "forbidden".to_owned(), text: "words".to_owned() }),
        };
        let of = |last_success, now| {
            let health = [polled(at("12:01:00"), last_success)];
            Fitness::of(&settings, &health, Some(at("05:00:00")), at(now)).line()
        };
        assert_eq!(of(None, "12:04:00"), "healthy", "within the first two ticks");
        let told = "degraded: nothing is read by access licenses of default (forbidden)";
        assert_eq!(of(None, "12:06:00"), told);
        assert_eq!(of(Some(at("04:00:00")), "12:06:00"), told, "read before the start only");
        assert_eq!(of(Some(at("06:00:00")), "12:06:00"), "healthy");
    }
}
