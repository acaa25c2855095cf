//! When the free seats run out: a range that holds 80 % of what may come, never a single date.

use chrono::NaiveDate;
use serde::Serialize;

use super::backtest::{self, BackTest, Stretch};
use super::growth::{Growth, History, Joined, Model, Z80};
use super::models::Kind;
use super::passage::{Ahead, Change};
use super::steps::Steps;
use super::{DAYS_PER_MONTH, NotEnough, Unit, days_after, holt, or_why, ranked};

/// How far ahead a forecast looks: 10 years.
pub const LONGEST_DAYS: i64 = 3_652;

/// Growth is not known to the day: a range is at least a week.
const SHORTEST_DAYS: i64 = 6;

/// When something happens: between two days, either of which may be beyond ten years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum RunsOut {
    /// Nothing is free on the day of the question.
    Already,
    /// `latest` is absent when it may well take more than ten years.
    Between {
        /// In 10 of 100 cases before it.
        earliest: NaiveDate,
        /// In 90 of 100 cases up to it.
        latest: Option<NaiveDate>,
        /// In one of two cases up to it; absent beyond ten years.
        median: Option<NaiveDate>,
        /// Of 100 cases, in how many within ten years.
        within_ten_years_percent: u8,
    },
    NotWithinTenYears,
}

/// Seats that are bought on a day, beside all that is entitled then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bought {
    pub seats: u32,
    pub on: NaiveDate,
}

impl Bought {
    fn by(self, day: NaiveDate) -> f64 {
        if self.on <= day { f64::from(self.seats) } else { 0.0 }
    }
}

/// Of 100 cases, in how many the seats run out before those that are bought are there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShortBefore {
    pub percent: f64,
    pub percent_after_release: f64,
}

/// The answer for one type of seats.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    pub today: NaiveDate,
    /// The last day with data: what the forecast starts from.
    pub as_of: NaiveDate,
    pub entitled: f64,
    pub taken: f64,
    pub free: f64,
    /// What the forecast is made with: the one that did best on the past.
    pub model: Kind,
    pub growth: Growth,
    /// How long the free seats last at exactly the middle of the growth: for a phrase like "about 27
    /// months", beside the range. Absent without growth.
    pub months_at_growth: Option<f64>,
    pub runs_out: RunsOut,
    /// Seats that could be released now.
    pub reclaimable: u32,
    /// When all of them are released today.
    pub runs_out_after_release: RunsOut,
    /// Growth that fades, whichever model was chosen.
    #[serde(serialize_with = "or_why")]
    pub second_opinion: Result<SecondOpinion, NotEnough>,
    #[serde(serialize_with = "or_why")]
    pub error: Result<BackTest, NotEnough>,
    /// What is assumed to be bought: what runs out does so from that day on. The figures of now are
    /// without it.
    pub bought: Option<Bought>,
    /// Absent without a purchase to come.
    pub short_before: Option<ShortBefore>,
    #[serde(skip)]
    lines: Ahead,
}

/// What a damped trend says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecondOpinion {
    /// Of the next month; it fades after.
    pub per_month: f64,
    pub runs_out: RunsOut,
    pub runs_out_after_release: RunsOut,
}

/// A day of the future.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outlook {
    pub day: NaiveDate,
    pub low: f64,
    pub middle: f64,
    pub high: f64,
}

/// Forecasts from the last day with data up to today. `reclaimable` seats could be released now.
///
/// # Errors
/// Less than eight weeks of data, or no entitled total.
pub fn forecast(
    history: &History<'_>,
    reclaimable: u32,
    today: NaiveDate,
) -> Result<Forecast, NotEnough> {
    forecast_if(history, reclaimable, None, today)
}

/// The same if so many seats were bought, today or later.
///
/// # Errors
/// As [`forecast`].
pub fn forecast_if(
    history: &History<'_>,
    reclaimable: u32,
    bought: Option<Bought>,
    today: NaiveDate,
) -> Result<Forecast, NotEnough> {
    let joined = Joined::new(history);
    let joints = joined.until(today);
    let model = Model::fit(joints)?;
    let days = history.series.between(NaiveDate::MIN, today);
    let nothing = NotEnough { have: 0, need: 1, unit: Unit::Totals };
    let entitled = history.entitled.on(today).ok_or(nothing)?;
    let last = days.last().ok_or(nothing)?;
    let steps = Steps::new(joints, model.slope);
    let choice = backtest::choose(&steps);
    let widened = choice.test.as_ref().map_or(1.0, |test| test.widened.max(1.0));
    let growth = model.growth(joints, history, widened);
    let stretch = choice.test.as_ref().map_or_else(|_| Stretch::none(), |t| t.stretch.clone());
    let start = joints.last().map_or(last.last, |joint| joint.level);
    let ahead = |kind, stretch| Ahead::new(kind, &steps, start, stretch);
    let free = entitled - last.last;
    let release = f64::from(reclaimable);
    let too_few = |have: usize| NotEnough {
        have: u32::try_from(have).unwrap_or(u32::MAX),
        need: holt::FEWEST,
        unit: Unit::Weeks,
    };
    let lines = ahead(choice.kind, stretch.clone()).ok_or(too_few(steps.known()))?;
    let asked = Asked { history, taken: last.last, release, start: last.day, today, bought };
    let when = |ahead: &Ahead| asked.runs_out(ahead);
    let [out, after_release] = when(&lines);
    let damped = if choice.kind == Kind::Damped {
        Some((lines.clone(), [out, after_release]))
    } else {
        ahead(Kind::Damped, stretch).map(|damped| (damped.clone(), when(&damped)))
    };
    let second_opinion = damped.map(|(damped, [runs_out, runs_out_after_release])| SecondOpinion {
        per_month: damped.change(DAYS_PER_MONTH).0,
        runs_out,
        runs_out_after_release,
    });
    let second_opinion = second_opinion.ok_or(too_few(steps.known()));
    Ok(Forecast {
        today,
        as_of: last.day,
        entitled,
        taken: last.last,
        free,
        model: choice.kind,
        months_at_growth: months(
            free + bought.map_or(0.0, |bought| f64::from(bought.seats)),
            growth.per_month.middle,
        ),
        runs_out: out,
        reclaimable,
        runs_out_after_release: after_release,
        second_opinion,
        error: choice.test,
        growth,
        bought,
        short_before: asked.short_before(&lines),
        lines,
    })
}

/// How many months so many seats last at a growth; `None` when there is none.
pub fn months(free: f64, per_month: f64) -> Option<f64> {
    let months = free.max(0.0) / per_month;
    (per_month > 0.0 && months.is_finite()).then_some(months)
}

impl Forecast {
    /// With the free seats as the site counts them: those in quarantine are neither taken nor free.
    pub fn with_free(mut self, free: f64) -> Self {
        self.free = free;
        let bought = self.bought.map_or(0.0, |bought| f64::from(bought.seats));
        self.months_at_growth = months(free + bought, self.growth.per_month.middle);
        let released = f64::from(self.reclaimable);
        if let Some(before) = &mut self.short_before {
            // What runs out does so after the purchase.
            if free <= 0.0 {
                before.percent = 100.0;
            }
            if free + released <= 0.0 {
                before.percent_after_release = 100.0;
            }
            return self;
        }
        if free + bought <= 0.0 {
            self.runs_out = RunsOut::Already;
        }
        if free + bought + released <= 0.0 {
            self.runs_out_after_release = RunsOut::Already;
        }
        self
    }
}

/// Seats that people want on a day to come, by one of the drawn paths. Not below zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Demand {
    /// As usual for the day.
    pub(super) usual: f64,
    /// On the highest day of its step: what seats run out by.
    pub(super) highest: f64,
}

impl Forecast {
    /// Seats that are neither taken nor free can't be given to anybody: those in quarantine.
    pub(super) fn held(&self) -> f64 {
        (self.entitled - self.taken - self.free).max(0.0)
    }

    /// Every path that is drawn, from a day to come to another: those that say when the seats run out.
    pub(super) fn demand(&self, (first, last): (NaiveDate, NaiveDate)) -> Vec<Vec<Demand>> {
        let ahead = |day: NaiveDate| (day - self.as_of).num_days().clamp(0, 2 * LONGEST_DAYS);
        let seats = |change: f64| (self.taken + change).max(0.0);
        let paths = self.lines.changes((ahead(first), ahead(last))).into_iter().map(|path| {
            let demand = |change: &Change| Demand {
                usual: seats(change.usual),
                highest: seats(change.highest),
            };
            path.iter().map(demand).collect()
        });
        paths.collect()
    }
}

/// Whole seats that are needed at the most on the days up to one, those in quarantine with them: in 10, 50 and 90 of 100
/// cases no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Needed {
    /// The last of the days.
    pub until: NaiveDate,
    pub low: u64,
    pub middle: u64,
    pub high: u64,
}

impl Forecast {
    /// In the same paths that say when the seats run out, from tomorrow on.
    pub fn needed(&self, days: i64) -> Needed {
        let until = days_after(self.today, days.max(1));
        let paths = self.demand((days_after(self.today, 1), until));
        let highest = |path: &Vec<Demand>| path.iter().map(|day| day.highest).fold(0.0, f64::max);
        let mut all: Vec<f64> = paths.iter().map(highest).collect();
        all.sort_unstable_by(f64::total_cmp);
        // What is a millionth of a seat more needs none.
        let whole = |seats: f64| (seats + self.held() - 1e-6).ceil().max(0.0) as u64;
        let [low, middle, high] = [10, 50, 90].map(|percent| whole(*ranked(&all, percent)));
        Needed { until, low, middle, high }
    }
}

impl RunsOut {
    /// The first day on which the seats may run out; `None` beyond ten years.
    pub fn earliest(&self, today: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Already => Some(today),
            Self::Between { earliest, .. } => Some(*earliest),
            Self::NotWithinTenYears => None,
        }
    }

    /// The day by which they will have run out, with the range's certainty; `None` beyond ten years.
    pub fn latest(&self, today: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Already => Some(today),
            Self::Between { latest, .. } => *latest,
            Self::NotWithinTenYears => None,
        }
    }
}

impl Forecast {
    /// Seats taken on a day to come, with their 80 % range. Not below zero.
    pub fn outlook(&self, day: NaiveDate) -> Outlook {
        let days = (day - self.as_of).num_days().clamp(0, LONGEST_DAYS) as f64;
        let (middle, spread) = self.lines.change(days);
        let half = Z80 * spread;
        let seats = |change: f64| (self.taken + change).max(0.0);
        Outlook {
            day,
            low: seats(middle - half),
            middle: seats(middle),
            high: seats(middle + half),
        }
    }
}

/// What is asked of the paths.
struct Asked<'a> {
    history: &'a History<'a>,
    taken: f64,
    release: f64,
    /// The last day with data.
    start: NaiveDate,
    today: NaiveDate,
    bought: Option<Bought>,
}

impl Asked<'_> {
    /// Days since the last one with data.
    fn waited(&self) -> i64 {
        (self.today - self.start).num_days().clamp(0, LONGEST_DAYS)
    }

    /// The day before the purchase; `None` when there is none to come.
    fn before_purchase(&self) -> Option<i64> {
        let on = self.bought.map(|bought| bought.on).filter(|on| *on > self.today)?;
        Some(self.waited() + (on - self.today).num_days().min(LONGEST_DAYS) - 1)
    }

    fn total(&self, day: NaiveDate) -> Option<f64> {
        Some(self.history.entitled.on(day)? + self.bought.map_or(0.0, |bought| bought.by(day)))
    }

    /// For each path the first day after one of two, without and with release.
    fn passages(&self, ahead: &Ahead, days: (i64, i64)) -> [Vec<Option<i64>>; 2] {
        let needed = |day: i64| Some(self.total(days_after(self.start, day))? - self.taken);
        ahead.passages(days, &needed, self.release)
    }

    fn is_out(&self, released: f64) -> bool {
        self.total(self.today).is_some_and(|total| self.taken - released >= total)
    }

    /// Without and with so many seats released: of all paths that may come, the days by which a tenth,
    /// half and nine tenths have reached the total.
    fn runs_out(&self, ahead: &Ahead) -> [RunsOut; 2] {
        let waited = self.waited();
        let purchase = self.before_purchase();
        let from = purchase.unwrap_or(waited);
        let [without, with] = self.passages(ahead, (from, waited + LONGEST_DAYS));
        [(without, 0.0), (with, self.release)].map(|(passages, released)| {
            if purchase.is_none() && self.is_out(released) {
                return RunsOut::Already;
            }
            range(passages, waited, self.today)
        })
    }

    fn short_before(&self, ahead: &Ahead) -> Option<ShortBefore> {
        let before = self.before_purchase()?;
        let [without, with] = self.passages(ahead, (self.waited(), before));
        let percent = |passages: Vec<Option<i64>>, released: f64| {
            if self.is_out(released) {
                return 100.0;
            }
            passages.iter().flatten().count() as f64 * 100.0 / passages.len() as f64
        };
        Some(ShortBefore {
            percent: percent(without, 0.0),
            percent_after_release: percent(with, self.release),
        })
    }
}

fn range(mut passages: Vec<Option<i64>>, waited: i64, today: NaiveDate) -> RunsOut {
    passages.sort_unstable_by_key(|day| day.unwrap_or(i64::MAX));
    let at = |percent: usize| {
        let rank = (passages.len() * percent).div_ceil(100).max(1) - 1;
        passages[rank].map(|day| day - waited)
    };
    let Some(mut earliest) = at(10) else { return RunsOut::NotWithinTenYears };
    let mut latest = at(90);
    if let Some(latest) = &mut latest {
        let short = SHORTEST_DAYS - (*latest - earliest);
        if short > 0 {
            earliest = (earliest - short / 2).max(0);
            *latest = earliest + SHORTEST_DAYS;
        }
    }
    let crossed = passages.iter().flatten().count() * 100 / passages.len();
    RunsOut::Between {
        earliest: days_after(today, earliest),
        latest: latest.map(|latest| days_after(today, latest)),
        median: at(50).map(|median| days_after(today, median)),
        within_ten_years_percent: u8::try_from(crossed).unwrap_or(100),
    }
}
