//! Helpers of templates, besides those of Handlebars.

use std::fmt::Write;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderError,
    RenderErrorReason, ScopedJson,
};
use serde_json::Value;

/// Name, example and meaning of each, for the reference.
pub(super) const HELPERS: &[(&str, &str, &str)] = &[
    (
        "json",
        "{{json alert.facts}}",
        "the value as JSON, whatever it is: text in quotes, number, list, object, `null`. In JSON templates only without quotes around it",
    ),
    (
        "default",
        "{{default site \"-\"}}",
        "the first value, or the second when it is missing, null or empty",
    ),
    (
        "has",
        "{{#if (has alert.facts.daysLeft)}}",
        "whether a name is there and not null; for `#if`",
    ),
    (
        "date",
        "{{date time \"%d.%m.%Y %H:%M\"}}",
        "a time in the zone of `Butler.timeZone`, by [strftime](https://docs.rs/chrono/latest/chrono/format/strftime/index.html); without a format `%Y-%m-%d %H:%M %Z`. A date without a time keeps its day. What is no time stays as it is; null is empty",
    ),
    ("later", "{{later time hours=72}}", "the time so many `hours` or `days` later, UTC, RFC 3339"),
    (
        "number",
        "{{number analyzer.total decimals=1 group=\",\"}}",
        "a number with so many `decimals` and a sign between thousands; without them as short as it is. What is no number stays as it is",
    ),
    ("upper", "{{upper alert.severity}}", "in capital letters"),
    ("lower", "{{lower site}}", "in small letters"),
    (
        "truncate",
        "{{truncate alert.text 200}}",
        "at most so many characters, the last of them `…` when something was cut",
    ),
    ("line", "{{line alert.text}}", "on one line: line ends and control characters become blanks"),
    (
        "slack",
        "{{slack alert.text max=2900}}",
        "as Slack's mrkdwn needs it (`&`, `<`, `>`), at most `max` characters long when escaped",
    ),
    (
        "eq ne gt gte lt lte and or not len",
        "{{#if (eq alert.severity \"critical\")}}",
        "comparisons, from Handlebars; for `#if`",
    ),
    (
        "if unless each with lookup raw",
        "{{#each alert.facts}}{{@key}}: {{this}}{{/each}}",
        "blocks, from Handlebars",
    ),
];

pub(super) fn register(handlebars: &mut Handlebars<'static>, zone: Tz) {
    handlebars.register_helper("json", Box::new(json));
    let mut add = |name: &'static str, make: Make| {
        handlebars.register_helper(name, Box::new(Computed { name, zone, make }));
    };
    add("default", default);
    add("has", has);
    add("date", date);
    add("later", later);
    add("number", number);
    add("upper", |call| Ok(call.text()?.to_uppercase().into()));
    add("lower", |call| Ok(call.text()?.to_lowercase().into()));
    add("truncate", truncate);
    add("line", |call| Ok(crate::plain::one_line(&call.text()?).into()));
    add("slack", slack);
}

type Make = fn(&Call<'_, '_>) -> Result<Value, RenderErrorReason>;

/// A helper whose value is escaped like any other and can be used inside other helpers.
struct Computed {
    name: &'static str,
    zone: Tz,
    make: Make,
}

/// One use of a helper.
struct Call<'a, 'rc> {
    name: &'static str,
    zone: Tz,
    helper: &'a Helper<'rc>,
}

impl HelperDef for Computed {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let call = Call { name: self.name, zone: self.zone, helper };
        Ok(ScopedJson::Derived((self.make)(&call)?))
    }
}

impl Call<'_, '_> {
    /// An argument; `None` when a name in it is not in the event.
    fn maybe(&self, index: usize) -> Result<Option<&Value>, RenderErrorReason> {
        let param = self
            .helper
            .param(index)
            .ok_or(RenderErrorReason::ParamNotFoundForIndex(self.name, index))?;
        Ok((!param.is_value_missing()).then(|| param.value()))
    }

    /// An argument that must be there.
    fn value(&self, index: usize) -> Result<&Value, RenderErrorReason> {
        self.maybe(index)?.ok_or_else(|| {
            let path = self.helper.param(index).and_then(|p| p.relative_path());
            RenderErrorReason::MissingVariable(path.cloned())
        })
    }

    /// The first argument as text: empty for null.
    fn text(&self) -> Result<String, RenderErrorReason> {
        Ok(match self.value(0)? {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }

    /// A named argument that is a whole number.
    fn hash(&self, name: &str) -> Option<usize> {
        self.helper.hash_get(name)?.value().as_u64().and_then(|n| usize::try_from(n).ok())
    }
}

/// Not escaped: JSON stands for itself in a JSON template.
fn json(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let call = Call { name: "json", zone: Tz::UTC, helper };
    out.write(&call.value(0)?.to_string())?;
    Ok(())
}

fn default(call: &Call<'_, '_>) -> Result<Value, RenderErrorReason> {
    let first = call.maybe(0)?.filter(|v| !v.is_null() && v.as_str() != Some(""));
    match first {
        Some(value) => Ok(value.clone()),
        None => call.value(1).cloned(),
    }
}

fn has(call: &Call<'_, '_>) -> Result<Value, RenderErrorReason> {
    Ok(call.maybe(0)?.is_some_and(|value| !value.is_null()).into())
}

fn time_of(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

fn date(call: &Call<'_, '_>) -> Result<Value, RenderErrorReason> {
    let text = call.text()?;
    let given = call.helper.param(1).and_then(|p| p.value().as_str());
    let (time, format) = if let Some(time) = time_of(&text) {
        (time.with_timezone(&call.zone), given.unwrap_or("%Y-%m-%d %H:%M %Z"))
    } else if let Ok(day) = text.parse::<NaiveDate>() {
        // Noon is on that day in every zone.
        let noon = NaiveTime::from_hms_opt(12, 0, 0).unwrap_or_default();
        let Some(time) = call.zone.from_local_datetime(&day.and_time(noon)).earliest() else {
            return Ok(text.into());
        };
        (time, given.unwrap_or("%Y-%m-%d"))
    } else {
        return Ok(text.into());
    };
    let mut out = String::new();
    write!(out, "{}", time.format(format)).map_err(|_| {
        RenderErrorReason::Other(format!("\"{format}\" is no format of a date (strftime)"))
    })?;
    Ok(out.into())
}

fn later(call: &Call<'_, '_>) -> Result<Value, RenderErrorReason> {
    let text = call.text()?;
    let hours = call.hash("hours").unwrap_or(0) + 24 * call.hash("days").unwrap_or(0);
    let moved = time_of(&text)
        .zip(i64::try_from(hours).ok().and_then(TimeDelta::try_hours))
        .and_then(|(time, by)| time.checked_add_signed(by));
    match moved {
        Some(time) => Ok(time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true).into()),
        None => Err(RenderErrorReason::Other(format!("\"{text}\" is no time, or too late a one"))),
    }
}

fn number(call: &Call<'_, '_>) -> Result<Value, RenderErrorReason> {
    let value = call.value(0)?;
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let Some(number) = number.filter(|n: &f64| n.is_finite()) else {
        return call.text().map(Value::from);
    };
    let plain = match call.hash("decimals") {
        Some(decimals) => format!("{number:.*}", decimals.min(15)),
        None => number.to_string(),
    };
    let Some(sign) = call.helper.hash_get("group").and_then(|g| g.value().as_str()) else {
        return Ok(plain.into());
    };
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let (minus, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut out = minus.to_owned();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push_str(sign);
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        let _ = write!(out, ".{fraction}");
    }
    Ok(out.into())
}

fn truncate(call: &Call<'_, '_>) -> Result<Value, RenderErrorReason> {
    let most = call.value(1)?.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let most = most.ok_or(RenderErrorReason::InvalidParamType("a number of characters"))?;
    Ok(cut(call.text()?.chars().map(String::from), most).into())
}

/// Slack's rule: these three signs and no others are escaped.
fn slack(call: &Call<'_, '_>) -> Result<Value, RenderErrorReason> {
    let text = call.text()?;
    let pieces = text.chars().map(|c| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        other => other.to_string(),
    });
    Ok(cut(pieces, call.hash("max").unwrap_or(usize::MAX)).into())
}

/// Whole pieces up to so many characters, the last of them `…` when something was cut.
fn cut(pieces: impl Iterator<Item = String>, most: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    // Where the text ends if there is no room for all of it.
    let mut end = 0;
    for piece in pieces {
        length += piece.chars().count();
        if length > most {
            out.truncate(end);
            out.push('…');
            return out;
        }
        out.push_str(&piece);
        if length < most {
            end = out.len();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(zone: Tz, template: &str) -> String {
        let mut handlebars = Handlebars::new();
        handlebars.set_strict_mode(true);
        handlebars.register_escape_fn(handlebars::no_escape);
        register(&mut handlebars, zone);
        let data = serde_json::json!({
            "time": "2026-11-24T23:30:00.005Z", "day": "2026-12-23", "word": "perpetual",
            "none": null, "empty": "", "n": -1234567.5, "small": 12, "text": "a<b>&\nc",
            "list": [1, "x"],
        });
        match handlebars.render_template(template, &data) {
            Ok(text) => text,
            Err(error) => format!("error: {}", error.reason()),
        }
    }

    #[test]
    fn what_they_make() {
        let cases = [
            ("{{json list}} {{json none}} {{json text}}", "[1,\"x\"] null \"a<b>&\\nc\""),
            ("{{default nope 1}}{{default none 2}}{{default empty 3}}{{default small 4}}", "12312"),
            ("{{default list.[0] 5}}{{default nope.deeper \"-\"}}", "1-"),
            (
                "{{#if (has none)}}a{{/if}}{{#if (has nope.x)}}b{{/if}}{{#if (has empty)}}c{{/if}}",
                "c",
            ),
            (
                "{{date time}}|{{date day}}|{{date word}}|{{date none}}",
                "2026-11-25 00:30 CET|2026-12-23|perpetual|",
            ),
            (
                "{{date time \"%A, %-d %B\"}} {{date day \"%d.%m.%Y\"}}",
                "Wednesday, 25 November 23.12.2026",
            ),
            ("{{date time \"%Q\"}}", "error: \"%Q\" is no format of a date (strftime)"),
            ("{{later time hours=1 days=1}}", "2026-11-26T00:30:00.005Z"),
            ("{{later word hours=1}}", "error: \"perpetual\" is no time, or too late a one"),
            (
                "{{number n decimals=2 group=\",\"}} {{number small decimals=1}} {{number n}}",
                "-1,234,567.50 12.0 -1234567.5",
            ),
            ("{{number small group=\" \"}} {{number word}} {{number none}}", "12 perpetual "),
            ("{{upper word}} {{lower \"ÄB\"}}", "PERPETUAL äb"),
            ("{{truncate word 9}} {{truncate word 8}} {{truncate word 1}}", "perpetual perpetu… …"),
            ("{{line text}}", "a<b>& c"),
            (
                "{{slack text}}|{{slack text max=10}}|{{slack text max=5}}",
                "a&lt;b&gt;&amp;\nc|a&lt;b…|a…",
            ),
            ("{{date nope}}", "error: Failed to access variable in strict mode Some(\"nope\")"),
            ("{{json nope}}", "error: Failed to access variable in strict mode Some(\"nope\")"),
            ("{{upper (truncate (default nope word) 3)}}", "PE…"),
        ];
        for (template, expected) in cases {
            assert_eq!(render(Tz::Europe__Stockholm, template), expected, "{template}");
        }
        assert_eq!(render(Tz::UTC, "{{date time}}"), "2026-11-24 23:30 UTC");
    }

    #[test]
    fn every_helper_is_in_the_reference() {
        let mut handlebars = Handlebars::new();
        register(&mut handlebars, Tz::UTC);
        for name in HELPERS.iter().flat_map(|(names, _, _)| names.split(' ')) {
            let known = render(Tz::UTC, &format!("{{{{#if false}}}}{{{{{name} 1}}}}{{{{/if}}}}"));
            assert!(!known.contains("error"), "{name}: {known}");
        }
    }
}
