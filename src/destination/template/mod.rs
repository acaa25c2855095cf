//! Templates: what an event looks like to a receiver that wants it otherwise than built in.
//!
//! A template is Handlebars over one object, see [`context`]. How values are escaped follows from
//! what the template makes ([`Format`]). Names that are not in the object are errors (strict mode),
//! so that a typing error shows when the settings are loaded: they are tried on [`samples`] of
//! everything that the destination can get.

pub mod context;
mod helpers;
pub(crate) mod raw;
pub mod reference;
pub mod samples;
pub mod shipped;
pub(crate) mod validate;

use std::fmt;

use chrono_tz::Tz;
use handlebars::{Handlebars, RenderErrorReason, TemplateErrorReason};
use serde_json::{Map, Value};

use crate::event::Event;
use crate::secret::{Forms, Secret};

/// A template as the settings have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The file, or what a person calls it.
    pub name: String,
    pub text: String,
    pub format: Format,
    /// Values of the settings' own, as `values.NAME`.
    pub values: Vec<(String, Secret)>,
    /// For dates.
    pub zone: Tz,
}

/// What a template makes, which decides how the values in it are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON value: inside texts, and checked to be one.
    Json,
    /// HTML or XML.
    Html,
    /// `name=value&name=value`.
    Form,
    /// As they are.
    Text,
}

impl Source {
    /// Its values: they may be tokens.
    pub(crate) fn secrets(&self, forms: &mut Forms) {
        self.values.iter().for_each(|(_, value)| forms.secret(value.reveal()));
    }
}

impl Format {
    /// By the media type: `application/json; charset=utf-8`, `application/vnd.x+json` ...
    pub fn of(content_type: &str) -> Self {
        let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if media == "application/json" || media == "text/json" || media.ends_with("+json") {
            Self::Json
        } else if media.ends_with("/html") || media.ends_with("/xml") || media.ends_with("+xml") {
            Self::Html
        } else if media == "application/x-www-form-urlencoded" {
            Self::Form
        } else {
            Self::Text
        }
    }
}

/// Why a template can't be used, or not on an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Line and column in the template, or none when it is about what was made.
    pub place: Option<(usize, usize)>,
    pub what: String,
    pub fix: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for Error {}

/// A template that can be rendered.
pub struct Template {
    handlebars: Handlebars<'static>,
    format: Format,
    values: Value,
}

impl fmt::Debug for Template {
    /// Without the values: they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("format", &self.format).finish_non_exhaustive()
    }
}

/// The one name in each registry.
const NAME: &str = "template";

impl Template {
    /// # Errors
    /// When it is no Handlebars.
    pub fn compile(source: &Source) -> Result<Self, Error> {
        let mut handlebars = Handlebars::new();
        handlebars.set_strict_mode(true);
        handlebars.set_prevent_indent(true);
        match source.format {
            Format::Json => handlebars.register_escape_fn(json_escape),
            Format::Html => handlebars.register_escape_fn(handlebars::html_escape),
            Format::Form => handlebars.register_escape_fn(form_escape),
            Format::Text => handlebars.register_escape_fn(handlebars::no_escape),
        }
        helpers::register(&mut handlebars, source.zone);
        handlebars.register_template_string(NAME, &source.text).map_err(|error| Error {
            place: error.pos(),
            what: syntax(error.reason()),
            fix: "see that every {{ has its }} and every block its end, such as {{/if}}".into(),
        })?;
        let values = source.values.iter();
        let values = values.map(|(name, value)| (name.clone(), value.reveal().into())).collect();
        Ok(Self { handlebars, format: source.format, values: Value::Object(values) })
    }

    /// The text of an event.
    ///
    /// # Errors
    /// When a name is not in the event's object, or the result is no JSON and should be.
    pub fn render(&self, event: &Event) -> Result<String, Error> {
        self.render_with(event, self.values.clone())
    }

    fn render_with(&self, event: &Event, values: Value) -> Result<String, Error> {
        let mut map: Map<String, Value> = context::of(event);
        map.insert("values".into(), values);
        let text = self.handlebars.render(NAME, &map).map_err(|error| Error {
            place: error.line_no.zip(error.column_no),
            what: reason(error.reason()),
            fix: advice(error.reason(), &map),
        })?;
        if self.format == Format::Json
            && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&text)
        {
            let (line, column) = (error.line(), error.column());
            let error = error.to_string();
            let error = error.split(" at line ").next().unwrap_or_default();
            return Err(Error {
                place: None,
                what: format!(
                    "what it makes is no JSON: {error} at line {line}, column {column}{}",
                    excerpt(&text, line, column)
                ),
                fix: "write texts as \"{{name}}\", and numbers, lists and what may be null as \
                      {{json name}}"
                    .into(),
            });
        }
        Ok(text)
    }

    /// Renders samples and says what is wrong with the first that fails.
    ///
    /// # Errors
    /// As [`render`](Self::render), with the kind of event it failed on.
    pub fn check<'a>(&self, events: impl IntoIterator<Item = &'a Event>) -> Result<(), Error> {
        let hidden = || -> Value {
            let names = self.values.as_object().into_iter().flat_map(Map::keys);
            Value::Object(names.map(|name| (name.clone(), "***".into())).collect())
        };
        for event in events {
            let Err(error) = self.render(event) else { continue };
            // Said of what it makes with the values hidden: a message may end in a log.
            let shown = match self.render_with(event, hidden()) {
                Err(shown) => shown.what,
                Ok(_) => "what it makes with these values is no JSON".into(),
            };
            let what = format!("it fails on {}: {shown}", samples::name(event));
            return Err(Error { what, ..error });
        }
        Ok(())
    }
}

/// The line of the result, up to where it went wrong.
fn excerpt(text: &str, line: usize, column: usize) -> String {
    const SHOWN: usize = 50;
    let Some(line) = text.lines().nth(line.saturating_sub(1)) else { return String::new() };
    let before: Vec<char> = line.chars().take(column).collect();
    let shown: String = before[before.len().saturating_sub(SHOWN)..].iter().collect();
    let shown = crate::plain::one_line(&shown);
    if shown.trim().is_empty() { String::new() } else { format!(", after: {}", shown.trim()) }
}

/// What the parser says: its list of everything that may come next helps nobody.
fn syntax(reason: &TemplateErrorReason) -> String {
    match reason {
        TemplateErrorReason::InvalidSyntax(_) => "it can't be read from here on".into(),
        other => format!("it can't be read: {other}"),
    }
}

fn reason(reason: &RenderErrorReason) -> String {
    match reason {
        RenderErrorReason::MissingVariable(Some(name)) => {
            format!("there is no \"{name}\" in this event")
        }
        RenderErrorReason::MissingVariable(None) => "a name is not in this event".into(),
        RenderErrorReason::HelperNotFound(name) => format!("there is no helper \"{name}\""),
        RenderErrorReason::PartialNotFound(name) => format!("there is no partial \"{name}\""),
        other => other.to_string(),
    }
}

fn advice(reason: &RenderErrorReason, map: &Map<String, Value>) -> String {
    match reason {
        RenderErrorReason::MissingVariable(Some(name)) if name.starts_with("values.") => {
            format!("add {} to the values of this template", name.trim_start_matches("values."))
        }
        RenderErrorReason::MissingVariable(name) => {
            let near = name.as_ref().and_then(|name| nearest(name, map));
            let near = near.map_or(String::new(), |near| format!("did you mean {near}? or "));
            format!(
                "{near}write {{{{default NAME \"\"}}}} or {{{{#if (has NAME)}}}} for what not every \
                 event has; all names are in docs/templates-reference.md"
            )
        }
        RenderErrorReason::PartialNotFound(_) => {
            "define it in the template, with {{#*inline \"NAME\"}}".into()
        }
        _ => "all helpers are in docs/templates-reference.md".into(),
    }
}

/// The name that is most like the wrong one, of the event's own and of its alert's.
fn nearest(wrong: &str, map: &Map<String, Value>) -> Option<String> {
    let alert = map.get("alert").and_then(Value::as_object);
    let alert = alert.into_iter().flat_map(Map::keys).map(|name| format!("alert.{name}"));
    map.keys()
        .cloned()
        .chain(alert)
        .map(|name| (strsim::jaro_winkler(&name.to_lowercase(), &wrong.to_lowercase()), name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.88)
        .map(|(_, name)| name)
}

/// The inside of a JSON text.
fn json_escape(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn form_escape(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(format: Format, text: &str) -> Source {
        Source {
            name: "test".into(),
            text: text.into(),
            format,
            values: vec![("key".into(), Secret::new("se\"cret"))],
            zone: Tz::Europe__Stockholm,
        }
    }

    fn alert() -> Event {
        samples::all().into_iter().find(|e| samples::name(e) == "alert (firing)").unwrap()
    }

    fn render(format: Format, text: &str) -> Result<String, Error> {
        Template::compile(&source(format, text))?.render(&alert())
    }

    #[test]
    fn values_are_escaped_as_the_format_needs() {
        assert_eq!(render(Format::Json, r#"["{{values.key}}"]"#).unwrap(), r#"["se\"cret"]"#);
        assert_eq!(render(Format::Html, "<b>{{values.key}}</b>").unwrap(), "<b>se&quot;cret</b>");
        assert_eq!(render(Format::Form, "a={{values.key}}").unwrap(), "a=se%22cret");
        assert_eq!(render(Format::Text, "{{values.key}}").unwrap(), "se\"cret");
        // What a name holds can end no text.
        let text = render(Format::Json, r#"{"t":"{{alert.text}}"}"#).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["t"], context::of(&alert())["alert"]["text"]);
    }

    #[test]
    fn formats_by_content_type() {
        for (content_type, format) in [
            ("application/json", Format::Json),
            ("Application/JSON; charset=utf-8", Format::Json),
            ("application/vnd.pagerduty+json;version=2", Format::Json),
            ("text/html", Format::Html),
            ("text/xml; charset=utf-8", Format::Html),
            ("application/x-www-form-urlencoded", Format::Form),
            ("text/plain", Format::Text),
            ("", Format::Text),
        ] {
            assert_eq!(Format::of(content_type), format, "{content_type}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let say = |format, text: &str| {
            let said = match Template::compile(&source(format, text)) {
                Ok(template) => template.check([&alert()]).unwrap_err(),
                Err(error) => error,
            };
            format!("{said}; {}", said.fix)
        };
        let all = [
            say(Format::Text, "a {{#if alert}} b"),
            say(Format::Text, "a\n {{alert.titel}}"),
            say(Format::Text, "{{eventID}}"),
            say(Format::Text, "{{values.nope}}"),
            say(Format::Text, "{{upcase site}}"),
            say(Format::Text, "{{> other}}"),
            say(Format::Json, r#"{"n": {{alert.resolved}}, "k": "{{values.key}}"}"#),
            say(Format::Json, r#"{"a": "{{values.key}}", }"#),
            say(Format::Json, r#"{"a": "{{{values.key}}}"}"#),
            say(Format::Text, r#"{{date time "%Q"}}"#),
        ];
        insta::assert_snapshot!(all.join("\n"), @r#"
        line 1, column 18: it can't be read from here on; see that every {{ has its }} and every block its end, such as {{/if}}
        line 2, column 2: it fails on alert (firing): there is no "alert.titel" in this event; did you mean alert.title? or write {{default NAME ""}} or {{#if (has NAME)}} for what not every event has; all names are in docs/templates-reference.md
        line 1, column 1: it fails on alert (firing): there is no "eventID" in this event; did you mean eventId? or write {{default NAME ""}} or {{#if (has NAME)}} for what not every event has; all names are in docs/templates-reference.md
        line 1, column 1: it fails on alert (firing): there is no "values.nope" in this event; add nope to the values of this template
        line 1, column 1: it fails on alert (firing): there is no helper "upcase"; all helpers are in docs/templates-reference.md
        line 1, column 1: it fails on alert (firing): there is no partial "other"; define it in the template, with {{#*inline "NAME"}}
        it fails on alert (firing): what it makes is no JSON: expected value at line 1, column 7, after: {"n": ,; write texts as "{{name}}", and numbers, lists and what may be null as {{json name}}
        it fails on alert (firing): what it makes is no JSON: key must be a string at line 1, column 14, after: {"a": "***", }; write texts as "{{name}}", and numbers, lists and what may be null as {{json name}}
        it fails on alert (firing): what it makes with these values is no JSON; write texts as "{{name}}", and numbers, lists and what may be null as {{json name}}
        line 1, column 1: it fails on alert (firing): "%Q" is no format of a date (strftime); all helpers are in docs/templates-reference.md
        "#);
        assert!(!all.concat().contains("cret"));
    }
}
