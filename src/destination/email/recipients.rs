//! Who of the recipients has got the mail that is being sent.
//!
//! A mail server answers for each recipient. Who is refused for good (5xx) is left out. Who is refused
//! for now (4xx: greylisting, a full mailbox) is tried again, alone, while the others have theirs; but
//! not for ever, because that would hold back all later mail for everybody. Somebody given up once
//! gets one try per mail until one succeeds.

use std::collections::HashSet;

use lettre::Address;

use super::smtp::Sent;

/// Tries of a mail for the sake of some of its recipients. With the worker's pace (1, 2, 4 ...
/// seconds) that is 4 minutes, as long as greylisting usually takes.
const TRIES: u32 = 9;

/// Kept in memory: after a restart those who had the mail of the moment get it again.
#[derive(Debug, Default)]
pub(super) struct Progress {
    event: String,
    got: HashSet<Address>,
    refused: Vec<(Address, String)>,
    /// Tries since the first of the recipients had it.
    tries: u32,
    /// Given up at an earlier mail.
    unwell: HashSet<Address>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// At least one has it.
    Done { without: Vec<(Address, String)> },
    /// Somebody may get it later.
    Again(String),
    /// Nobody ever gets it.
    Never(String),
}

impl Progress {
    /// A try of this event's mail begins.
    pub(super) fn begin(&mut self, event: &str) {
        if self.event != event {
            let unwell = std::mem::take(&mut self.unwell);
            *self = Self { event: event.to_owned(), unwell, ..Self::default() };
        }
    }

    /// Whether this recipient is still to be asked for.
    pub(super) fn is_open(&self, recipient: &Address) -> bool {
        !self.got.contains(recipient) && !self.refused.iter().any(|(other, _)| other == recipient)
    }

    /// What a try came to.
    pub(super) fn judge(&mut self, sent: &Sent) -> Verdict {
        for recipient in &sent.accepted {
            self.unwell.remove(recipient);
            self.got.insert(recipient.clone());
        }
        self.refused.extend(sent.never.iter().cloned());
        if self.got.is_empty() {
            if sent.later.is_empty() {
                return Verdict::Never(listed("no recipient is accepted", &self.refused));
            }
            return Verdict::Again(listed("no recipient is accepted for now", &sent.later));
        }
        let mut without = self.refused.clone();
        if !sent.later.is_empty() {
            self.tries += 1;
            let waits = |(recipient, _): &(Address, String)| !self.unwell.contains(recipient);
            if self.tries < TRIES && sent.later.iter().any(waits) {
                return Verdict::Again(listed("not all recipients have it yet", &sent.later));
            }
            self.unwell.extend(sent.later.iter().map(|(recipient, _)| recipient.clone()));
            without.extend(sent.later.iter().cloned());
        }
        self.event.clear();
        Verdict::Done { without }
    }
}

fn listed(what: &str, recipients: &[(Address, String)]) -> String {
    let each: Vec<String> =
        recipients.iter().map(|(recipient, why)| format!("{recipient} {why}")).collect();
    format!("{what}: {}", each.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(name: &str) -> Address {
        format!("{name}@example.com").parse().unwrap()
    }

    fn sent(accepted: &[&str], later: &[&str], never: &[&str]) -> Sent {
        let with = |names: &[&str], why: &str| {
            names.iter().map(|name| (who(name), why.to_owned())).collect()
        };
        Sent {
            accepted: accepted.iter().map(|name| who(name)).collect(),
            later: with(later, "451: greylisted"),
            never: with(never, "550: no such user"),
        }
    }

    fn open(progress: &Progress) -> Vec<&'static str> {
        ["a", "b", "c"].into_iter().filter(|name| progress.is_open(&who(name))).collect()
    }

    #[test]
    fn one_bad_recipient_does_not_keep_the_mail_from_the_others() {
        let mut progress = Progress::default();
        progress.begin("1");
        let verdict = progress.judge(&sent(&["a"], &["b"], &["c"]));
        assert_eq!(
            verdict,
            Verdict::Again("not all recipients have it yet: b@example.com 451: greylisted".into())
        );
        progress.begin("1");
        assert_eq!(open(&progress), ["b"], "nobody gets it twice");
        let without = vec![(who("c"), "550: no such user".to_owned())];
        assert_eq!(progress.judge(&sent(&["b"], &[], &[])), Verdict::Done { without });
        progress.begin("2");
        assert_eq!(open(&progress), ["a", "b", "c"]);
    }

    #[test]
    fn when_nobody_is_accepted_it_comes_again_or_never() {
        let mut progress = Progress::default();
        progress.begin("1");
        for _ in 0..50 {
            assert!(matches!(progress.judge(&sent(&[], &["a"], &[])), Verdict::Again(_)));
        }
        assert_eq!(
            progress.judge(&sent(&[], &[], &["a"])),
            Verdict::Never("no recipient is accepted: a@example.com 550: no such user".into())
        );
    }

    #[test]
    fn a_full_mailbox_holds_the_others_back_once_and_not_for_ever() {
        let mut progress = Progress::default();
        let mail = |progress: &mut Progress, event: &str| {
            let mut tries = 1;
            progress.begin(event);
            let mut accepted = &["a"][..];
            while let Verdict::Again(_) = progress.judge(&sent(accepted, &["b"], &[])) {
                progress.begin(event);
                accepted = &[];
                tries += 1;
            }
            tries
        };
        assert_eq!(mail(&mut progress, "1"), TRIES);
        assert_eq!(mail(&mut progress, "2"), 1);
        progress.begin("3");
        progress.judge(&sent(&["a", "b"], &[], &[]));
        assert_eq!(mail(&mut progress, "4"), TRIES, "well again in between");
    }
}
