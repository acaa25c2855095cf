//! Who came back: of released seats, how many the same person has again within so many days.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::money::Money;

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

    /// How many of those who lose a seat come back, by the longest time of [`WITHIN_DAYS`] that is over for enough of them.
    /// `None` where it is for too few.
    pub fn coming_back(&self) -> Option<ComingBack> {
        let known = self.within().into_iter().zip(WITHIN_DAYS).rev();
        let mut enough = known.filter(|(within, _)| within.of >= FEWEST);
        enough.next().map(|(Within { back, of }, within_days)| ComingBack { back, of, within_days })
    }

    pub fn within(&self) -> [Within; 3] {
        [self.within_14_days, self.within_30_days, self.within_90_days]
    }
}

/// Fewer releases say nothing of who comes back.
pub const FEWEST: u32 = 10;

/// Of so many released seats, how many the same person had again within so many days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComingBack {
    pub back: u32,
    /// Not zero.
    pub of: u32,
    pub within_days: i64,
}

impl ComingBack {
    /// So many of these seats are taken again, if as many people come back as did: whole seats, at the most.
    pub fn of(self, seats: u32) -> u32 {
        let back = (u64::from(seats) * u64::from(self.back)).div_ceil(u64::from(self.of.max(1)));
        u32::try_from(back).unwrap_or(u32::MAX).min(seats)
    }
}

/// What is saved in a year by releasing what is reclaimable: less where people come back and take a seat again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CouldBeSaved {
    /// Reclaimable seats, and how many of them nobody has again if as many come back as did.
    pub seats: u32,
    pub seats_low: Option<u32>,
    /// If as many come back as did; absent where too few were released to say.
    pub low: Option<Money>,
    /// If nobody comes back.
    pub high: Money,
    /// What was seen of the releases of the last 365 days; absent as above.
    pub coming_back: Option<ComingBack>,
    /// Seats that were released in these days.
    pub released: u32,
}

/// `types`: reclaimable seats, and a year's price of one; `seen`: of the releases of the last 365 days. `None` without types.
pub fn could_be_saved(types: &[(u32, Money)], seen: &Returned) -> Option<CouldBeSaved> {
    let coming_back = seen.coming_back();
    let amount = |left: &dyn Fn(u32) -> u32| {
        super::money::sum(types.iter().map(|(seats, price)| price.times(left(*seats))))
    };
    let kept = coming_back.map(|of| move |seats: u32| seats - of.of(seats));
    Some(CouldBeSaved {
        seats: types.iter().map(|(seats, _)| seats).sum(),
        seats_low: kept.map(|kept| types.iter().map(|(seats, _)| kept(*seats)).sum()),
        low: kept.and_then(|kept| amount(&kept)),
        high: amount(&|seats| seats)?,
        coming_back,
        released: seen.released,
    })
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

    #[test]
    fn what_could_be_saved_counts_with_those_who_come_back() {
        use super::super::money::Currency;
        let money = |amount: i64| Money::new(amount.into(), Currency::parse("EUR").unwrap());
        let seen = |back, of| Returned {
            released: of,
            within_14_days: Within { back: back / 2, of },
            within_30_days: Within { back, of },
            within_90_days: Within { back, of: of - 9 },
            so_far: back,
        };
        let types = [(21, money(100)), (0, money(1_000))];
        // 3 of 10 within 90 days: 6.3 of 21, so 7 seats are taken again.
        let found = could_be_saved(&types, &seen(3, 19)).unwrap();
        let known = ComingBack { back: 3, of: 10, within_days: 90 };
        assert_eq!(found.coming_back, Some(known));
        assert_eq!((found.seats, found.seats_low), (21, Some(14)));
        assert_eq!((found.low, found.high), (Some(money(1_400)), money(2_100)));
        // Of nine nobody knows within 90 days, but of all 18 within 30.
        let sooner = could_be_saved(&types, &seen(9, 18)).unwrap();
        assert_eq!(sooner.coming_back.unwrap().within_days, 30);
        assert_eq!(sooner.low, Some(money(1_000)));
        // Nine releases say nothing.
        let few = could_be_saved(&types, &seen(3, 9)).unwrap();
        assert_eq!((few.low, few.high, few.released), (None, money(2_100), 9));
        // All of them.
        assert_eq!(ComingBack { back: 12, of: 12, within_days: 14 }.of(5), 5);
        assert_eq!(could_be_saved(&[], &seen(3, 19)), None);
    }
}
