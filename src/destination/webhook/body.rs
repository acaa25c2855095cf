//! What the body of a 2xx says, for the receivers that the shipped templates are for: some of them
//! answer 200 and mean that nothing came of it. Nothing of a body is shown but codes and words that
//! were looked for: it may repeat the address, which is a secret with many receivers.

use serde_json::Value;

use super::{Outcome, judge};
use crate::destination::template::{Source, shipped};
use reqwest::StatusCode;

/// Most letters of a receiver's code for an error.
const LONGEST_CODE: usize = 60;

/// What shapes of answers are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receiver {
    Teams,
    Slack,
    PagerDuty,
    /// Its status is all that counts.
    Other,
}

impl Receiver {
    /// By the shipped template, if it is one.
    pub(super) fn of(source: Option<&Source>) -> Self {
        let name = source.and_then(|source| {
            shipped::named(&source.name).filter(|shipped| shipped.text == source.text)
        });
        match name.map(|shipped| shipped.name) {
            Some("teams") => Self::Teams,
            Some("slack") => Self::Slack,
            Some("pagerduty") => Self::PagerDuty,
            _ => Self::Other,
        }
    }

    /// What a 2xx with this body means; `None` when it is what it seems.
    pub(super) fn judge(self, status: StatusCode, body: &str) -> Option<Outcome> {
        match self {
            Self::Teams => teams(status, body),
            Self::Slack => slack(status, body),
            Self::PagerDuty => pagerduty(status, body),
            Self::Other => None,
        }
    }
}

/// `Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413 with
/// ContextId ...`
fn teams(status: StatusCode, body: &str) -> Option<Outcome> {
    let lower = body.to_lowercase();
    if !lower.contains("webhook message delivery failed") {
        return None;
    }
    let code = lower.split("http error").nth(1).and_then(|rest| {
        let rest = rest.trim_start();
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        StatusCode::from_bytes(rest.get(..digits)?.as_bytes()).ok()
    });
    let failed = format!("answered {status}, and in the body that the message was not delivered");
    Some(match code.filter(|code| !code.is_success()) {
        None => Outcome::Retry { after: None, why: failed },
        Some(code) => with_words(judge(code, None), |_| format!("{failed}: {code}")),
    })
}

/// `{"ok":false,"error":"invalid_blocks"}`
fn slack(status: StatusCode, body: &str) -> Option<Outcome> {
    let json: Value = serde_json::from_str(body).ok()?;
    if json.get("ok")?.as_bool()? {
        return None;
    }
    let error = code(json.get("error"));
    let why = format!("answered {status}, and in the body that it is not ok: {error}");
    let of_the_message = [
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_attachments",
        "invalid_arguments",
        "invalid_json",
        "invalid_payload",
        "msg_too_long",
        "msg_blocks_too_long",
        "no_text",
        "too_many_attachments",
    ];
    Some(match of_the_message.contains(&error.as_str()) {
        true => Outcome::Refused { why },
        false => Outcome::Retry { after: None, why },
    })
}

/// `{"status":"invalid event","message":"Event object is invalid","errors":[...]}`
fn pagerduty(status: StatusCode, body: &str) -> Option<Outcome> {
    let json: Value = serde_json::from_str(body).ok()?;
    let said = json.get("status")?.as_str()?;
    if said == "success" {
        return None;
    }
    let why = format!("answered {status}, and in the body the status {}", code(json.get("status")));
    Some(match said.starts_with("invalid") {
        true => Outcome::Refused { why },
        false => Outcome::Retry { after: None, why },
    })
}

/// A code of the receiver's. What does not look like one is not shown.
fn code(value: Option<&Value>) -> String {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ' ');
    match !text.is_empty() && text.len() <= LONGEST_CODE && text.chars().all(fits) {
        true => text.to_owned(),
        false => "no code".to_owned(),
    }
}

fn with_words(outcome: Outcome, words: impl Fn(&str) -> String) -> Outcome {
    match outcome {
        Outcome::Done => Outcome::Done,
        Outcome::Retry { after, why } => Outcome::Retry { after, why: words(&why) },
        Outcome::Refused { why } => Outcome::Refused { why: words(&why) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(receiver: Receiver, body: &str) -> String {
        match receiver.judge(StatusCode::OK, body) {
            None => "done".to_owned(),
            Some(Outcome::Done) => unreachable!("an error is never done"),
            Some(Outcome::Retry { why, .. }) => format!("later: {why}"),
            Some(Outcome::Refused { why }) => format!("never: {why}"),
        }
    }

    /// Case "Teams says 200".
    #[test]
    fn teams_says_200() {
        let failed = |code: &str| {
            let body = format!(
                "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error {code} with ContextId tcid=0,server=https://x/secret."
            );
            says(Receiver::Teams, &body)
        };
        let why = "answered 200 OK, and in the body that the message was not delivered";
        assert_eq!(failed("413"), format!("never: {why}: 413 Payload Too Large"));
        assert_eq!(failed("400"), format!("never: {why}: 400 Bad Request"));
        assert_eq!(failed("429"), format!("later: {why}: 429 Too Many Requests"));
        assert_eq!(failed("503"), format!("later: {why}: 503 Service Unavailable"));
        assert_eq!(failed("404"), format!("later: {why}: 404 Not Found"));
        assert_eq!(failed("200"), format!("later: {why}"));
        assert_eq!(failed("https://x/secret"), format!("later: {why}"));
        for fine in ["1", "", "{}"] {
            assert_eq!(says(Receiver::Teams, fine), "done");
        }
    }

    /// The relatives of that case.
    #[test]
    fn slack_and_pagerduty_say_200() {
        let slack = |body: &str| says(Receiver::Slack, body);
        let why = "answered 200 OK, and in the body that it is not ok";
        let not_ok = |error: &str| slack(&format!(r#"{{"ok":false,"error":"{error}"}}"#));
        assert_eq!(not_ok("invalid_blocks"), format!("never: {why}: invalid_blocks"));
        assert_eq!(not_ok("ratelimited"), format!("later: {why}: ratelimited"));
        assert_eq!(not_ok("invalid_auth"), format!("later: {why}: invalid_auth"));
        assert_eq!(not_ok("https://x/secret"), format!("later: {why}: no code"));
        for fine in ["ok", r#"{"ok":true}"#, r#"{"other":1}"#, "<html>"] {
            assert_eq!(slack(fine), "done");
        }
        let pagerduty = |body: &str| says(Receiver::PagerDuty, body);
        let why = "answered 200 OK, and in the body the status";
        assert_eq!(
            pagerduty(r#"{"status":"invalid event","errors":["x"]}"#),
            format!("never: {why} invalid event")
        );
        assert_eq!(
            pagerduty(r#"{"status":"throttle exceeded"}"#),
            format!("later: {why} throttle exceeded")
        );
        assert_eq!(pagerduty(r#"{"status":"success","dedup_key":"x"}"#), "done");
        assert_eq!(says(Receiver::Other, r#"{"ok":false}"#), "done");
    }
}
