//! Who came back: of released seats, how many the same person has again within so many days.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

/// A return is counted within so many days.
pub const WITHIN_DAYS: [i64; 3] = [14, 30, 90];

/// Whether a return so long after the release is one within so many days.
pub fn is_within(away: TimeDelta, days: i64) -> bool {
    away <= TimeDelta::days(days)
}

/// A seat that was released, and when its person had one of the type again, if they did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    pub from: DateTime<Utc>,
    pub until: Option<DateTime<Utc>>,
}

/// Released seats, and how many of them came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Returned {
    pub released: u32,
    pub within_14_days: Within,
    pub within_30_days: Within,
    pub within_90_days: Within,
    /// At whatever time up to now.
    pub so_far: u32,
}

/// Returns within so many days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Within {
    pub back: u32,
    /// Of so many whose days are over: who came back sooner counts from then on, or the share would be too large.
    pub of: u32,
}

impl Within {
    /// Absent where it is known of nobody yet.
    pub fn percent(self) -> Option<f64> {
        (self.of > 0).then(|| f64::from(self.back) / f64::from(self.of) * 100.0)
    }
}

impl Returned {
    /// Of seats that were released up to `now`; what comes later isn't known.
    pub fn of(seats: impl Iterator<Item = Away>, now: DateTime<Utc>) -> Self {
        let (mut released, mut so_far) = (0_u32, 0_u32);
        let mut within = [Within::default(); 3];
        for Away { from, until } in seats.filter(|away| away.from <= now) {
            let until = until.filter(|until| *until <= now);
            released += 1;
            so_far += u32::from(until.is_some());
            for (count, days) in within.iter_mut().zip(WITHIN_DAYS) {
                if now - from < TimeDelta::days(days) {
                    continue;
                }
                count.of += 1;
                count.back += u32::from(until.is_some_and(|until| is_within(until - from, days)));
            }
        }
        let [within_14_days, within_30_days, within_90_days] = within;
        Self { released, within_14_days, within_30_days, within_90_days, so_far }
    }

    pub fn within(&self) -> [Within; 3] {
        [self.within_14_days, self.within_30_days, self.within_90_days]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_still_come_back_is_in_no_share() {
        let now: DateTime<Utc> = "2026-11-24T12:00:00Z".parse().unwrap();
        let away = |from: i64, until: Option<i64>| Away {
            from: now - TimeDelta::days(from),
            until: until.map(|days| now - TimeDelta::days(days)),
        };
        // Back after 14 and after 15 days, not back for 100 and for 20 days, back after a day, and one of tomorrow.
        let all = [
            away(100, Some(86)),
            away(100, Some(85)),
            away(100, None),
            away(20, None),
            away(2, Some(1)),
            away(-1, None),
        ];
        let found = Returned::of(all.into_iter(), now);
        let within = |back, of| Within { back, of };
        assert_eq!((found.released, found.so_far), (5, 3));
        assert_eq!(found.within(), [within(1, 4), within(2, 3), within(2, 3)]);
        assert_eq!(Within::default().percent(), None);
    }
}
