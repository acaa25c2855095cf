//! The YAML file as a tree that knows where each value stands.
//!
//! serde can't report more than one error and loses positions on the way into typed structs, so
//! the file is read into this tree first; all checks look at it.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, Spanned};

use super::problem::{Problem, Severity};

/// Line and column, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        Self { line: location.line(), column: location.column() }
    }
}

/// A value of the file. Its text never shows in `Debug`: it may be a password.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) place: Place,
    /// Full name of the setting, such as `Butler.sites[0].tags`.
    pub(crate) path: String,
    /// The references (`${env:NAME}`) the text was made of, as written.
    pub(crate) references: Vec<String>,
    /// The text with its references, as written.
    pub(crate) written: Option<Box<str>>,
    /// An error was reported here already; the value is null.
    pub(crate) broken: bool,
}

#[derive(Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) place: Place,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} at {}:{})", self.path, self.kind(), self.place.line, self.place.column)
    }
}

impl Node {
    /// This one and all below it.
    pub(crate) fn each(&self, look: &mut impl FnMut(&Self)) {
        look(self);
        match &self.value {
            Value::Map(entries) => entries.iter().for_each(|(_, node)| node.each(look)),
            Value::List(items) => items.iter().for_each(|node| node.each(look)),
            _ => {}
        }
    }

    /// The node a full name leads to, such as `Butler.sites[1].cert`; nulls count as absent.
    pub(crate) fn find(&self, path: &str) -> Option<&Node> {
        if self.path == path {
            return Some(self).filter(|n| !n.is_null());
        }
        let leads = |node: &&Node| {
            path.strip_prefix(node.path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        match &self.value {
            Value::Map(entries) => entries.iter().map(|(_, n)| n).find(leads)?.find(path),
            Value::List(items) => items.iter().find(leads)?.find(path),
            _ => None,
        }
    }

    /// Whether an error was reported in it.
    pub(crate) fn has_broken(&self) -> bool {
        let inside = match &self.value {
            Value::Map(entries) => entries.iter().any(|(_, node)| node.has_broken()),
            Value::List(items) => items.iter().any(Node::has_broken),
            _ => false,
        };
        self.broken || inside
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    pub(crate) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// What kind of value it is, for people.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true/false",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a section",
        }
    }

    /// A text for a message: in quotes, or as the reference it came from, which may be a secret's.
    pub(crate) fn quoted(&self, text: &str) -> String {
        if self.references.is_empty() {
            format!("\"{text}\"")
        } else {
            format!("the value of {}", self.references.join(" and "))
        }
    }

    /// A text for a message without what the references of this value lead to.
    pub(crate) fn hide(&self, text: &str) -> String {
        let Value::Text(value) = &self.value else { return text.to_owned() };
        let value = value.trim();
        let stands = format!("the value of {}", self.references.join(" and "));
        match value.is_empty() || !text.contains(value) {
            true => text.to_owned(),
            false => text.replace(&format!("\"{value}\""), &stands).replace(value, &stands),
        }
    }

    /// As JSON, without nulls: an empty section or list counts as not written.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(b) => (*b).into(),
            Value::Int(i) => (*i).into(),
            Value::Float(x) => (*x).into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => {
                items.iter().filter(|n| !n.is_null()).map(Node::to_json).collect()
            }
            Value::Map(entries) => entries
                .iter()
                .filter(|(_, node)| !node.is_null())
                .map(|(key, node)| (key.text.clone(), node.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// This tree with the values of `over` put on top: sections are merged key by key, everything
    /// else is replaced. Every value keeps the place and path it was written at.
    pub(crate) fn merged(&self, over: &Node) -> Node {
        let (Value::Map(base), Value::Map(top)) = (&self.value, &over.value) else {
            // One that is unknown is not the common one.
            return if over.is_null() && !over.broken { self.clone() } else { over.clone() };
        };
        let mut entries = base.clone();
        let known: HashMap<&str, usize> =
            base.iter().enumerate().map(|(n, (key, _))| (key.text.as_str(), n)).collect();
        for (key, node) in top {
            match known.get(key.text.as_str()) {
                Some(known) => entries[*known].1 = base[*known].1.merged(node),
                None => entries.push((key.clone(), node.clone())),
            }
        }
        Node { value: Value::Map(entries), ..over.clone() }
    }
}

/// Reads YAML. Duplicate keys come back as problems beside the tree; anything that keeps the text
/// from being YAML at all is the only problem then.
pub(crate) fn parse(text: &str, file: &Path) -> Result<(Node, Vec<Problem>), Problem> {
    let problem = |place: Place, path: &str, what: String, fix: &str| Problem {
        severity: Severity::Error,
        file: file.to_path_buf(),
        line: place.line,
        column: place.column,
        path: path.to_owned(),
        what,
        fix: fix.to_owned(),
    };
    // No snippets: a quoted line could show a neighbouring password. The budget and the limits of aliases stand
    // against files that expand without end.
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        with_snippet: false,
        // A section that a thousand sites share has one anchor.
        budget: serde_saphyr::budget! { enforce_alias_anchor_ratio: false },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: repeated(text),
            max_replay_stack_depth: 16,
        },
    };
    let raw: Spanned<Raw> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let place = error.location().map(Place::from).unwrap_or_default();
            if matches!(error.without_snippet(), serde_saphyr::Error::MultipleDocuments { .. }) {
                let what = "a second document starts here".to_owned();
                return problem(place, "", what, "remove the line ---");
            }
            if is_of_aliases(&error) {
                let what = "its aliases repeat more than any settings file needs".to_owned();
                return problem(
                    place,
                    "",
                    what,
                    "write out what is repeated here, without aliases of aliases",
                );
            }
            if matches!(error.without_snippet(), serde_saphyr::Error::Budget { .. }) {
                let what = "it holds more than any settings file needs".to_owned();
                return problem(
                    place,
                    "",
                    what,
                    "take out what is repeated, or aliases of aliases",
                );
            }
            let (what, fix) = super::mistake::told(&plain(&error), text, place);
            problem(place, "", format!("not valid YAML: {what}"), fix)
        })?;
    let mut duplicates = Vec::new();
    let node = build(raw, String::new(), &mut duplicates);
    let mut escapes = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    node.each(&mut |node| {
        if let (Value::Text(value), Some(what)) =
            (&node.value, super::mistake::escaped_path(&lines, node.place, &node.path))
            && value.contains(char::is_control)
        {
            escapes.push(problem(node.place, &node.path, what, super::mistake::SINGLE_QUOTES));
        }
    });
    let problems: Vec<Problem> = duplicates
        .into_iter()
        .map(|(path, first, again)| {
            let what = format!("the key is there twice, first in line {}", first.line);
            problem(again, &path, what, "keep one of them")
        })
        .chain(escapes)
        .collect();
    Ok((node, problems))
}

/// How many values aliases may repeat: sections that a thousand sites share, and no text of a page that becomes a
/// million values.
fn repeated(text: &str) -> usize {
    (20_000 + 4 * text.len()).min(1_000_000)
}

/// Whether aliases repeat too much, or each other too deeply.
fn is_of_aliases(error: &serde_saphyr::Error) -> bool {
    use serde_saphyr::Error;
    match error.without_snippet() {
        Error::AliasError { error, .. } => is_of_aliases(error),
        Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => true,
        _ => false,
    }
}

/// The parser's message without the place, which is shown in front anyway.
fn plain(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let cut = text.find(" at line ").or_else(|| text.find(" (line ")).unwrap_or(text.len());
    text.lines().next().unwrap_or_default().chars().take(cut).collect()
}

enum Raw {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

type Duplicate = (String, Place, Place);

fn build(raw: Spanned<Raw>, path: String, duplicates: &mut Vec<Duplicate>) -> Node {
    let place = Place::from(raw.referenced);
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Bool(b) => Value::Bool(b),
        Raw::Int(i) => Value::Int(i),
        Raw::Float(x) => Value::Float(x),
        Raw::Text(text) => Value::Text(text),
        Raw::List(items) => Value::List(
            items
                .into_iter()
                .enumerate()
                .map(|(i, item)| build(item, format!("{path}[{i}]"), duplicates))
                .collect(),
        ),
        Raw::Map(entries) => {
            let mut map: Vec<(Key, Node)> = Vec::with_capacity(entries.len());
            let mut first_places: HashMap<String, Place> = HashMap::with_capacity(entries.len());
            for (key, item) in entries {
                let text = key.value;
                let place = Place::from(key.referenced);
                let path = if path.is_empty() { text.clone() } else { format!("{path}.{text}") };
                if let Some(first) = first_places.get(&text) {
                    duplicates.push((path, *first, place));
                    continue;
                }
                first_places.insert(text.clone(), place);
                let node = build(item, path, duplicates);
                map.push((Key { text, place }, node));
            }
            Value::Map(map)
        }
    };
    Node { value, place, path, references: Vec::new(), written: None, broken: false }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RawVisitor;
        impl<'de> Visitor<'de> for RawVisitor {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a YAML value")
            }
            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }
            fn visit_none<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }
            fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Raw, D::Error> {
                Raw::deserialize(inner)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
                Ok(Raw::Int(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
                Ok(i64::try_from(value).map_or(Raw::Float(value as f64), Raw::Int))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
                Ok(Raw::Float(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
                Ok(Raw::Text(value.to_owned()))
            }
            fn visit_string<E>(self, value: String) -> Result<Raw, E> {
                Ok(Raw::Text(value))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Raw::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Raw::Map(entries))
            }
        }
        deserializer.deserialize_any(RawVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(node: &Node, out: &mut String) {
        use std::fmt::Write as _;
        match &node.value {
            Value::Map(entries) => entries.iter().for_each(|(k, n)| {
                let _ = writeln!(out, "key {} {}:{}", k.text, k.place.line, k.place.column);
                show(n, out);
            }),
            Value::List(items) => items.iter().for_each(|n| show(n, out)),
            _ => {
                let _ = writeln!(out, "{node:?} {}", node.to_json());
            }
        }
    }

    #[test]
    fn values_keep_their_place_and_kind() {
        let text = "a: &x\n  b: 012\n  c: yes\n  d: true\n  e: 'q'\n  f:\n  g: ~\nh:\n  - 1\n  - 1.5\ni:\n  <<: *x\n  b: 7\n1: z\nj: *x\nk: ['${env:Z}']\n";
        let (node, problems) = parse(text, Path::new("x.yaml")).unwrap();
        let mut out = String::new();
        show(&node, &mut out);
        insta::assert_snapshot!(out, @r#"
    key a 1:1
    key b 2:3
    a.b (text at 2:6) "012"
    key c 3:3
    a.c (text at 3:6) "yes"
    key d 4:3
    a.d (true/false at 4:6) true
    key e 5:3
    a.e (text at 5:6) "q"
    key f 6:3
    a.f (nothing at 6:4) null
    key g 7:3
    a.g (nothing at 7:6) null
    key h 8:1
    h[0] (a number at 9:5) 1
    h[1] (a number at 10:5) 1.5
    key i 11:1
    key b 13:3
    i.b (a number at 13:6) 7
    key c 12:7
    i.c (text at 12:7) "yes"
    key d 12:7
    i.d (true/false at 12:7) true
    key e 12:7
    i.e (text at 12:7) "q"
    key f 12:7
    i.f (nothing at 12:7) null
    key g 12:7
    i.g (nothing at 12:7) null
    key 1 14:1
    1 (text at 14:4) "z"
    key j 15:1
    key b 15:4
    j.b (text at 15:4) "012"
    key c 15:4
    j.c (text at 15:4) "yes"
    key d 15:4
    j.d (true/false at 15:4) true
    key e 15:4
    j.e (text at 15:4) "q"
    key f 15:4
    j.f (nothing at 15:4) null
    key g 15:4
    j.g (nothing at 15:4) null
    key k 16:1
    k[0] (text at 16:5) "${env:Z}"
    "#);
        assert!(problems.is_empty());
    }

    #[test]
    fn duplicates_are_all_found() {
        let (_, problems) = parse("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n", Path::new("x.yaml")).unwrap();
        let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(text.join("\n"), @r#"
    x.yaml:4:3: b.c: the key is there twice, first in line 3; keep one of them
    x.yaml:5:1: a: the key is there twice, first in line 1; keep one of them
    "#);
    }

    /// By the square this would be five billion comparisons.
    #[test]
    fn a_section_of_100_000_keys_is_read() {
        let mut text = String::from("a:\n");
        for n in 0..100_000 {
            text += &format!("  k{n}: 1\n");
        }
        text += "  k99999: 2\n";
        let (node, problems) = parse(&text, Path::new("x.yaml")).unwrap();
        assert_eq!(problems.len(), 1, "{:?}", problems.first());
        assert_eq!(node.merged(&node).to_json()["a"].as_object().unwrap().len(), 100_000);
    }

    #[test]
    fn broken_yaml_says_where() {
        let mut out = String::new();
        for text in [
            "a: [1\nb: 2\n",
            "a:\n\t- b\n",
            "a: b: c\n",
            "a: *nope\n",
            "a: 1\n---\nb: 2\n",
            "a: \"x\n",
        ] {
            out += &format!("{}\n", parse(text, Path::new("x.yaml")).unwrap_err());
        }
        insta::assert_snapshot!(out, @r#"
    x.yaml:2:2: not valid YAML: illegal placement of ':' indicator; look at the indentation and the quotes of this line and the one above
    x.yaml:2:2: not valid YAML: a tab stands where only blanks may indent; indent this line with blanks
    x.yaml:1:5: not valid YAML: a colon and a blank within a value, or a line that is indented too far; put the value in quotes, or indent the line as its neighbours
    x.yaml:1:4: not valid YAML: a value that begins with * is the name of an anchor, and there is none of this name; put it in quotes if it is meant as text, such as the cron "*/5 * * * *"
    x.yaml:3:1: a second document starts here; remove the line ---
    x.yaml:1:4: not valid YAML: a quote begins here and doesn't end; close it with the same sign
    "#);
    }

    #[test]
    fn a_file_that_expands_without_end_is_refused() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for i in 1..12 {
            let last = format!("*a{}", i - 1);
            text += &format!("a{i}: &a{i} [{}]\n", vec![last; 9].join(","));
        }
        let problem = parse(&text, Path::new("x.yaml")).unwrap_err();
        assert_eq!(problem.what, "its aliases repeat more than any settings file needs");
        assert!((2..=12).contains(&problem.line), "{problem}");
        // What it cost: so many values at most, where the parser alone takes a million.
        assert!(repeated(&text) < 25_000, "{}", repeated(&text));
    }

    #[test]
    fn a_thousand_sites_may_share_a_section_by_an_alias() {
        let mut text = "common: &common\n".to_owned();
        for n in 0..60 {
            text += &format!("  key{n}: {n}\n");
        }
        text += "sites:\n";
        for n in 0..1000 {
            text += &format!("  - name: site{n}\n    qlikSenseLicense: *common\n");
        }
        let (node, problems) = parse(&text, Path::new("x.yaml")).unwrap();
        assert!(problems.is_empty());
        assert_eq!(node.find("sites").unwrap().items().len(), 1000);
    }

    #[test]
    fn sections_merge_and_lists_are_replaced() {
        let text =
            "base:\n  a: 1\n  b: {c: 1, d: 2}\n  l: [1, 2]\nown:\n  b: {d: 3}\n  l: [9]\n  a:\n";
        let (node, _) = parse(text, Path::new("x.yaml")).unwrap();
        let merged = node.find("base").unwrap().merged(node.find("own").unwrap());
        assert_eq!(merged.to_json().to_string(), r#"{"a":1,"b":{"c":1,"d":3},"l":[9]}"#);
        let Value::Map(entries) = &merged.value else { panic!() };
        assert_eq!(entries[0].1.path, "base.a");
        assert_eq!(entries[2].1.place.line, 7);
    }
}
