//! Counts of a run with what was found out after its end.

use super::{Entry, Outcome, Record, SeatResult, TypeCounts};

/// The counts that a run ended with, corrected by outcomes that were written later: each seat counts
/// by the last one. `records`: those of the run, in order.
pub fn corrected(counts: &[TypeCounts], records: &[Record]) -> Vec<TypeCounts> {
    let mut counts = counts.to_vec();
    let Some(end) = records.iter().position(|r| matches!(r.entry, Entry::RunEnded { .. })) else {
        return counts;
    };
    let (before, after) = records.split_at(end);
    let mut last: std::collections::HashMap<u64, &Outcome> =
        before.iter().filter_map(outcome).map(|outcome| (outcome.intent, outcome)).collect();
    for outcome in after.iter().filter_map(outcome) {
        let Some(of) = counts.iter_mut().find(|of| of.seat_type == outcome.seat_type) else {
            continue;
        };
        if let Some(known) = last.insert(outcome.intent, outcome) {
            add(of, &known.result, -1);
        }
        add(of, &outcome.result, 1);
    }
    counts
}

fn outcome(record: &Record) -> Option<&Outcome> {
    match &record.entry {
        Entry::Outcome(outcome) => Some(outcome),
        _ => None,
    }
}

fn add(counts: &mut TypeCounts, result: &SeatResult, by: i64) {
    let TypeCounts { released, quarantined, refused, gone, unclear, .. } = counts;
    let fields: &mut [&mut u64] = match result {
        SeatResult::Freed | SeatResult::Allocated => &mut [released],
        SeatResult::Quarantined { .. } => &mut [released, quarantined],
        SeatResult::Refused { .. } => &mut [refused],
        SeatResult::Gone => &mut [gone],
        SeatResult::Unclear { .. } => &mut [unclear],
        SeatResult::Stated { .. } => &mut [],
    };
    for field in fields {
        **field = field.saturating_add_signed(by);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ledger::{Action, RunStatus};
    use crate::license::{Holder, SeatType};

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

    #[test]
    fn a_seat_counts_by_its_last_outcome() {
        let unclear = || SeatResult::Unclear { why: "no answer".into() };
        let counts: TypeCounts = serde_json::from_str(
            r#"{"seatType":"analyzer","seats":9,"planned":4,"released":1,"quarantined":0,"announced":0,
                "kept":5,"changed":0,"refused":1,"gone":0,"unclear":2,"keptByReason":{}}"#,
        )
        .unwrap();
        let ended =
            Entry::RunEnded { status: RunStatus::Partly, counts: vec![counts.clone()], why: None };
        let entries = [
            of(1, SeatResult::Freed),
            of(2, unclear()),
            of(3, unclear()),
            of(4, SeatResult::Refused { why: "by time".into() }),
            ended,
            of(2, SeatResult::Freed),
            of(4, SeatResult::Freed),
            // One whose process was killed, and that no count has seen.
            of(5, SeatResult::Freed),
        ];
        let records: Vec<_> =
            entries.into_iter().enumerate().map(|(n, entry)| record(n as u64, entry)).collect();
        let corrected = corrected(std::slice::from_ref(&counts), &records);
        let expected = TypeCounts { released: 4, refused: 0, unclear: 1, ..counts.clone() };
        assert_eq!(corrected, [expected]);
        assert_eq!(super::corrected(std::slice::from_ref(&counts), &records[..5]), [counts]);
    }
}
