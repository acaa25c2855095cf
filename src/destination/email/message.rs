//! What a mail says and how it is put together.

use std::fmt::Write;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, MessageBuilder, MultiPart, SinglePart};
use serde_json::{Map, Value};

use super::settings;
use crate::destination::payload;
use crate::destination::template::context;
use crate::event::{AlertNotice, AlertStatus, Event, Severity};
use crate::plain::{on_terminal, one_line, padded, shortened, width};
use crate::words::Locale;

/// Subject and bodies of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// What a person reads, before it is text or HTML.
struct Letter {
    title: String,
    /// The first words of the subject.
    label: Option<String>,
    /// The colour of the line at the side.
    colour: &'static str,
    text: String,
    hint: String,
    /// Names and values.
    rows: Vec<(String, String)>,
}

impl Words {
    /// Built in: what happened, what to do, the figures.
    pub(super) fn of(event: &Event, local: Local, named_site: bool) -> Self {
        let letter = match context::notice(event) {
            Some(notice) => alert(event, &notice, local, named_site),
            None => news(event, local, named_site),
        };
        let label = letter.label.as_ref().map(|label| format!("[{label}] ")).unwrap_or_default();
        let site = if named_site { format!(" - {}", event.site) } else { String::new() };
        Self {
            subject: format!("{label}{}{site}", letter.title),
            text: text(&letter),
            html: html(&letter),
        }
    }
}

fn alert(event: &Event, notice: &AlertNotice, at: Local, named_site: bool) -> Letter {
    let over = notice.status == AlertStatus::Resolved;
    let colour = match (over, notice.severity) {
        (true, _) => "#2e7d32",
        (false, Severity::Critical) => "#c62828",
        (false, Severity::Warning) => "#ef6c00",
        (false, Severity::Info) => "#1565c0",
    };
    let label = match (notice.test, over) {
        (true, _) => "test",
        (false, true) => "resolved",
        (false, false) => notice.severity.as_str(),
    };
    let mut rows = common(event, at, named_site);
    rows.push(("rule".into(), notice.rule.to_string()));
    if !notice.subject.is_empty() {
        rows.push(("subject".into(), notice.subject.clone()));
    }
    rows.push(("severity".into(), notice.severity.as_str().into()));
    rows.push(("since".into(), at.time(notice.since)));
    if let Some(resolved) = notice.resolved {
        rows.push(("resolved".into(), at.time(resolved)));
    }
    if notice.repeats > 0 {
        rows.push(("sent before".into(), format!("{} times", notice.repeats)));
    }
    if let Some(silence) = &notice.silenced {
        let until = at.time(silence.until);
        let text = format!("by {} until {until}: {}", silence.by, silence.why);
        rows.push(("silenced".into(), text));
    }
    flatten(&notice.facts, "", at.locale, &mut rows);
    Letter {
        title: at.locale.retold(&notice.title),
        label: Some(label.to_uppercase()),
        colour,
        text: at.locale.retold(&notice.text),
        hint: if over { String::new() } else { notice.hint.clone() },
        rows,
    }
}

fn news(event: &Event, at: Local, named_site: bool) -> Letter {
    let mut rows = common(event, at, named_site);
    let mut map = payload::webhook_json(event, false);
    for known in ["event", "time", "eventId"] {
        map.shift_remove(known);
    }
    flatten(&map, "", at.locale, &mut rows);
    Letter {
        title: format!("Qlik Sense {}", event.kind().title()),
        label: None,
        colour: "#1565c0",
        text: at.locale.retold(&event.summary()),
        hint: String::new(),
        rows,
    }
}

fn common(event: &Event, at: Local, named_site: bool) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    if named_site {
        rows.push(("site".into(), event.site.clone()));
    }
    rows.push(("time".into(), at.time(event.time)));
    rows
}

/// How a mail tells times, days and numbers: what is sent elsewhere is the same everywhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Local {
    pub(super) zone: Tz,
    pub(super) locale: Locale,
}

impl Local {
    fn time(self, time: DateTime<Utc>) -> String {
        let zone = time.with_timezone(&self.zone).format("%Z").to_string();
        format!("{} {zone}", self.locale.time(time, self.zone))
    }
}

/// The most rows: a mail is no export.
const ROWS: usize = 60;

fn flatten(map: &Map<String, Value>, before: &str, l: Locale, rows: &mut Vec<(String, String)>) {
    for (name, value) in map {
        let name = format!("{before}{}", in_words(name));
        match value {
            Value::Null => {}
            Value::Object(inner) => flatten(inner, &format!("{name}, "), l, rows),
            Value::Array(items) if items.iter().any(Value::is_object) => {
                for (i, item) in items.iter().enumerate() {
                    if let Value::Object(inner) = item {
                        flatten(inner, &format!("{name} {}, ", i + 1), l, rows);
                    }
                }
            }
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| plain(item, l)).collect();
                rows.push((name, items.join(", ")));
            }
            other => rows.push((name, plain(other, l))),
        }
        if rows.len() > ROWS {
            rows.truncate(ROWS);
            rows.push(("...".into(), "and more".into()));
            return;
        }
    }
}

fn plain(value: &Value, l: Locale) -> String {
    match value {
        Value::String(text) => l.retold(text),
        Value::Number(number) if l != Locale::default() => l.separated(&number.to_string()),
        other => other.to_string(),
    }
}

/// `daysUntilExpiry` as `days until expiry`.
fn in_words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

fn text(letter: &Letter) -> String {
    let mut out = format!("{}\n\n{}\n", one_line(&letter.title), clean(&letter.text));
    if !letter.hint.is_empty() {
        let _ = write!(out, "\nWhat to do: {}\n", clean(&letter.hint));
    }
    out.push('\n');
    let widest = letter.rows.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    for (name, value) in &letter.rows {
        let _ = writeln!(out, "{}  {}", padded(&format!("{name}:"), widest + 1), one_line(value));
    }
    out.push_str("\n-- \nSent by Bursar\n");
    out
}

fn html(letter: &Letter) -> String {
    let escape = |text: &str| handlebars::html_escape(&clean(text)).replace('\n', "<br>\n");
    let mut out = format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head>\n\
         <body style=\"font-family:sans-serif;color:#222\">\n\
         <div style=\"border-left:6px solid {};padding:0 16px\">\n<h2>{}</h2>\n<p>{}</p>\n",
        letter.colour,
        escape(&letter.title),
        escape(&letter.text)
    );
    if !letter.hint.is_empty() {
        let _ = writeln!(out, "<p><b>What to do:</b> {}</p>", escape(&letter.hint));
    }
    out.push_str("<table style=\"border-collapse:collapse\">\n");
    for (name, value) in &letter.rows {
        let _ = writeln!(
            out,
            "<tr><td style=\"color:#666;padding:2px 16px 2px 0\">{}</td><td>{}</td></tr>",
            escape(name),
            escape(value)
        );
    }
    out.push_str("</table>\n</div>\n<p style=\"color:#888\">Sent by Bursar</p>\n</body></html>\n");
    out
}

/// Without what steers a terminal or misleads who reads; line ends stay.
fn clean(text: &str) -> String {
    on_terminal(text, false).chars().filter(|c| !matches!(c, '\t' | '\r' | '\u{fffd}')).collect()
}

/// One line of a length that mail programs show.
pub(super) fn subject_line(text: &str) -> String {
    shortened(text, 200)
}

/// The mail of an event. The same event makes the same `Message-ID` each time.
pub(super) fn of_event(
    settings: &settings::Email,
    event: &Event,
    words: Words,
) -> Result<Vec<u8>, lettre::error::Error> {
    let domain = settings.from.email.domain();
    let mut builder = head(settings, &words.subject)
        .date(SystemTime::from(event.time))
        .message_id(Some(format!("<{}@{domain}>", event.id)))
        .raw_header(header("X-Bursar-Event-Id", &event.id));
    if let Some(notice) = context::notice(event) {
        // Mail programs show the mails of one alert together.
        let id = format!("{}.alert", notice.fingerprint);
        if id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) {
            builder = builder.references(format!("<{id}@{domain}>"));
        }
        if notice.severity == Severity::Critical && notice.status == AlertStatus::Firing {
            builder = builder
                .raw_header(header("Importance", "high"))
                .raw_header(header("X-Priority", "1"));
        }
    }
    let parts = MultiPart::alternative_plain_html(words.text, words.html);
    Ok(builder.multipart(parts)?.formatted())
}

/// A mail with one file. Errors are in words.
pub(super) fn with_file(
    settings: &settings::Email,
    subject: &str,
    text: &str,
    filename: &str,
    content_type: &str,
    bytes: Vec<u8>,
) -> Result<Vec<u8>, String> {
    let content_type = ContentType::parse(content_type)
        .map_err(|_| format!("\"{content_type}\" is not a content type"))?;
    let domain = settings.from.email.domain();
    let parts = MultiPart::mixed()
        .singlepart(SinglePart::plain(text.to_owned()))
        .singlepart(Attachment::new(one_line(filename)).body(bytes, content_type));
    let message = head(settings, &subject_line(subject))
        .date_now()
        .message_id(Some(format!("<{}@{domain}>", uuid::Uuid::now_v7())))
        .multipart(parts)
        .map_err(|error| error.to_string())?;
    Ok(message.formatted())
}

fn head(settings: &settings::Email, subject: &str) -> MessageBuilder {
    let mut builder = Message::builder().from(settings.from.clone()).subject(subject);
    for to in &settings.to {
        builder = builder.to(to.clone());
    }
    for cc in &settings.cc {
        builder = builder.cc(cc.clone());
    }
    // No holiday notes in return.
    builder
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "All"))
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::template::samples;

    fn firing() -> Event {
        samples::all().into_iter().find(|e| samples::name(e) == "alert (firing)").unwrap()
    }

    fn settings() -> settings::Email {
        settings::Email {
            host: "mail".into(),
            port: 25,
            security: settings::EmailSecurity::None,
            ca_cert: None,
            reject_unauthorized: true,
            server_name: None,
            auth: None,
            oauth2: None,
            hello_name: None,
            from: "Bursar <bursar@example.com>".parse().unwrap(),
            to: vec!["\"Ödön, Admin\" <admin@example.com>".parse().unwrap()],
            cc: vec![],
            timeout: std::time::Duration::from_secs(1),
            subject: None,
            text: None,
            html: None,
        }
    }

    fn local(zone: Tz) -> Local {
        Local { zone, locale: Locale::default() }
    }

    #[test]
    fn a_mail_tells_numbers_and_days_as_the_settings_say() {
        let mut event = firing();
        let crate::event::Body::Alert(notice) = &mut event.body else { panic!() };
        notice.text = "10,983 of 20,000 minutes are used (97.5 %) on 5 March 2027".to_owned();
        let german = Local { zone: Tz::UTC, locale: Locale::parse("de").unwrap() };
        let words = Words::of(&event, german, true);
        for told in [
            "10.983 of 20.000 minutes are used (97,5 %) on 05.03.2027",
            "since:        22.11.2026 06:00 UTC",
            "percent:      97,5",
        ] {
            assert!(words.text.contains(told), "{told}: {}", words.text);
        }
        assert!(words.html.contains("10.983 of 20.000"), "{}", words.html);
    }

    #[test]
    fn words_of_an_alert() {
        let words = Words::of(&firing(), local(Tz::Europe__Stockholm), true);
        insta::assert_snapshot!(subject_line(&words.subject), @r#"[WARNING] Professional seats are low O"Hara\ 'x' <script>alert(1)</script> & {{site}} *b* 🦀 ü\ - prod "EU""#);
        insta::assert_snapshot!(words.text, @r#"
        Professional seats are low O"Hara\ 'x' <script>alert(1)</script> & {{site}} *b* 🦀 ü\

        3 of 120 Professional seats are free O"Hara\ 'x'
        <script>alert(1)</script> & {{site}} *b* 🦀ü\

        What to do: see who has not used a seat for long: bursar release plan

        site:         prod "EU"
        time:         2026-11-24 07:00 CET
        rule:         seatsLow
        subject:      professional
        severity:     warning
        since:        2026-11-22 07:00 CET
        sent before:  2 times
        seat type:    professional
        free:         3
        total:        120
        percent:      97.5

        -- 
        Sent by Bursar
        "#);
        insta::assert_snapshot!(words.html, @r#"
        <!DOCTYPE html>
        <html><head><meta charset="utf-8"></head>
        <body style="font-family:sans-serif;color:#222">
        <div style="border-left:6px solid #ef6c00;padding:0 16px">
        <h2>Professional seats are low O&quot;Hara\ &#x27;x&#x27;<br>
        &lt;script&gt;alert(1)&lt;/script&gt; &amp; {{site}} *b* 🦀ü\</h2>
        <p>3 of 120 Professional seats are free O&quot;Hara\ &#x27;x&#x27;<br>
        &lt;script&gt;alert(1)&lt;/script&gt; &amp; {{site}} *b* 🦀ü\</p>
        <p><b>What to do:</b> see who has not used a seat for long: bursar release plan</p>
        <table style="border-collapse:collapse">
        <tr><td style="color:#666;padding:2px 16px 2px 0">site</td><td>prod &quot;EU&quot;</td></tr>
        <tr><td style="color:#666;padding:2px 16px 2px 0">time</td><td>2026-11-24 07:00 CET</td></tr>
        <tr><td style="color:#666;padding:2px 16px 2px 0">rule</td><td>seatsLow</td></tr>
        <tr><td style="color:#666;padding:2px 16px 2px 0">subject</td><td>professional</td></tr>
        <tr><td style="color:#666;padding:2px 16px 2px 0">severity</td><td>warning</td></tr>
        <tr><td style="color:#666;padding:2px 16px 2px 0">since</td><td>2026-11-22 07:00 CET</td></tr>
        <tr><td style="color:#666;padding:2px 16px 2px 0">sent before</td><td>2 times</td></tr>
        <tr><td style="color:#666;padding:2px 16px 2px 0">seat type</td><td>professional</td></tr>
        <tr><td style="color:#666;padding:2px 16px 2px 0">free</td><td>3</td></tr>
        <tr><td style="color:#666;padding:2px 16px 2px 0">total</td><td>120</td></tr>
        <tr><td style="color:#666;padding:2px 16px 2px 0">percent</td><td>97.5</td></tr>
        </table>
        </div>
        <p style="color:#888">Sent by Bursar</p>
        </body></html>
        "#);
    }

    #[test]
    fn a_test_and_a_silence_are_seen() {
        let mut event = firing();
        let crate::event::Body::Alert(notice) = &mut event.body else { panic!() };
        notice.test = true;
        notice.silenced = Some(crate::event::Silenced {
            by: "anna@qlik".into(),
            until: notice.since,
            why: "order is placed".into(),
        });
        let words = Words::of(&event, local(Tz::UTC), true);
        assert!(words.subject.starts_with("[TEST] "), "{}", words.subject);
        let silenced = "silenced:     by anna@qlik until 2026-11-22 06:00 UTC: order is placed";
        assert!(words.text.contains(silenced), "{}", words.text);
    }

    #[test]
    fn every_event_can_be_mailed_and_no_name_gets_out_of_its_place() {
        for event in samples::all() {
            let words = Words::of(&event, local(Tz::UTC), true);
            assert!(!words.html.contains("<script"), "{}", words.html);
            assert!(words.text.lines().count() < 100);
            let subject = subject_line(&words.subject);
            let words = Words { subject, ..words };
            let bytes = of_event(&settings(), &event, words).unwrap();
            assert!(bytes.is_ascii(), "any mail server takes it");
            let text = String::from_utf8(bytes).unwrap();
            let (head, _) = text.split_once("\r\n\r\n").unwrap();
            let names: Vec<&str> = head
                .lines()
                .filter(|line| !line.starts_with([' ', '\t']))
                .map(|line| line.split(':').next().unwrap())
                .collect();
            let known = [
                "From",
                "Subject",
                "To",
                "Auto-Submitted",
                "X-Auto-Response-Suppress",
                "Date",
                "Message-ID",
                "X-Bursar-Event-Id",
                "References",
                "Importance",
                "X-Priority",
                "MIME-Version",
                "Content-Type",
            ];
            assert!(names.iter().all(|name| known.contains(name)), "{head}");
            assert!(
                head.contains("Message-ID: <0199b1c2-7a3b-7000-8000-0000000000aa@example.com>")
            );
        }
    }
}
