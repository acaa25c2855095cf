//! `bursar release plan --explain USER`: rule by rule.

use std::fmt::Write;

use super::super::command::quoted;
use super::super::text::{self, Paint};
use super::plan::{account, idle};
use super::{Exit, named, refused};
use crate::cli::time;
use crate::license::PersonRead;
use crate::license::{Holder, Moment, SeatType};
use crate::plain::one_line;
use crate::qrs::Patience;
use crate::release::named::is_named;
use crate::release::plan::{self, Decision, Keep, Outcome, Plan};
use crate::release::run::Engine;

/// Every question that is asked of a seat, in the order of [`Keep`], by its code.
const QUESTIONS: [(&str, &str); 31] = [
    ("listed-twice", "listed twice, with different facts"),
    ("type-off", "releasing seats of this type is off"),
    ("unsettled", "what became of it at an earlier release is not known"),
    ("quarantined", "in quarantine already"),
    ("no-user", "the seat names no user"),
    ("user-gone", "the user is not on the site any more"),
    ("user-unread", "the user can't be read"),
    ("user-incomplete", "the user's record lacks a field that a rule needs"),
    ("internal", "directory INTERNAL"),
    ("user", "neverRelease.user"),
    ("user-directory", "neverRelease.userDirectory"),
    ("tag", "neverRelease.tag"),
    ("custom-property", "neverRelease.customProperty"),
    ("role", "neverRelease.role"),
    ("user-group", "neverRelease.userGroup"),
    ("inactive", "neverRelease.inactive"),
    ("blocked", "neverRelease.blocked"),
    ("removed-externally", "neverRelease.removedExternally"),
    ("unreadable-date", "a date that can't be read"),
    ("no-date", "when it was allocated is not known"),
    ("future-date", "a date in the future"),
    ("used", "used within releaseThresholdDays"),
    ("allocated", "allocated within releaseThresholdDays"),
    ("never-used", "never used, within neverUsedGraceDays"),
    ("used-other-seat", "uses a seat of another type (judgePerUser)"),
    ("other-seats-unread", "the seats of another type can't be read (judgePerUser)"),
    ("reallocated", "came back after a release, within reallocatedGraceDays"),
    ("announced", "announced, and not due yet (graceDays)"),
    ("enough-free", "enough seats are free (keepFree)"),
    ("free-unknown", "how many seats are free is not known (keepFree)"),
    ("over-cap", "others have been idle for longer (maxReleases)"),
];

/// What the code of a reason stands for.
pub(super) fn question(code: &str) -> &str {
    QUESTIONS.iter().find(|(known, _)| *known == code).map_or(code, |(_, question)| question)
}

/// Tells why a user's seats are kept or released, rule by rule: the text, and how the command ends.
pub(super) async fn explain(
    engine: &Engine,
    account: &str,
    only: Option<SeatType>,
    patience: Patience,
) -> anyhow::Result<(String, Exit)> {
    let plan = match engine.plan(only, patience).await {
        Ok(plan) => plan,
        Err(error) => return Ok((String::new(), refused(error)?)),
    };
    let past = engine.store.release_past(&engine.site.name).await?;
    let paint = Paint::for_stdout();
    let mut out = String::new();
    let mut found = false;
    for part in &plan.types {
        let seat_type = part.seat_type;
        if let Some(problem) = &part.problem {
            let _ = writeln!(out, "{} seats can't be read: {problem}", seat_type.title());
        }
        for decision in part.decisions.iter().filter(|d| is_of(d, account)) {
            found = true;
            let mut keep = decision.keep.clone();
            let mut person = None;
            let mut is_judged = false;
            if let Some(holder) = &decision.holder {
                // The plan reads only users that it has to: here all rules are to be shown.
                let read = engine.client.person(holder.id, patience).await;
                if let Some(seat) = engine.client.seat(seat_type, decision.seat, patience).await? {
                    is_judged = matches!(&read, PersonRead::Whole(of) if of.id == holder.id);
                    for reason in plan::keeping(&seat, &read, &past, &plan.policy, plan.now) {
                        if !keep.iter().any(|known| known.code() == reason.code()) {
                            keep.push(reason);
                        }
                    }
                }
                person = Some(read);
            }
            let seen = Seen { keep: &keep, person: person.as_ref(), is_judged };
            out.push_str(&render(seat_type, decision, seen, &plan, paint));
        }
    }
    if found {
        // What decides comes first: no seat goes while a guard stops the run.
        out.insert_str(0, &stopped(&plan, paint));
        for note in &plan.notes {
            let _ = writeln!(out, "Note: {}", one_line(note));
        }
    } else {
        let types: Vec<_> = plan.types.iter().map(|part| part.seat_type.title()).collect();
        let (types, site) = (types.join(" or "), &engine.site.name);
        let account = one_line(account);
        let meant = meant(&plan, &account)
            .map_or_else(String::new, |meant| format!("; did you mean {}?", one_line(&meant)));
        let _ = match engine.client.users_named(account.trim(), patience).await {
            Ok(0) => writeln!(out, "there is no user {account} on {site}{meant}"),
            Ok(_) => writeln!(out, "{account} is a user of {site} and holds no {types} seat"),
            Err(error) => writeln!(
                out,
                "{account} holds no {types} seat on {site}; whether there is such a user can't be \
                 read: {}",
                error.what()
            ),
        };
        released(engine, &account, &mut out).await?;
        return Ok((out, Exit::NotInOrder));
    }
    released(engine, account, &mut out).await?;
    Ok((out, Exit::Ok))
}

/// What was released of a person, and how it is given back.
async fn released(engine: &Engine, account: &str, out: &mut String) -> anyhow::Result<()> {
    for seat in engine.taken_from(account).await? {
        let (person, title) = (one_line(&seat.holder.account()), seat.seat_type.title());
        let back = match &seat.not {
            Some(why) => one_line(why),
            None => format!("give it back with: bursar release undo {}", quoted(&person)),
        };
        let (at, run) = (time::told(seat.taken), &seat.run);
        let _ =
            writeln!(out, "The {title} seat of {person} was released at {at} by run {run}; {back}");
    }
    Ok(())
}

/// Of those who hold a seat, the one who may be meant, by the user id: directories are alike anyway.
fn meant(plan: &Plan, typed: &str) -> Option<String> {
    let seats = plan.types.iter().flat_map(|part| &part.decisions);
    let holders: Vec<&Holder> = seats.filter_map(|seat| seat.holder.as_deref()).collect();
    let ids: Vec<&str> = holders.iter().map(|holder| holder.user_id.as_ref()).collect();
    let typed = typed.rsplit('\\').next().unwrap_or(typed);
    let nearest = named::nearest(typed.trim(), &ids)?;
    holders.iter().find(|holder| &*holder.user_id == nearest).map(|holder| holder.account())
}

fn is_of(decision: &Decision, account: &str) -> bool {
    decision.holder.as_ref().is_some_and(|holder| is_named(holder, account))
}

/// What was found out about a seat beyond its decision.
#[derive(Clone, Copy)]
struct Seen<'a> {
    keep: &'a [Keep],
    person: Option<&'a PersonRead>,
    /// The rules that look at the person were asked: the person could be read, and the seat is still there.
    is_judged: bool,
}

/// Reasons that look at the record of the person.
const OF_PERSON: [&str; 8] = [
    "user-incomplete",
    "tag",
    "custom-property",
    "role",
    "user-group",
    "inactive",
    "blocked",
    "removed-externally",
];

/// Reasons that are asked of seats that are due only.
const OF_DUE: [&str; 4] = ["announced", "enough-free", "free-unknown", "over-cap"];

/// Reasons that were not asked, and why.
fn not_asked(decision: &Decision, seen: Seen<'_>) -> Vec<(&'static str, Vec<&'static str>)> {
    let holds = |code: &&str| seen.keep.iter().any(|keep| keep.code() == *code);
    let open = |codes: &[&'static str]| {
        codes.iter().copied().filter(|code| !holds(code)).collect::<Vec<_>>()
    };
    let mut groups = Vec::new();
    if !seen.is_judged {
        groups.push(("the person could not be looked at", open(&OF_PERSON)));
    }
    if !decision.is_due() {
        groups.push(("the seat is not due", open(&OF_DUE)));
    }
    groups
}

fn render(
    seat_type: SeatType,
    decision: &Decision,
    seen: Seen<'_>,
    plan: &Plan,
    paint: Paint,
) -> String {
    let Seen { keep, person, .. } = seen;
    let stopped = plan.types.iter().any(|part| part.seat_type == seat_type && plan.stops(part));
    let verdict = match decision.outcome {
        Outcome::Release if stopped => paint.warn("would be released, but a guard stops it"),
        Outcome::Release => paint.warn("would be released"),
        Outcome::Announce => paint.warn("would be announced"),
        Outcome::Keep => paint.good("is kept"),
    };
    let mut out = String::new();
    let title = format!("{} seat of {}", seat_type.title(), account(decision));
    let _ = writeln!(out, "{} {verdict}: {}", paint.strong(&title), idle(decision, plan));
    let mut keeping: Vec<_> = keep.iter().collect();
    keeping.sort_by_key(|keep| QUESTIONS.iter().position(|(code, _)| *code == keep.code()));
    let mut rows: Vec<_> = keeping
        .iter()
        .map(|keep| {
            let (asked, found) = (question(keep.code()), one_line(&keep.text()));
            let told = if found == asked { found } else { format!("{asked}: {found}") };
            vec![paint.good("keeps"), keep.code().to_owned(), told]
        })
        .collect();
    let ended = decision.holder.as_ref().and_then(|holder| ended_for(holder, plan));
    if let Some(ended) = ended.filter(|_| !keep.iter().any(|keep| keep.code() == "user")) {
        rows.push(vec![paint.faint("no"), "user".to_owned(), ended]);
    }

    for line in text::columns(&rows).lines() {
        let _ = writeln!(out, "    {line}");
    }
    seat_facts(&mut out, decision, person);
    let not_asked = not_asked(decision, seen);
    let left_out: usize = not_asked.iter().map(|(_, codes)| codes.len()).sum();
    let others = QUESTIONS.len() - keeping.len() - left_out;
    let others = match keeping.len() + left_out {
        0 => format!("all {others} reasons to keep a seat were asked: none holds"),
        _ => format!("{others} other reasons to keep a seat were asked: none of them holds"),
    };
    let _ = writeln!(out, "  {}", paint.faint(&others));
    for (why, codes) in not_asked {
        let line = format!("{} were not asked, since {why}: {}", codes.len(), codes.join(", "));
        let _ = writeln!(out, "  {}", paint.faint(&line));
    }
    out
}

/// What is known of the seat and of who has it.
fn seat_facts(out: &mut String, decision: &Decision, person: Option<&PersonRead>) {
    let _ = writeln!(
        out,
        "  allocated {}, last used {}, seat {}",
        moment(&decision.created),
        moment(&decision.last_used),
        decision.seat
    );
    if let Some(PersonRead::Whole(person)) = person {
        let marks = [
            ("inactive", person.inactive),
            ("blocked", person.blocked),
            ("removed externally", person.removed_externally),
        ];
        let marks: Vec<_> = marks.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
        let list = |values: &[Box<str>]| one_line(&values.join(", "));
        let properties: Vec<_> =
            person.properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
        for (name, value) in [
            ("marks", marks.join(", ")),
            ("tags", list(&person.tags)),
            ("custom properties", one_line(&properties.join(", "))),
            ("roles", person.roles.as_deref().map(list).unwrap_or_default()),
            ("groups", person.groups.as_deref().map(list).unwrap_or_default()),
        ] {
            if !value.is_empty() {
                let _ = writeln!(out, "  {name}: {value}");
            }
        }
    }
}

/// What stops a run now, whatever is said of the seat.
fn stopped(plan: &Plan, paint: Paint) -> String {
    let mut out = String::new();
    for refusal in &plan.refusals {
        let of = refusal.seat_type.map_or_else(String::new, |t| format!(" ({})", t.title()));
        let _ = writeln!(
            out,
            "{}{of}: {}",
            paint.bad(&format!("a run now is stopped by {}", refusal.guard)),
            one_line(&refusal.to_string())
        );
    }
    out
}

/// Entries for this person that protect nobody any more.
fn ended_for(holder: &Holder, plan: &Plan) -> Option<String> {
    let today = plan.policy.calendar.date(plan.now);
    let rules = plan.policy.never_release.users.iter();
    let ended: Vec<_> = rules
        .filter(|rule| rule.is_over(today) && rule.names(holder))
        .map(|rule| format!("{} has ended", one_line(&rule.to_string())))
        .collect();
    (!ended.is_empty()).then(|| ended.join("; "))
}

fn moment(moment: &Moment) -> String {
    match moment {
        Moment::Never => "never".to_owned(),
        Moment::At(at) => time::told(*at),
        Moment::Unreadable(text) => format!("unreadable ({})", one_line(text)),
    }
}
