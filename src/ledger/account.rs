//! What a run came to, by all that the ledger says of its seats until now.

use std::collections::HashMap;

use serde::Serialize;
use uuid::Uuid;

use super::{Entry, Intent, Outcome, Record, ResponseClass, RunStatus, SeatResult, TypeCounts};
use crate::license::SeatType;

/// A run as the ledger tells it now. Each seat counts by its last outcome, whoever found it out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Absent while it is under way, or when its process ended in the middle.
    pub status: Option<RunStatus>,
    pub counts: Vec<TypeAccount>,
    /// Why it stopped early or what failed; what was only true at its end is marked so.
    pub why: Option<String>,
}

/// What became of the seats of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeAccount {
    #[serde(flatten)]
    pub counts: TypeCounts,
    /// Closed by a person's word.
    pub stated: u64,
    /// Found out after the run, by a later one or a poll.
    pub found_later: u64,
    /// Of those released, allocated again by an undo since; 0 where nobody looked.
    pub given_back: u64,
}

impl Account {
    /// `records`: those of the run, in order.
    pub fn of(records: &[Record]) -> Self {
        let end = records.iter().position(|r| matches!(r.entry, Entry::RunEnded { .. }));
        let (status, counts, why) = match end.map(|end| &records[end].entry) {
            Some(Entry::RunEnded { status, counts, why }) => {
                (Some(*status), counts.as_slice(), why.clone())
            }
            _ => (None, planned(records), None),
        };
        let mut account =
            Self { status, counts: counts.iter().map(TypeAccount::new).collect(), why };
        let counted = last_outcomes(&records[..end.unwrap_or_default()]);
        let last = last_outcomes(records);
        let mut moved = false;
        let attempts: HashMap<Uuid, u64> =
            intents(records).map(|(seq, intent)| (intent.seat, seq)).collect();
        for (intent, Intent { seat_type, seat, .. }) in intents(records) {
            let (was, is) = (counted.get(&intent), last.get(&intent));
            // One whose turn came too late got another intent: the seat counts by that.
            if attempts[seat] != intent && is.is_some_and(|is| is.was_kept()) {
                continue;
            }
            if end.is_some() && was == is && was.is_some() {
                continue;
            }
            moved = true;
            let of = account.of_type(*seat_type);
            if let Some(was) = was {
                of.add(was, -1);
            }
            match is {
                Some(is) => of.add(is, 1),
                None => of.counts.unclear += 1,
            }
        }
        let at_its_end = matches!(status, Some(RunStatus::Partly | RunStatus::Broken));
        if let Some(why) = account.why.as_mut().filter(|_| moved && at_its_end) {
            *why = format!("at its end: {why}");
        }
        account
    }

    /// Notes how many seats of each type an undo has allocated again since.
    pub fn note_given_back(&mut self, given_back: &[(SeatType, u64)]) {
        for (seat_type, count) in given_back {
            self.of_type(*seat_type).given_back = *count;
        }
    }

    fn of_type(&mut self, seat_type: SeatType) -> &mut TypeAccount {
        let known = self.counts.iter().position(|of| of.counts.seat_type == seat_type);
        let place = known.unwrap_or_else(|| {
            self.counts.push(TypeAccount::new(&TypeCounts::new(seat_type)));
            self.counts.len() - 1
        });
        &mut self.counts[place]
    }
}

/// What was planned, for a run without an end.
fn planned(records: &[Record]) -> &[TypeCounts] {
    let plan = records.iter().find_map(|record| match &record.entry {
        Entry::Planned { counts, .. } => Some(counts.as_slice()),
        _ => None,
    });
    plan.unwrap_or_default()
}

/// The run's own attempts.
fn intents(records: &[Record]) -> impl Iterator<Item = (u64, &Intent)> {
    records.iter().filter_map(|record| match &record.entry {
        Entry::Intent(intent) => Some((record.seq, intent)),
        _ => None,
    })
}

fn last_outcomes(records: &[Record]) -> HashMap<u64, &Outcome> {
    let outcomes = records.iter().filter_map(|record| match &record.entry {
        Entry::Outcome(outcome) => Some((outcome.intent, outcome)),
        _ => None,
    });
    outcomes.collect()
}

impl TypeAccount {
    fn new(counts: &TypeCounts) -> Self {
        Self { counts: counts.clone(), stated: 0, found_later: 0, given_back: 0 }
    }

    fn add(&mut self, outcome: &Outcome, by: i64) {
        let Self { counts, stated, found_later, .. } = self;
        let TypeCounts { released, quarantined, changed, refused, gone, unclear, .. } = counts;
        let is_stated = matches!(outcome.result, SeatResult::Stated { .. });
        let mut fields: Vec<&mut u64> = match &outcome.result {
            SeatResult::Freed | SeatResult::Allocated => vec![released],
            SeatResult::Quarantined { .. } => vec![released, quarantined],
            SeatResult::Refused { .. } if outcome.was_kept() => vec![changed],
            SeatResult::Refused { .. } => vec![refused],
            SeatResult::Gone => vec![gone],
            SeatResult::Unclear { .. } => vec![unclear],
            SeatResult::Stated { .. } => vec![stated],
        };
        if outcome.settled_later && outcome.is_final() && !is_stated {
            fields.push(found_later);
        }
        for field in fields {
            *field = field.saturating_add_signed(by);
        }
    }
}

impl Outcome {
    /// Whether the seat had changed after the intent was written, so that nothing was sent.
    fn was_kept(&self) -> bool {
        let nothing_sent = self.evidence.answered == Some(ResponseClass::NotSent);
        matches!(&self.result, SeatResult::Refused { why } if nothing_sent && why.starts_with(NOT_SENT))
    }
}

/// How the reason of an attempt begins after whose intent nothing was sent.
pub const NOT_SENT: &str = "nothing was sent: ";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Action, Statement};
    use crate::license::{Holder, Moment};

    fn record(seq: u64, entry: Entry) -> Record {
        let (time, site) = (Default::default(), String::new());
        Record { seq, time, site, run: None, entry, previous: String::new(), hash: String::new() }
    }

    fn of(intent: u64, result: SeatResult) -> Entry {
        let (user_id, name) = ("anna".into(), "".into());
        Entry::Outcome(Outcome {
            intent,
            action: Action::Release,
            seat_type: SeatType::Analyzer,
            seat: Uuid::nil(),
            holder: Holder { id: Uuid::nil(), directory: "CORP".into(), user_id, name },
            result,
            settled_later: false,
            evidence: Default::default(),
        })
    }

    fn intent() -> Entry {
        let Entry::Outcome(Outcome { action, seat_type, seat, holder, .. }) =
            of(0, SeatResult::Freed)
        else {
            unreachable!()
        };
        Entry::Intent(Intent {
            action,
            seat_type,
            seat,
            holder,
            created: Moment::Never,
            last_used: Moment::Never,
            because: String::new(),
            has: 0,
        })
    }

    fn later(intent: u64, result: SeatResult) -> Entry {
        let Entry::Outcome(outcome) = of(intent, result) else { unreachable!() };
        Entry::Outcome(Outcome { settled_later: true, ..outcome })
    }

    /// Records with the numbers from 0 on.
    fn told(entries: &[Entry]) -> Account {
        let numbered = entries.iter().enumerate();
        let records: Vec<_> =
            numbered.map(|(seq, entry)| record(seq as u64, entry.clone())).collect();
        Account::of(&records)
    }

    fn plan() -> (TypeCounts, Entry) {
        let counts =
            TypeCounts { planned: 5, kept: 3, seats: 8, ..TypeCounts::new(SeatType::Analyzer) };
        let plan = Entry::Planned {
            digest: String::new(),
            counts: vec![counts.clone()],
            refusals: Vec::new(),
            accepted: Vec::new(),
            standing: Vec::new(),
            site: None,
        };
        (counts, plan)
    }

    #[test]
    fn a_seat_counts_by_its_last_outcome() {
        let unclear = || SeatResult::Unclear { why: "no answer".into() };
        let (planned, plan) = plan();
        let counts = TypeCounts { released: 1, refused: 1, unclear: 2, ..planned };
        let ended = Entry::RunEnded {
            status: RunStatus::Partly,
            counts: vec![counts.clone()],
            why: Some("3 failed".into()),
        };
        let mut entries = vec![plan];
        entries.extend(std::iter::repeat_with(intent).take(4));
        entries.extend([
            of(1, SeatResult::Freed),
            of(2, unclear()),
            of(3, unclear()),
            of(4, SeatResult::Refused { why: "by time".into() }),
            ended,
        ]);
        let account = told(&entries);
        assert_eq!(account.status, Some(RunStatus::Partly));
        assert_eq!(account.counts, [TypeAccount::new(&counts)]);
        assert_eq!(account.why.as_deref(), Some("3 failed"));
        entries.extend([later(2, SeatResult::Freed), later(4, SeatResult::Freed)]);
        // Of an attempt of another run.
        entries.push(later(77, SeatResult::Freed));
        let account = told(&entries);
        let counts = TypeCounts { released: 3, refused: 0, unclear: 1, ..counts };
        assert_eq!(
            account.counts,
            [TypeAccount { counts, stated: 0, found_later: 2, given_back: 0 }]
        );
        assert_eq!(account.why.as_deref(), Some("at its end: 3 failed"));
    }

    /// An intent whose turn came too late is no attempt of its own.
    #[test]
    fn a_seat_whose_turn_came_late_counts_once() {
        let (planned, plan) = plan();
        let late = SeatResult::Refused { why: format!("{NOT_SENT}it waited") };
        let Entry::Outcome(mut waited) = of(1, late) else { unreachable!() };
        waited.evidence.answered = Some(ResponseClass::NotSent);
        let waited = Entry::Outcome(waited);
        let counts = TypeCounts { released: 1, ..planned.clone() };
        let again = [plan.clone(), intent(), waited.clone(), intent(), of(3, SeatResult::Freed)];
        assert_eq!(told(&again).counts, [TypeAccount::new(&counts)]);
        // Without another one it is what became of the seat.
        let counts = TypeCounts { changed: 1, ..planned };
        assert_eq!(told(&[plan, intent(), waited]).counts, [TypeAccount::new(&counts)]);
    }

    #[test]
    fn a_run_without_an_end_is_told_by_its_attempts() {
        let (counts, plan) = plan();
        let mut entries = vec![plan, intent(), intent(), intent(), of(1, SeatResult::Freed)];
        let cut = told(&entries);
        assert_eq!((cut.status, &cut.why), (None, &None));
        let expected = TypeCounts { released: 1, unclear: 2, ..counts };
        assert_eq!(cut.counts, [TypeAccount::new(&expected)]);
        // One is found out, a person says what became of the other.
        entries.push(later(2, SeatResult::Freed));
        let (says, by) = (Statement::Kept, "anna".to_owned());
        entries.push(later(3, SeatResult::Stated { says, by, why: "asked her".into() }));
        let counts = TypeCounts { released: 2, unclear: 0, ..expected };
        assert_eq!(
            told(&entries).counts,
            [TypeAccount { counts, stated: 1, found_later: 1, given_back: 0 }]
        );
    }
}
