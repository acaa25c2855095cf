//! Who had the seats of a kind, from when to when, and why they lost them: each given and lost on a day of
//! its own, so that the count follows its line, and the last ones are those that the site shows.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc, Weekday};
use fastrand::Rng;

use super::{CleanUp, End, Life, Loss, Person, months_between, start_of};
use crate::simulator::generate::Generator;
use crate::simulator::people::{Seat, SeatKind, User};
use crate::simulator::scenario::Population;
use crate::simulator::site::Site;
use crate::simulator::wire::{id_from, named_id};

/// So long before the end nobody is deleted or loses a seat, but those whose quarantine is not over.
const CALM: u64 = 8;
/// Working days of a month.
const WORKING_DAYS: f64 = 21.7;
/// Tag of those whose seats are never released.
const KEPT_TAG: &str = "License do not release";

/// What the seats of a kind had to go through.
pub(super) struct Course<'a> {
    pub(super) kind: SeatKind,
    pub(super) end: DateTime<Utc>,
    pub(super) first: NaiveDate,
    pub(super) per_month: f64,
    /// A month, clean-ups aside.
    pub(super) losses: f64,
    pub(super) clean_ups: &'a [CleanUp],
    /// Nobody gives or takes seats on these days.
    pub(super) gap: (NaiveDate, NaiveDate),
    /// Of those who lost their seat in a clean-up, so many get one again.
    pub(super) returns: usize,
}

/// A seat before it is known which one of the site's it is.
#[derive(Clone)]
struct Draft {
    given: DateTime<Utc>,
    end: Option<End>,
    /// The present seat in quarantine that it is.
    in_quarantine: Option<usize>,
    /// Of somebody who lost another one of these in a clean-up.
    again: Option<usize>,
}

/// The seats of a kind of a site as it is at the end, and those that were before them.
pub(super) fn lives(course: &Course<'_>, site: &Site, rng: &mut Rng) -> Vec<Life> {
    let of_kind = || site.seats.iter().filter(|seat| seat.kind == course.kind);
    let held: Vec<&Seat> = of_kind().filter(|seat| seat.quarantined_until.is_none()).collect();
    let quarantined: Vec<(&Seat, DateTime<Utc>)> = of_kind()
        .filter_map(|seat| Some((seat, seat.quarantined_until? - super::QUARANTINE)))
        .collect();
    let withdrawn: Vec<DateTime<Utc>> = quarantined.iter().map(|(_, time)| *time).collect();
    let drafts =
        Drafting { course, count: held.len(), withdrawn, drafts: Vec::new(), alive: vec![] }
            .run(rng);
    let mut people = Generator::new(rng.u64(..));
    let made_up = Population::default();
    let mut lives: Vec<Life> = drafts
        .iter()
        .enumerate()
        .map(|(n, draft)| {
            let user = people.user(&made_up, course.end);
            let number = named_id(course.kind.route(), &format!("former {n}"));
            let rest = rng.f64();
            let last_used = draft.end.map(|end| {
                let latest = end.time - idle_before(end.why, rest);
                latest.max(draft.given + TimeDelta::hours(1))
            });
            Life {
                seat: number,
                kind: course.kind,
                person: Person { user_id: format!("{}x", user.user_id), ..person(&user) },
                given: draft.given,
                last_used,
                end: draft.end,
                returned: draft.again.is_some(),
            }
        })
        .collect();
    for (n, draft) in drafts.iter().enumerate() {
        if let (Some(place), Some(end)) = (draft.in_quarantine, draft.end) {
            let seat = quarantined[place].0;
            let used = end.time - TimeDelta::minutes((rng.f64() * 4_000.0) as i64);
            lives[n].is_now(seat, site, Some(used.max(draft.given)));
        }
    }
    place(course, site, &held, &drafts, &mut lives, rng);
    for (n, draft) in drafts.iter().enumerate() {
        if let Some(before) = draft.again {
            let now = lives[n].person.clone();
            let is_first = drafts[..n].iter().all(|other| other.again.is_none());
            lives[before].person = if is_first { moved(now) } else { now };
        }
    }
    lives
}

/// How long a seat was not used when it was lost.
fn idle_before(why: Loss, rest: f64) -> TimeDelta {
    match why {
        // Due under the rules of then, and used after it was given.
        Loss::Released { .. } => TimeDelta::minutes(90 * 1_440 + (rest * 144_000.0) as i64),
        // Within seven days of a use a seat goes to quarantine.
        Loss::Withdrawn => TimeDelta::minutes((rest * 8_640.0) as i64),
        Loss::Deleted => TimeDelta::minutes((rest * 86_400.0) as i64),
    }
}

/// As they were called, and where they were, before they moved to another directory.
fn moved(now: Person) -> Person {
    let directory = if now.directory == "PARTNER" { "LAB" } else { "PARTNER" };
    Person { directory: directory.to_owned(), ..now }
}

fn person(user: &User) -> Person {
    Person {
        id: user.id,
        directory: user.directory.clone(),
        user_id: user.user_id.clone(),
        name: user.name.clone(),
    }
}

impl Life {
    /// It is this one of the site's seats.
    fn is_now(&mut self, seat: &Seat, site: &Site, last_used: Option<DateTime<Utc>>) {
        let user = seat.user_place.and_then(|place| site.users.at(place));
        self.seat = seat.id;
        self.last_used = last_used;
        if let Some(user) = user {
            self.person = person(user);
        }
    }
}

/// Says which of the drafts that nobody lost is which of the seats that are held.
fn place(
    course: &Course<'_>,
    site: &Site,
    held: &[&Seat],
    drafts: &[Draft],
    lives: &mut [Life],
    rng: &mut Rng,
) {
    // Whoever was idle for longer lost the seat in the last clean-up.
    let floor = course.clean_ups.iter().map(|clean_up| clean_up.time).max();
    let floor = floor.map_or(DateTime::UNIX_EPOCH, |time| time - TimeDelta::days(89));
    let mut open: Vec<usize> = (0..drafts.len()).filter(|n| drafts[*n].end.is_none()).collect();
    open.sort_by_key(|n| drafts[*n].given);
    let mut rest: Vec<(&Seat, Option<DateTime<Utc>>)> = Vec::new();
    let mut never = Vec::new();
    for seat in held {
        let user = seat.user_place.and_then(|place| site.users.at(place));
        let kept = user.is_some_and(|user| user.tags.iter().any(|tag| tag == KEPT_TAG));
        match seat.last_used {
            None if !kept => never.push(*seat),
            Some(used) if used < floor && !kept => {
                let idle = (course.end - TimeDelta::days(30) - floor).num_minutes();
                let used = floor + TimeDelta::minutes((rng.f64() * idle as f64) as i64);
                rest.push((seat, Some(used)));
            }
            used => rest.push((seat, used)),
        }
    }
    let mut settle = |n: usize, seat: &Seat, used: Option<DateTime<Utc>>| {
        // Used since it was given, or never.
        let used = used.map(|used| used.max(drafts[n].given + TimeDelta::minutes(10)));
        lives[n].is_now(seat, site, used.map(|used| used.min(course.end)));
    };
    // Those who came back do come.
    for n in open.clone().into_iter().filter(|n| drafts[*n].again.is_some()) {
        let regular = |(_, used): &(&Seat, Option<DateTime<Utc>>)| {
            used.is_some_and(|used| course.end - used < TimeDelta::days(10))
        };
        if let Some(at) = rest.iter().position(regular) {
            let (seat, used) = rest.swap_remove(at);
            settle(n, seat, used);
            open.retain(|other| *other != n);
        }
    }
    for seat in never {
        let from = open.partition_point(|n| drafts[*n].given <= floor).min(open.len() - 1);
        let n = open.remove(rng.usize(from..open.len()));
        settle(n, seat, None);
    }
    // Each was given before its last use: the longest idle ones have the least to choose from.
    rest.sort_by_key(|(seat, used)| (used.unwrap_or(course.end), seat.id));
    for (seat, used) in rest {
        let before = open.partition_point(|n| drafts[*n].given <= used.unwrap_or(course.end));
        let n = open.remove(rng.usize(..before.max(1)));
        settle(n, seat, used);
    }
}

struct Drafting<'a> {
    course: &'a Course<'a>,
    /// Held at the end.
    count: usize,
    withdrawn: Vec<DateTime<Utc>>,
    drafts: Vec<Draft>,
    alive: Vec<usize>,
}

impl Drafting<'_> {
    fn run(mut self, rng: &mut Rng) -> Vec<Draft> {
        let course = self.course;
        let last = course.end.date_naive();
        for _ in 0..self.line(start_of(course.first)).round() as usize {
            let before = TimeDelta::minutes(((1.0 + rng.f64() * 900.0) * 1_440.0) as i64);
            self.give(start_of(course.first) - before, None);
        }
        let (mut wobble, mut to_return) = (0.0, Vec::new());
        for day in course.first.iter_days().take_while(|day| *day <= last) {
            for (number, clean_up) in course.clean_ups.iter().enumerate() {
                if clean_up.time.date_naive() == day {
                    to_return = self.clean_up(number, clean_up, rng);
                }
            }
            for place in 0..self.withdrawn.len() {
                let time = self.withdrawn[place];
                if time.date_naive() == day
                    && let Some(n) = self.lose(End { time, why: Loss::Withdrawn }, 3, rng)
                {
                    self.drafts[n].in_quarantine = Some(place);
                }
            }
            let (from, to) = course.gap;
            let rests =
                matches!(day.weekday(), Weekday::Sat | Weekday::Sun) || (from..=to).contains(&day);
            if rests && day != last {
                continue;
            }
            wobble = wobble * 0.9 + (rng.f64() + rng.f64() - 1.0) * self.count as f64 * 0.002;
            let left = (last - day).num_days() as f64;
            let evening = start_of(day + Days::new(1)).min(course.end);
            let near = day + Days::new(CALM) > last;
            let target = match day == last {
                true => self.count as f64,
                false => {
                    self.line(evening) + wobble * ((left - CALM as f64) / 30.0).clamp(0.0, 1.0)
                }
            };
            let mut change = target.round() as i64 - self.alive.len() as i64;
            if !near {
                let expected = course.losses / WORKING_DAYS;
                let losses = expected.floor() as i64 + i64::from(rng.f64() < expected.fract());
                let losses = losses.max(-change);
                for _ in 0..losses {
                    let why = if rng.f64() < 0.7 { Loss::Withdrawn } else { Loss::Deleted };
                    let time = self.working_time(day, rng);
                    change += i64::from(self.lose(End { time, why }, 20, rng).is_some());
                }
            }
            for _ in 0..change {
                let again = (to_return.last().is_some_and(|(from, _)| day >= *from))
                    .then(|| to_return.pop())
                    .flatten();
                let time = self.working_time(day, rng);
                self.give(time, again.map(|(_, before)| before));
            }
        }
        self.drafts
    }

    /// How many are held at a time.
    fn line(&self, time: DateTime<Utc>) -> f64 {
        let course = self.course;
        let later = course.clean_ups.iter().filter(|clean_up| clean_up.time > time);
        let later: u32 = later.map(|clean_up| clean_up.of(course.kind)).sum();
        let grown = course.per_month * months_between(time, course.end);
        (self.count as f64 - grown + f64::from(later)).max(0.0)
    }

    fn give(&mut self, given: DateTime<Utc>, again: Option<usize>) {
        self.alive.push(self.drafts.len());
        self.drafts.push(Draft { given, end: None, in_quarantine: None, again });
    }

    /// Somebody who has the seat for so many days at least loses it.
    fn lose(&mut self, end: End, days: i64, rng: &mut Rng) -> Option<usize> {
        let latest = end.time - TimeDelta::days(days);
        let open: Vec<usize> = (0..self.alive.len())
            .filter(|at| {
                let draft = &self.drafts[self.alive[*at]];
                draft.given < latest && draft.again.is_none()
            })
            .collect();
        let at = *open.get(rng.usize(..open.len().max(1)))?;
        let n = self.alive.swap_remove(at);
        self.drafts[n].end = Some(end);
        Some(n)
    }

    /// Returns those who get a seat again, each with the first day for that.
    fn clean_up(
        &mut self,
        number: usize,
        clean_up: &CleanUp,
        rng: &mut Rng,
    ) -> Vec<(NaiveDate, usize)> {
        let mut lost = Vec::new();
        for _ in 0..clean_up.of(self.course.kind) {
            let why = Loss::Released { clean_up: number };
            lost.extend(self.lose(End { time: clean_up.time, why }, 200, rng));
        }
        let day = clean_up.time.date_naive();
        let back = lost.into_iter().take(self.course.returns).enumerate();
        let mut back: Vec<_> =
            back.map(|(n, of)| (day + Days::new(2 + 3 * n as u64), of)).collect();
        back.reverse();
        back
    }

    /// Between seven and four of UTC, before the end.
    fn working_time(&self, day: NaiveDate, rng: &mut Rng) -> DateTime<Utc> {
        let to = (start_of(day) + TimeDelta::hours(16)).min(self.course.end);
        let from = (start_of(day) + TimeDelta::hours(7)).min(to - (to - start_of(day)) / 2);
        from + TimeDelta::seconds((rng.f64() * (to - from).num_seconds() as f64) as i64)
    }
}

/// Seats of either type that two people have: their Analyzer seats are given to holders of Professional
/// ones who come. One was not used for long, the other lately.
pub(super) fn second_seats(site: &Site, end: DateTime<Utc>, rng: &mut Rng) -> Vec<Seat> {
    let regular = |seat: &&Seat| seat.kind == SeatKind::Professional && seat.is_regular(end);
    let holders = site.seats.iter().filter(regular).take(2);
    let seats = holders.zip([50, 9]).map(|(held, idle)| {
        let used = end - TimeDelta::minutes(idle * 1_440 + (rng.f64() * 600.0) as i64);
        Seat {
            id: id_from(rng.u128(..)),
            kind: SeatKind::Analyzer,
            last_used: Some(used),
            quarantined_until: None,
            ..held.clone()
        }
    });
    seats.collect()
}
