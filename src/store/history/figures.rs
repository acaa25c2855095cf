//! Which figures of an event are kept.

use super::{SERVER_LICENSE, Sample};
use crate::event::{Body, Event};
use crate::license::Pools;
use crate::license::{LicenseState, ServerLicenseStatus};

/// The samples of an event; none for those that are no poll.
pub(super) fn of_event(event: &Event) -> Vec<Sample> {
    match &event.body {
        Body::AccessLicenseStatus(pools) => of_pools(event.time, pools),
        Body::ServerLicenseStatus(status) => of_server_license(event.time, status),
        _ => Vec::new(),
    }
}

/// A kind that the license doesn't have (`enabled` is false) is left out: its zeros mean nothing.
pub(super) fn of_pools(time: chrono::DateTime<chrono::Utc>, pools: &Pools) -> Vec<Sample> {
    let kinds = pools.figures().into_iter().filter(|kind| kind.enabled);
    kinds
        .flat_map(|kind| {
            let sample = move |(field, value): (&'static str, f64)| Sample {
                time,
                pool: kind.pool.into(),
                field: field.into(),
                value,
            };
            kind.figures.into_iter().map(sample)
        })
        .collect()
}

fn of_server_license(
    time: chrono::DateTime<chrono::Utc>,
    status: &ServerLicenseStatus,
) -> Vec<Sample> {
    let sample = |field: &'static str, value| Sample {
        time,
        pool: SERVER_LICENSE.into(),
        field: field.into(),
        value,
    };
    let mut samples = vec![sample("state", state_number(status.state))];
    if let Some(days) = status.days_until_expiry {
        samples.push(sample("days_until_expiry", days as f64));
    }
    samples
}

/// The state as a figure: 0 the worst, so that the smallest of a day is the worst of the day. The
/// numbers are in the file: they never change, and a state that is new has one between two others.
pub fn state_number(state: LicenseState) -> f64 {
    match state {
        LicenseState::None => 0.0,
        LicenseState::Blacklisted => 1.0,
        LicenseState::Invalid => 2.0,
        LicenseState::Expired => 3.0,
        LicenseState::NotStarted => 3.25,
        LicenseState::ExpiryDisputed => 3.5,
        LicenseState::StartUnreadable => 3.75,
        LicenseState::ExpiryUnreadable => 4.0,
        LicenseState::ExpiryUnknown => 5.0,
        LicenseState::Expiring => 6.0,
        LicenseState::Perpetual => 7.0,
        LicenseState::Valid => 8.0,
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::*;
    use crate::store::samples::{at, recurring, server_status};

    #[test]
    fn every_state_has_its_own_number() {
        let numbers = LicenseState::VARIANTS.iter().map(|state| state_number(*state));
        assert!(numbers.is_sorted_by(|a, b| a < b), "worst first, as the states are");
        assert_eq!(state_number(LicenseState::Valid), 8.0);
        assert_eq!(state_number(LicenseState::ExpiryUnreadable), 4.0);
    }

    #[test]
    fn the_server_license_is_kept_as_figures() {
        let mut event = server_status("a", 7);
        let names = |event: &Event| -> Vec<(String, f64)> {
            let samples = of_event(event);
            assert!(samples.iter().all(|s| s.time == at(7) && s.pool == SERVER_LICENSE));
            samples.into_iter().map(|s| (s.field.into_owned(), s.value)).collect()
        };
        assert_eq!(names(&event), [("state".to_owned(), 5.0)]);
        let Body::ServerLicenseStatus(status) = &mut event.body else { unreachable!() };
        status.days_until_expiry = Some(-3);
        status.state = LicenseState::Expired;
        assert_eq!(
            names(&event),
            [("state".to_owned(), 3.0), ("days_until_expiry".to_owned(), -3.0)]
        );
    }

    #[test]
    fn a_kind_that_the_license_does_not_have_is_left_out() {
        let mut event = recurring("a", 0);
        assert_eq!(of_event(&event), []);
        let text = include_str!(
            "../../license/samples/accesstypeoverview_professional_analyzer_capacity.json"
        );
        let pools = Pools::read(&serde_json::from_str(text).unwrap()).unwrap();
        event.body = Body::AccessLicenseStatus(pools);
        let names: Vec<_> = of_event(&event)
            .iter()
            .map(|s| format!("{} {} {}", s.pool, s.field, s.value))
            .collect();
        insta::assert_snapshot!(names.join("\n"), @r"
        analyzer allocated 4
        analyzer available 21
        analyzer excess 0
        analyzer quarantined 0
        analyzer total 25
        analyzer used 0
        professional allocated 5
        professional available 20
        professional excess 0
        professional quarantined 0
        professional total 25
        professional used 0
        analyzer_capacity allocated_minutes 700
        analyzer_capacity unavailable_minutes 0
        analyzer_capacity used_minutes 0
        ");
    }
}
