//! What a mail server's negative answer is about: the server's settings, which hold for every
//! message, or this recipient, or this message.

use super::failure::Cause;

/// What is about every message, whatever the step in which the server says so. `code` is that of the
/// reply, `words` its text, which may begin with an enhanced code (RFC 3463).
///
/// Servers differ in when they say it: Postfix keeps its word on senders and hosts until the
/// recipients, Exchange that on senders until the end of the message. So the words count, not the step.
pub(super) fn of_every_message(code: &str, words: &str) -> Option<Cause> {
    let enhanced = enhanced(words);
    let words = words.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    let is = |codes: &[&str]| enhanced.is_some_and(|code| codes.contains(&code));
    let login = matches!(code, "530" | "534" | "535") || is(&["5.7.8", "5.7.9", "5.7.57"]);
    if code == "538" || is(&["5.7.10", "5.7.11"]) || (login && says(&["starttls", "encryption"])) {
        return Some(Cause::NotEncrypted);
    }
    if login || says(&["not authenticated", "authentication required", "authenticate first"]) {
        return Some(Cause::Login);
    }
    if is(&["5.1.7", "5.1.8", "5.7.60", "5.2.252"])
        || says(&["send as", "sendasdenied", "sender address rejected", "sender rejected"])
    {
        return Some(Cause::Sender);
    }
    if is(&["5.7.54", "5.7.64"]) || says(&["relay"]) {
        return Some(Cause::Relay);
    }
    if says(&["client host", "helo command rejected", "blocked using", "block list", "blocklist"]) {
        return Some(Cause::Relay);
    }
    if is(&["5.4.5", "5.7.705", "5.7.708", "5.7.750"]) || says(&["sending limit"]) {
        return Some(Cause::Quota);
    }
    None
}

/// Whether a refusal of the message is a judgement of its words or its sender's name. A filter that
/// judges every message so has a reason that holds for all of them; the worker finds out, by whether
/// others get through.
pub(super) fn is_a_judgement(words: &str) -> bool {
    let lower = words.to_lowercase();
    enhanced(words).is_some_and(|code| code.starts_with("5.7."))
        || ["spam", "policy", "reputation"].iter().any(|word| lower.contains(word))
}

/// `5.7.1` at the beginning.
fn enhanced(words: &str) -> Option<&str> {
    let first = words.split_whitespace().next()?;
    let mut parts = first.split('.');
    let digits = |part: Option<&str>| {
        part.is_some_and(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()))
    };
    let fits = digits(parts.next()) && digits(parts.next()) && digits(parts.next());
    (fits && parts.next().is_none()).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_for_every_message_is_told_by_the_words() {
        for (answer, cause) in [
            ("530 5.7.57 Client not authenticated to send mail.", Some(Cause::Login)),
            ("530 5.7.0 Must issue a STARTTLS command first", Some(Cause::NotEncrypted)),
            ("538 5.7.11 encryption required", Some(Cause::NotEncrypted)),
            ("535 5.7.8 authentication failed", Some(Cause::Login)),
            (
                "550 5.7.60 client does not have permissions to send as this sender",
                Some(Cause::Sender),
            ),
            (
                "554 5.2.252 SendAsDenied; a@example.com not allowed to send as b",
                Some(Cause::Sender),
            ),
            ("553 5.7.1 <a@b>: Sender address rejected: not owned by user c", Some(Cause::Sender)),
            ("550 5.7.54 unable to relay recipient in non-accepted domain", Some(Cause::Relay)),
            ("554 5.7.1 <a@b>: Relay access denied", Some(Cause::Relay)),
            ("550 relay not permitted", Some(Cause::Relay)),
            (
                "554 5.7.1 Service unavailable; Client host [1.2.3.4] blocked using x",
                Some(Cause::Relay),
            ),
            ("550 5.4.5 Daily user sending limit exceeded", Some(Cause::Quota)),
            ("550 5.1.1 user unknown", None),
            ("550 5.7.1 recipient rejected", None),
            ("552 5.3.4 message too big", None),
            ("554 5.7.1 rejected as spam", None),
            ("550 no such user", None),
            ("550", None),
        ] {
            let (code, words) = answer.split_once(' ').unwrap_or((answer, ""));
            assert_eq!(of_every_message(code, words), cause, "{answer}");
        }
    }

    #[test]
    fn a_judgement_is_no_fact() {
        assert!(is_a_judgement("5.7.1 rejected as spam") && is_a_judgement("this is spam"));
        assert!(!is_a_judgement("5.3.4 message too big") && !is_a_judgement("5.6.0 no MIME"));
        assert_eq!(enhanced("5.7.1 x"), Some("5.7.1"));
        for none in ["", "5.7 x", "5.7.1.2 x", "<a@b.c.d>", "1.2.3.4x"] {
            assert_eq!(enhanced(none), None, "{none}");
        }
    }
}
