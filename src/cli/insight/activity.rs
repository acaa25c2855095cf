//! `bursar insight activity`: who uses the seats, and which are idle.

use std::collections::HashMap;
use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use uuid::Uuid;

use super::super::release::Target;
use super::super::sites::Answers;
use super::super::text::{self, Paint};
use super::super::{Exit, block_on};
use crate::cli::time;
use crate::config::Settings;
use crate::config::settings::Site;
use crate::event::TypeActivity;
use crate::insight::activity::{self, Active, Day, FirstTime, PerDay, WINDOWS};
use crate::insight::groups::{self, GroupUsage};
use crate::insight::idle::{self, TwoSeats};
use crate::insight::reclaim::{ByRules, Limits};
use crate::insight::words as insight_words;
use crate::license::{Person, SeatType};
use crate::plain;
use crate::planning;
use crate::store::Store;
use crate::words::{self, Locale};

/// Show who uses the seats: active users, idle seats, what the release rules would take
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar insight activity -c bursar.yaml\n  bursar insight activity -c bursar.yaml --json | jq '.sites[].types[].idle'"
)]
pub(crate) struct Activity {
    #[command(flatten)]
    target: Target,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The answer, as `--json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SiteActivity {
    pub site: String,
    pub time: DateTime<Utc>,
    pub types: Vec<OfType>,
    pub people: People,
    /// People with seats of several types.
    pub two_seats: Vec<TwoSeats>,
    pub directories: Vec<GroupUsage>,
    /// One list for each of `breakdownBy`.
    pub properties: Vec<Property>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfType {
    pub first_read: DateTime<Utc>,
    /// What is told here is of this time.
    pub last_read: DateTime<Utc>,
    #[serde(flatten)]
    pub activity: TypeActivity,
    /// How what is reclaimable goes, and what holds back the rest.
    pub limits: Limits,
    pub users_per_day: Vec<Window>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct People {
    pub active: Active,
    pub first_time: FirstTime,
    pub users_per_day: Vec<Window>,
    /// The users of the last 28 days and today so far.
    pub days: Vec<Day>,
}

/// Users a day within the last so many days before today.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Window {
    pub last_days: u32,
    #[serde(flatten)]
    pub per_day: PerDay,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Property {
    pub name: String,
    pub groups: Vec<GroupUsage>,
}

impl Activity {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let (settings, sites) = match self.target.load_all() {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
        let all = block_on(async {
            let store = open(&settings).await?;
            let mut all = Vec::new();
            for site in &sites {
                all.push(answer(&settings, site, &store, time::now()).await?);
            }
            store.close().await;
            anyhow::Ok(all)
        })??;
        let mut exit = Exit::Ok;
        for (site, _) in sites.iter().zip(&all).filter(|(_, answer)| answer.is_none()) {
            errln!("bursar: {}: {}", site.name, never_read(site));
            exit = Exit::NotInOrder;
        }
        let answers: Vec<_> = all.into_iter().flatten().collect();
        if !self.json {
            let texts = answers.iter().map(|one| render(one, &settings, Paint::for_stdout()));
            out!("{}", texts.collect::<Vec<_>>().join("\n"));
        } else if !answers.is_empty() {
            crate::terminal::print_json(&Answers::of(answers))?;
        }
        Ok(exit)
    }
}

/// The store, to read in.
pub(super) async fn open(settings: &Settings) -> anyhow::Result<Store> {
    let absent = " yet: start the daemon (bursar run), which reads the seats";
    crate::cli::open_to_read(settings, absent).await
}

/// Why there is no answer, and what to do.
pub(in crate::cli) fn never_read(site: &Site) -> &'static str {
    if site.seats.is_some() {
        "the seats of this site were not read yet; see `bursar status` for why, or wait for the \
         daemon's first look"
    } else {
        "the seats of this site are not watched: set \
         Butler.qlikSenseLicense.seatMonitor.enable: true and start the daemon"
    }
}

async fn answer(
    settings: &Settings,
    site: &Site,
    store: &Store,
    now: DateTime<Utc>,
) -> anyhow::Result<Option<SiteActivity>> {
    let name = &site.name;
    let known = planning::seats::Known::load(store, name, settings.time_zone, now).await?;
    let seats = known.seats();
    if seats.lists.is_empty() {
        return Ok(None);
    }
    let now = planning::seats::as_of(seats, now);
    let zone = settings.time_zone;
    let today = now.with_timezone(&zone).date_naive();
    let from = (now - TimeDelta::days(100)).with_timezone(&zone).date_naive();
    let mut days: HashMap<Option<SeatType>, Vec<Day>> = HashMap::new();
    for seat_type in seats.lists.iter().map(|list| Some(list.seat_type)).chain([None]) {
        days.insert(seat_type, store.seat_days(name, seat_type, from).await?);
    }
    let windows = |seat_type: Option<SeatType>, first_read: DateTime<Utc>| {
        let first = first_read.with_timezone(&zone).date_naive();
        let of = |last_days: &u32| Window {
            last_days: *last_days,
            per_day: activity::per_day(&days[&seat_type], *last_days, first, today),
        };
        WINDOWS[1..].iter().map(of).collect::<Vec<_>>()
    };

    let all = seats.to_vec();
    let (figures, limits) = planning::seats::figures(&known, &site.release, None, now);
    // A type that nobody has is not asked about.
    let lists = seats.lists.iter().filter(|list| !list.seats.is_empty());
    let types = lists.map(|list| {
        let seat_type = list.seat_type;
        OfType {
            first_read: list.first_read,
            last_read: list.last_read,
            activity: (seat_type, figures.of(seat_type)).into(),
            limits: limits.get(&seat_type).copied().unwrap_or_default(),
            users_per_day: windows(Some(seat_type), list.first_read),
        }
    });
    let types: Vec<_> = types.collect();
    let first_read = seats.lists.iter().map(|list| list.first_read).min().unwrap_or(now);
    let recent = activity::per_day_from(today, 28);
    let people = People {
        active: figures.people,
        first_time: figures.first_time,
        users_per_day: windows(None, first_read),
        days: days[&None].iter().filter(|day| day.day >= recent).copied().collect(),
    };
    let users: HashMap<Uuid, &Person> =
        seats.people.iter().map(|(id, stored)| (*id, &stored.person)).collect();
    let wanted = site.seats.iter().flat_map(|monitor| &monitor.breakdown_by);
    Ok(Some(SiteActivity {
        site: name.clone(),
        time: now,
        types,
        people,
        two_seats: figures.two_seats,
        directories: groups::by_directory(&all, now),
        properties: wanted
            .map(|name| Property {
                name: name.clone(),
                groups: groups::by_property(&all, &users, name, now),
            })
            .collect(),
    }))
}

/// Cells of a bar.
const BAR: usize = 24;

fn render(answer: &SiteActivity, settings: &Settings, paint: Paint) -> String {
    let (mut out, zone) = (String::new(), settings.time_zone);
    let read = answer.types.iter().map(|of| of.last_read).min().unwrap_or(answer.time);
    let _ = writeln!(
        out,
        "{} {}",
        paint.strong(&format!("Site {}, seats and their use", answer.site)),
        paint.faint(&format!("as read {}", words::ago(read, answer.time)))
    );
    for of in &answer.types {
        if of.last_read != read {
            let seen = settings.locale.moment(of.last_read, zone);
            let _ = writeln!(out, "  {} seats as of {seen}", of.activity.seat_type.title());
        }
    }
    out.push('\n');
    table(&mut out, answer, settings.locale);
    for of in answer.types.iter().filter(|of| of.activity.usage.seats > 0) {
        idle_chart(&mut out, of, paint);
    }
    days_chart(&mut out, &answer.people, zone, answer.time, paint);
    if !answer.two_seats.is_empty() {
        let title = format!("People with two seats ({})", answer.two_seats.len());
        let _ = writeln!(out, "\n{}", paint.strong(&title));
        for two in answer.two_seats.iter().take(10) {
            let types: Vec<_> = two.seats.iter().map(|seat_type| seat_type.title()).collect();
            let account = crate::plain::one_line(&two.holder.account());
            let _ = writeln!(out, "  {account}: {}", types.join(", "));
        }
        if answer.two_seats.len() > 10 {
            let _ = writeln!(out, "  and {} more (--json)", answer.two_seats.len() - 10);
        }
    }
    breakdown(&mut out, "By user directory", &answer.directories, paint);
    for property in &answer.properties {
        breakdown(&mut out, &format!("By {}", property.name), &property.groups, paint);
    }
    out
}

/// The figures side by side, a column for each type and one of all people.
fn table(out: &mut String, answer: &SiteActivity, l: Locale) {
    const WIDTH: usize = 13;
    let mut line = |title: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("{cell:>WIDTH$}")).collect();
        let _ = writeln!(out, "  {title:<30}{cells}").map(|()| ());
    };
    let types = &answer.types;
    let titles = types.iter().map(|of| of.activity.seat_type.title().to_owned());
    line("", titles.chain(["people".to_owned()]).collect());
    let of_types = |figure: &dyn Fn(&TypeActivity) -> u32| -> Vec<String> {
        types.iter().map(|of| figure(&of.activity).to_string()).collect()
    };
    line("seats", of_types(&|of| of.usage.seats));
    line("  in quarantine", of_types(&|of| of.usage.quarantined));
    line("  excess", of_types(&|of| of.usage.excess));
    line("  of deleted users", of_types(&|of| of.usage.without_user));
    type Pick = fn(&Active) -> u32;
    let windows: [(&str, Pick); 4] = [
        ("active within 24 hours", |a| a.last_day),
        ("active within 7 days", |a| a.last_7_days),
        ("active within 28 days", |a| a.last_28_days),
        ("active within 90 days", |a| a.last_90_days),
    ];
    for (title, pick) in windows {
        let mut cells = of_types(&|of| pick(&of.active));
        cells.push(pick(&answer.people.active).to_string());
        line(title, cells);
    }
    let mut cells = of_types(&|of| of.first_time.last_28_days);
    cells.push(answer.people.first_time.last_28_days.to_string());
    line("first use within 28 days", cells);
    let per_day = |windows: &[Window], pick: &dyn Fn(&PerDay) -> Option<String>| {
        let window = windows.iter().find(|window| window.last_days == 28);
        window.and_then(|window| pick(&window.per_day)).unwrap_or_else(|| "-".to_owned())
    };
    let mut row = |title: &str, pick: &dyn Fn(&PerDay) -> Option<String>| {
        let mut cells: Vec<_> = types.iter().map(|of| per_day(&of.users_per_day, pick)).collect();
        cells.push(per_day(&answer.people.users_per_day, pick));
        line(title, cells);
    };
    row("users a day, average (28 days)", &|day| day.average.map(|n| format!("{n:.1}")));
    row("users a day, most (28 days)", &|day| day.maximum.map(|n| n.to_string()));
    for (title, pick) in [
        ("idle for 30 days or more", (|u| u.after_30_days) as fn(&idle::Reclaimable) -> u32),
        ("idle for 60 days or more", |u| u.after_60_days),
        ("idle for 90 days or more", |u| u.after_90_days),
    ] {
        line(title, of_types(&|of| pick(&of.usage.reclaimable)));
    }
    let by_rules = |pick: &dyn Fn(&ByRules) -> String| -> Vec<String> {
        let of = |of: &OfType| of.activity.by_rules.as_ref().map_or("-".to_owned(), pick);
        types.iter().map(of).collect()
    };
    line("reclaimable under the rules", by_rules(&|r| r.reclaimable().to_string()));
    line("  of which after a notice", by_rules(&|r| r.announce.to_string()));
    line("  undecided", by_rules(&|r| r.unknown.to_string()));
    line("  threshold in days", by_rules(&|r| r.threshold_days.to_string()));
    line("  enabled for release", by_rules(&|r| if r.enabled { "yes" } else { "no" }.to_owned()));
    for of in types {
        for why in insight_words::limits_each(&of.limits, l) {
            let _ = writeln!(out, "  {}: {why}", of.activity.seat_type.title());
        }
    }
}

fn idle_chart(out: &mut String, of: &OfType, paint: Paint) {
    let idle = &of.activity.usage.idle;
    let title = format!("Last use of the {} seats", of.activity.seat_type.title());
    let _ = writeln!(out, "\n{}", paint.strong(&title));
    let total = f64::from(idle.total().max(1));
    for (title, count) in [
        ("0-7 days ago", idle.days_0_7),
        ("8-30 days", idle.days_8_30),
        ("31-60 days", idle.days_31_60),
        ("61-90 days", idle.days_61_90),
        ("over 90 days", idle.over_90),
        ("never used", idle.never_used),
        ("unknown", idle.unknown),
    ] {
        if count > 0 || title != "unknown" {
            let share = f64::from(count) / total;
            let bar = text::bar(share, BAR);
            let _ = writeln!(out, "  {title:<14}{bar} {count:>6}  {:>3.0} %", share * 100.0);
        }
    }
}

fn days_chart(out: &mut String, people: &People, zone: Tz, now: DateTime<Utc>, paint: Paint) {
    let today = now.with_timezone(&zone).date_naive();
    let from = activity::per_day_from(today, 14);
    let days: Vec<_> = people.days.iter().filter(|d| d.day >= from && d.readings > 0).collect();
    if days.len() < 2 {
        return;
    }
    let most = f64::from(days.iter().map(|day| day.users).max().unwrap_or(1).max(1));
    let _ = writeln!(out, "\n{}", paint.strong("Users a day"));
    for day in days {
        let bar = text::bar(f64::from(day.users) / most, BAR);
        let note = if day.day == today { "  so far" } else { "" };
        let _ = writeln!(out, "  {:<14}{bar} {:>6}{note}", day.day.format("%a %d %b"), day.users);
    }
}

fn breakdown(out: &mut String, title: &str, groups: &[GroupUsage], paint: Paint) {
    const SHOWN: usize = 15;
    let _ = writeln!(out, "\n{}", paint.strong(title));
    let _ = writeln!(
        out,
        "  {:<28}{:>8}{:>12}{:>12}{:>14}",
        "", "seats", "active 28d", "never used", "idle 30d+"
    );
    for group in groups.iter().take(SHOWN) {
        let name = plain::one_line(group.group.title());
        let name = plain::padded(plain::cut(&name, 27), 28);
        let usage = &group.usage;
        let _ = writeln!(
            out,
            "  {name}{:>8}{:>12}{:>12}{:>14}",
            usage.seats,
            group.active_28_days,
            usage.idle.never_used,
            usage.reclaimable.after_30_days
        );
    }
    if groups.len() > SHOWN {
        let _ = writeln!(out, "  and {} more (--json)", groups.len() - SHOWN);
    }
}
