//! Two clients with one id: a broker ends the older connection when the newer one comes. MQTT 5 says
//! why; MQTT 3.1.1 just hangs up, and that again and again is how it shows.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// So many ends without a reason ...
const TIMES: usize = 3;
/// ... within this time are no accident.
const WITHIN: Duration = Duration::from_secs(120);

/// Connections that the broker accepted and ended while nothing of ours was under way.
#[derive(Debug, Default)]
pub(super) struct Turns(VecDeque<Instant>);

impl Turns {
    /// One more. How many there were of late, when that looks like another client.
    pub(super) fn ended(&mut self) -> Option<usize> {
        let now = Instant::now();
        self.0.push_back(now);
        while self.0.front().is_some_and(|first| now.duration_since(*first) > WITHIN) {
            self.0.pop_front();
        }
        (self.0.len() >= TIMES).then_some(self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn three_ends_in_two_minutes_are_another_client() {
        let mut turns = Turns::default();
        for _ in 0..5 {
            assert_eq!(turns.ended(), None);
            tokio::time::advance(Duration::from_secs(61)).await;
        }
        turns.ended();
        assert_eq!(turns.ended(), Some(3));
    }
}
