//! The filter language of the Repository Service: `name eq 'x' and (published eq true)`.
//!
//! Known from real servers: the operators, `and` before `or`, comparison of texts without regard
//! to case, a backslash before a quote inside a text, `''` and double quotes refused with
//! `Cannot parse the expression: <text>`, an empty group refused with `Invalid expression`.
//! A guess: the errors of everything else, `not` refused. What a property may be compared with is
//! known by `properties`.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::str::CharIndices;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde_json::Value;

/// Deeper nesting than this is refused, so that no text can exhaust the stack.
const MAX_DEPTH: usize = 200;

/// A filter that was understood. [`Filter::matches`] tells whether an object fits.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Compare(Comparison),
}

/// One test of one property.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// `tags.name` is `["tags", "name"]`. Names are compared without regard to case.
    pub path: Vec<String>,
    pub operator: Operator,
    pub literal: Literal,
}

/// How a property is compared with a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Contains ("substring of").
    So,
}

/// What a property is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// In single quotes, with the escapes resolved. A date is a text that reads as one.
    Text(String),
    /// Bare: a number, `true`, `false`, a GUID, or the name of an enumeration's value.
    Bare(String),
}

/// Why a filter is refused: the plain text of the 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The text isn't in the language.
    #[error("Cannot parse the expression: {0}")]
    CannotParse(String),
    /// A group without content.
    #[error("Invalid expression")]
    Invalid,
    /// The property holds something else. The value is escaped as HTML.
    #[error("Cannot convert the constant value &quot;{to}&quot; to the following: {value}")]
    CannotConvert { to: &'static str, value: String },
}

/// Understands a filter.
pub fn parse(text: &str) -> Result<Filter, FilterError> {
    let cannot = || FilterError::CannotParse(text.to_owned());
    let tokens = tokens(text).ok_or_else(cannot)?;
    let mut parser = Parser { tokens: &tokens, at: 0, text };
    let filter = parser.any_of(0)?;
    if parser.at == tokens.len() { Ok(filter) } else { Err(cannot()) }
}

impl Filter {
    /// Whether the object fits. A property the object doesn't have fits only `ne`. Where a path
    /// leads through a list, one entry that fits is enough.
    pub fn matches(&self, object: &Value) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(object)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(object)),
            Self::Compare(comparison) => comparison.matches(object),
        }
    }

    /// The ids of `path eq a or path eq b ...`, if the filter is nothing else.
    pub fn ids(&self, path: &[&str]) -> Option<Vec<uuid::Uuid>> {
        match self {
            Self::Or(parts) => {
                let lists = parts.iter().map(|part| part.ids(path)).collect::<Option<Vec<_>>>()?;
                Some(lists.concat())
            }
            Self::And(_) => None,
            Self::Compare(Comparison { path: own, operator, literal }) => {
                let same = own.len() == path.len()
                    && own.iter().zip(path).all(|(own, name)| own.eq_ignore_ascii_case(name));
                let id = uuid::Uuid::try_parse(literal.as_str()).ok()?;
                (same && *operator == Operator::Eq).then(|| vec![id])
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    Text(String),
    Word(String),
}

/// `None` when a text has no end or something stands where nothing may.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some(&(start, c)) = chars.peek() {
        match c {
            c if c.is_whitespace() => {
                chars.next();
            }
            '(' | ')' => {
                chars.next();
                tokens.push(if c == '(' { Token::Open } else { Token::Close });
            }
            '\'' => {
                chars.next();
                tokens.push(Token::Text(quoted(&mut chars)?));
                // `'a''b'` and `'a'b` are not texts next to each other.
                let next = chars.peek().map(|&(_, c)| c);
                if next.is_some_and(|c| !c.is_whitespace() && c != ')') {
                    return None;
                }
            }
            c if is_word(c) => {
                while chars.next_if(|&(_, c)| is_word(c)).is_some() {}
                let end = chars.peek().map_or(text.len(), |&(at, _)| at);
                tokens.push(Token::Word(text[start..end].to_owned()));
            }
            _ => return None,
        }
    }
    Some(tokens)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '+' | ':')
}

fn quoted(chars: &mut Peekable<CharIndices<'_>>) -> Option<String> {
    let mut text = String::new();
    loop {
        match chars.next()?.1 {
            '\'' => return Some(text),
            '\\' => text.push(chars.next()?.1),
            c => text.push(c),
        }
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    text: &'a str,
}

impl Parser<'_> {
    fn cannot<T>(&self) -> Result<T, FilterError> {
        Err(FilterError::CannotParse(self.text.to_owned()))
    }

    fn any_of(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let mut parts = vec![self.all_of(depth)?];
        while self.take_word("or") {
            parts.push(self.all_of(depth)?);
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { Filter::Or(parts) })
    }

    fn all_of(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let mut parts = vec![self.one(depth)?];
        while self.take_word("and") {
            parts.push(self.one(depth)?);
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { Filter::And(parts) })
    }

    fn one(&mut self, depth: usize) -> Result<Filter, FilterError> {
        if depth > MAX_DEPTH {
            return self.cannot();
        }
        if self.take(&Token::Open) {
            if self.take(&Token::Close) {
                return Err(FilterError::Invalid);
            }
            let inner = self.any_of(depth + 1)?;
            return if self.take(&Token::Close) { Ok(inner) } else { self.cannot() };
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Filter, FilterError> {
        let Some([Token::Word(path), Token::Word(operator), literal]) =
            self.tokens.get(self.at..self.at + 3)
        else {
            return self.cannot();
        };
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        if path.iter().any(|name| !is_name(name)) {
            return self.cannot();
        }
        let Ok(operator) = operator.parse() else {
            return self.cannot();
        };
        let literal = match literal {
            Token::Text(text) => Literal::Text(text.clone()),
            Token::Word(word) if is_bare(word) => Literal::Bare(word.clone()),
            _ => return self.cannot(),
        };
        self.at += 3;
        Ok(Filter::Compare(Comparison { path, operator, literal }))
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(
            self.tokens.get(self.at),
            Some(Token::Word(w)) if w.eq_ignore_ascii_case(word)
        );
        self.at += usize::from(found);
        found
    }
}

/// A property's name; `@Name` is short for the custom property of that name.
fn is_name(name: &str) -> bool {
    let name = name.strip_prefix('@').unwrap_or(name);
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// A number, a GUID, or the name of an enumeration's value.
fn is_bare(word: &str) -> bool {
    word.parse::<f64>().is_ok_and(f64::is_finite)
        || uuid::Uuid::try_parse(word).is_ok()
        || (is_name(word) && word.starts_with(char::is_alphabetic))
}

impl Operator {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
            Self::Sw | Self::Ew | Self::So => false,
        }
    }
}

impl Literal {
    fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Bare(text) => text,
        }
    }
}

impl Comparison {
    fn matches(&self, object: &Value) -> bool {
        if let [name] = &self.path[..]
            && let Some(property) = name.strip_prefix('@')
        {
            return self.custom_property(object, property);
        }
        // A `ne` over a list means that an entry differs, as with every other operator; without
        // any entry there is nothing that could be equal.
        let mut values = Vec::new();
        collect(object, &self.path, &mut values);
        match values[..] {
            [] => self.operator == Operator::Ne,
            _ => values.iter().any(|value| self.value_matches(value)),
        }
    }

    fn custom_property(&self, object: &Value, property: &str) -> bool {
        let entries = get(object, "customProperties").and_then(Value::as_array);
        entries.into_iter().flatten().any(|entry| {
            let name = get(entry, "definition").and_then(|d| get(d, "name"));
            let name_fits = name.and_then(Value::as_str).is_some_and(|n| same_text(n, property));
            name_fits && get(entry, "value").is_some_and(|value| self.value_matches(value))
        })
    }

    fn value_matches(&self, value: &Value) -> bool {
        let wanted = self.literal.as_str();
        match value {
            Value::String(text) => match (date(text), date(wanted)) {
                (Some(left), Some(right)) => self.operator.holds(left.cmp(&right)),
                _ => self.text_matches(text, wanted),
            },
            Value::Number(number) => {
                let order = number
                    .as_f64()
                    .zip(wanted.parse().ok())
                    .and_then(|(left, right): (f64, f64)| left.partial_cmp(&right));
                order.is_some_and(|order| self.operator.holds(order))
            }
            Value::Bool(flag) => {
                let order = wanted.to_lowercase().parse().ok().map(|wanted| flag.cmp(&wanted));
                order.is_some_and(|order| self.operator.holds(order))
            }
            Value::Null => self.operator == Operator::Ne,
            Value::Array(_) | Value::Object(_) => false,
        }
    }

    fn text_matches(&self, text: &str, wanted: &str) -> bool {
        match self.operator {
            Operator::Eq => same_text(text, wanted),
            Operator::Ne => !same_text(text, wanted),
            Operator::Sw => text.to_lowercase().starts_with(&wanted.to_lowercase()),
            Operator::Ew => text.to_lowercase().ends_with(&wanted.to_lowercase()),
            Operator::So => text.to_lowercase().contains(&wanted.to_lowercase()),
            // The order of texts is not part of the language.
            Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le => false,
        }
    }
}

fn same_text(left: &str, right: &str) -> bool {
    if left.is_ascii() && right.is_ascii() {
        return left.eq_ignore_ascii_case(right);
    }
    left.to_lowercase() == right.to_lowercase()
}

/// All values a path leads to; lists on the way are gone through.
fn collect<'a>(value: &'a Value, path: &[String], found: &mut Vec<&'a Value>) {
    match (value, path) {
        (Value::Array(entries), _) => {
            for entry in entries {
                collect(entry, path, found);
            }
        }
        (_, []) => found.push(value),
        (_, [name, rest @ ..]) => {
            if let Some(inner) = get(value, name) {
                collect(inner, rest, found);
            }
        }
    }
}

/// The first value a path leads to.
pub(super) fn first_at<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    let mut found = Vec::new();
    collect(object, path, &mut found);
    found.first().copied()
}

/// The order of two objects by the value a path leads to: missing ones first.
pub(super) fn compare_at(left: &Value, right: &Value, path: &[String]) -> Ordering {
    match (first_at(left, path), first_at(right, path)) {
        (Some(Value::String(l)), Some(Value::String(r))) => l.to_lowercase().cmp(&r.to_lowercase()),
        (Some(Value::Bool(l)), Some(Value::Bool(r))) => l.cmp(r),
        (Some(Value::Number(l)), Some(Value::Number(r))) => {
            l.as_f64().partial_cmp(&r.as_f64()).unwrap_or(Ordering::Equal)
        }
        (l, r) => l.is_some().cmp(&r.is_some()),
    }
}

fn get<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let map = value.as_object()?;
    map.get(name).or_else(|| {
        map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    })
}

/// The ways to write a date that tools use; without a zone it is UTC, which is a guess.
pub(super) fn date(text: &str) -> Option<DateTime<Utc>> {
    // Cheap: almost no text is a date.
    let bytes = text.as_bytes();
    if bytes.len() < 10 || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    if !matches!(bytes[4], b'-' | b'/') {
        return None;
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y/%m/%d %H:%M"];
    if let Some(time) = formats.iter().find_map(|f| NaiveDateTime::parse_from_str(text, f).ok()) {
        return Some(time.and_utc());
    }
    let day = text.replace('/', "-").parse::<NaiveDate>().ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn user() -> Value {
        json!({
            "id": "046b6c7f-0b8a-43b9-b35d-6489e6daee91",
            "name": "Q1'25 C:\\x",
            "userId": "Müller",
            "status": 8,
            "published": true,
            "stream": null,
            "lastUsed": "2026-01-10T08:00:00.123Z",
            "quarantineEnd": "1753-01-01T00:00:00.000Z",
            "tags": [{"name": "Keep"}, {"name": "VIP"}],
            "roles": ["RootAdmin"],
            "customProperties": [
                {"value": "A", "definition": {"name": "P"}},
                {"value": "B", "definition": {"name": "Q"}},
            ],
        })
    }

    #[track_caller]
    fn fits(filter: &str) -> bool {
        parse(filter).unwrap_or_else(|e| panic!("{filter}: {e}")).matches(&user())
    }

    #[test]
    fn every_operator_compares_as_documented() {
        for filter in [
            "name eq 'q1\\'25 c:\\\\X'",
            "NAME EQ 'Q1\\'25 C:\\\\x'",
            "userId eq 'MÜLLER'",
            "name ne 'other'",
            "name sw 'q1'",
            "name ew 'X'",
            "name so '\\'25 '",
            "status eq 8",
            "status ge 8",
            "status lt 8.5",
            "published eq true",
            "published eq True",
            "id eq 046B6C7F-0B8A-43B9-B35D-6489E6DAEE91",
            "lastUsed le '2026-01-10T08:00:00.123Z'",
            "lastUsed gt '2026-01-10 08:00:00'",
            "lastUsed lt '2026/01/10 08:01'",
            "lastUsed ge '2026-01-10'",
            "lastUsed ge '2026-01-10T09:00:00.123+01:00'",
            "quarantineEnd lt '1800-01-01'",
            "tags.name eq 'vip'",
            "roles eq 'rootadmin'",
            "@P eq 'a'",
            // Both tests may be met by different entries: the server's own trap.
            "customProperties.definition.name eq 'P' and customProperties.value eq 'B'",
            "stream ne 'x'",
            "nothing.here ne 'x'",
        ] {
            assert!(fits(filter), "{filter}");
        }
        for filter in [
            "name eq 'Q1'",
            "status gt 8",
            "status eq eight",
            "published eq false",
            "name gt 'A'",
            "status sw 8",
            "tags.name eq 'other'",
            "@P eq 'B'",
            "stream eq 'x'",
            "nothing.here eq 'x'",
            "tags eq 'Keep'",
        ] {
            assert!(!fits(filter), "{filter}");
        }
    }

    #[test]
    fn and_binds_before_or_and_groups_before_both() {
        assert!(fits("status eq 8 or status eq 9 and status eq 7"));
        assert!(!fits("(status eq 8 or status eq 9) and status eq 7"));
        assert!(fits("((status eq 8)) AND (published eq true Or status eq 1)"));
        assert!(fits("(status eq 8)and(name so '25')"));
    }

    #[test]
    fn what_the_server_refuses_is_refused_with_its_text() {
        for bad in [
            "name eq 'Q1'25'",
            "name eq 'Q1''25'",
            "name eq \"Q1\"",
            "name eq 'open",
            "name eq 'open\\'",
            "name eq",
            "name",
            "",
            "   ",
            "name eq 'a' and",
            "and name eq 'a'",
            "name eq 'a' name eq 'b'",
            "name like 'a'",
            "not name eq 'a'",
            "(name eq 'a'",
            "name eq 'a')",
            "name eq 'a' & published eq true",
            "'name' eq 'a'",
            "na..me eq 'a'",
            "lastUsed gt 2026-01-10",
        ] {
            let error = FilterError::CannotParse(bad.to_owned());
            assert_eq!(parse(bad), Err(error.clone()));
            assert_eq!(error.to_string(), format!("Cannot parse the expression: {bad}"));
        }
        for empty in ["()", "( )", "status eq 8 or ()"] {
            assert_eq!(parse(empty).unwrap_err().to_string(), "Invalid expression");
        }
        let deep = "(".repeat(100_000);
        parse(&deep).unwrap_err();
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn an_escaped_text_is_itself(text in any::<String>()) {
            let escaped = text.replace('\\', "\\\\").replace('\'', "\\'");
            let filter = parse(&format!("name eq '{escaped}'")).unwrap();
            let Filter::Compare(comparison) = &filter else { panic!("{filter:?}") };
            prop_assert_eq!(&comparison.literal, &Literal::Text(text.clone()));
            let object = json!({"name": text});
            prop_assert!(filter.matches(&object));
        }
    }
}
