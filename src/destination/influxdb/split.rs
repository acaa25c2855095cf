//! Finding the refused points of a batch.
//!
//! An answer that refuses a batch doesn't say what was stored. The halves are sent again (the same
//! point twice is one point) until every refused line stands alone, and only then is it refused.
//! Before that, a request without any line is sent once: refused with the same words, it is the
//! request that the server doesn't like (a wrong setting, a proxy), and no line is given up.

use std::future::Future;
use std::ops::Range;
use std::time::Duration;

use tokio::time::Instant;

use super::server::Verdict;

/// Requests of one delivery, at most. Enough to single out 25 bad lines of 3,000.
const MAX_REQUESTS: usize = 600;

/// Time of one delivery, at most, before the last request begins.
const MAX_TIME: Duration = Duration::from_secs(60);

/// A line and the index of the event it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub event: usize,
    pub text: String,
}

/// What became of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineOutcome {
    Stored,
    /// Sent alone and refused.
    Refused {
        why: String,
    },
    /// Not decided: send it again later.
    Later {
        after: Option<Duration>,
        why: String,
    },
}

/// What sends lines in one request.
pub trait Write {
    /// Sends the lines (none, to see what the server says of the request as such) and judges the
    /// answer.
    fn write(&self, lines: &[Line]) -> impl Future<Output = Verdict> + Send;
}

/// Writes all lines, splitting where it must. The outcomes are in the order of the lines.
pub async fn write_all(writer: &(impl Write + Sync), lines: &[Line]) -> Vec<LineOutcome> {
    let mut outcomes = vec![LineOutcome::Stored; lines.len()];
    let mut open: Vec<Range<usize>> = Vec::new();
    if !lines.is_empty() {
        open.push(0..lines.len());
    }
    let deadline = Instant::now() + MAX_TIME;
    let mut requests = 0;
    let mut request_is_fine = false;
    while let Some(range) = open.pop() {
        let verdict = if requests >= MAX_REQUESTS || Instant::now() > deadline {
            // What is decided so far leaves the queue, so the next delivery gets further.
            Verdict::Wait {
                after: Some(Duration::ZERO),
                why: format!("still looking for refused points after {requests} requests"),
            }
        } else {
            requests += 1;
            writer.write(&lines[range.clone()]).await
        };
        match verdict {
            Verdict::Stored => {}
            Verdict::Doubtful { why } if range.len() == 1 => {
                if !request_is_fine {
                    requests += 1;
                    if writer.write(&[]).await == (Verdict::Doubtful { why: why.clone() }) {
                        let why = format!("{why} (the same without any point)");
                        later(&mut outcomes, range, &open, None, &why);
                        break;
                    }
                    request_is_fine = true;
                }
                outcomes[range.start] = LineOutcome::Refused { why };
            }
            Verdict::Doubtful { .. } => {
                let middle = range.start + range.len() / 2;
                open.push(middle..range.end);
                open.push(range.start..middle);
            }
            Verdict::Wait { after, why } => {
                later(&mut outcomes, range, &open, after, &why);
                break;
            }
            Verdict::Missing { why } => {
                later(&mut outcomes, range, &open, None, &why);
                break;
            }
        }
    }
    outcomes
}

fn later(
    outcomes: &mut [LineOutcome],
    range: Range<usize>,
    open: &[Range<usize>],
    after: Option<Duration>,
    why: &str,
) {
    for range in open.iter().chain([&range]) {
        outcomes[range.clone()].fill(LineOutcome::Later { after, why: why.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    /// Refuses a request that holds one of `bad`; stores the good lines of it or not, as told.
    struct Fake {
        bad: HashSet<usize>,
        keeps_good: bool,
        /// Fails from this request on.
        down_after: usize,
        seen: Mutex<(usize, HashSet<usize>)>,
    }

    impl Write for Fake {
        async fn write(&self, lines: &[Line]) -> Verdict {
            let mut seen = self.seen.lock().unwrap();
            seen.0 += 1;
            if seen.0 > self.down_after {
                return Verdict::Wait { after: Some(Duration::from_secs(7)), why: "503".into() };
            }
            let good: Vec<usize> =
                lines.iter().map(|l| l.event).filter(|e| !self.bad.contains(e)).collect();
            let refused = good.len() < lines.len();
            if !refused || self.keeps_good {
                seen.1.extend(good);
            }
            if refused { Verdict::Doubtful { why: "no".into() } } else { Verdict::Stored }
        }
    }

    fn run(count: usize, fake: &Fake) -> Vec<LineOutcome> {
        let lines: Vec<Line> =
            (0..count).map(|event| Line { event, text: String::new() }).collect();
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
            .block_on(write_all(fake, &lines))
    }

    proptest! {
        #[test]
        fn exactly_the_bad_lines_are_refused(
            count in 0_usize..60,
            bad in proptest::collection::hash_set(0_usize..60, 0..8),
            keeps_good: bool,
            down_after in prop_oneof![Just(usize::MAX), 0_usize..20],
        ) {
            let fake = Fake { bad, keeps_good, down_after, seen: Mutex::default() };
            let outcomes = run(count, &fake);
            prop_assert_eq!(outcomes.len(), count);
            let seen = fake.seen.lock().unwrap();
            for (index, outcome) in outcomes.iter().enumerate() {
                match outcome {
                    LineOutcome::Stored => prop_assert!(seen.1.contains(&index)),
                    LineOutcome::Refused { .. } => prop_assert!(fake.bad.contains(&index)),
                    LineOutcome::Later { .. } => prop_assert!(seen.0 > down_after),
                }
            }
            if down_after == usize::MAX {
                let refused = outcomes.iter().filter(|o| matches!(o, LineOutcome::Refused { .. }));
                let bad = fake.bad.iter().filter(|b| **b < count);
                prop_assert_eq!(refused.count(), bad.count());
            }
        }
    }

    #[test]
    fn one_bad_line_of_500_costs_few_requests() {
        let fake = Fake {
            bad: HashSet::from([321]),
            keeps_good: true,
            down_after: usize::MAX,
            seen: Mutex::default(),
        };
        run(500, &fake);
        assert!(fake.seen.lock().unwrap().0 <= 20);
    }

    #[test]
    fn no_line_is_given_up_when_the_request_itself_is_refused() {
        struct Proxy;
        impl Write for Proxy {
            async fn write(&self, _: &[Line]) -> Verdict {
                Verdict::Doubtful { why: "400: unknown token".into() }
            }
        }
        let lines = vec![Line { event: 0, text: String::new() }; 10];
        let outcomes = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
            .block_on(write_all(&Proxy, &lines));
        assert!(outcomes.iter().all(|o| matches!(o, LineOutcome::Later { .. })), "{outcomes:?}");
    }

    #[test]
    fn a_batch_that_is_all_bad_ends_and_gets_further_each_time() {
        let fake = Fake {
            bad: (0..3000).collect(),
            keeps_good: true,
            down_after: usize::MAX,
            seen: Mutex::default(),
        };
        let outcomes = run(3000, &fake);
        assert_eq!(fake.seen.lock().unwrap().0, MAX_REQUESTS);
        let refused = outcomes.iter().filter(|o| matches!(o, LineOutcome::Refused { .. })).count();
        assert!(refused > 200, "{refused}");
        assert!(matches!(outcomes[2999], LineOutcome::Later { after: Some(Duration::ZERO), .. }));
    }
}
