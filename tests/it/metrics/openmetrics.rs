//! A strict reader of the OpenMetrics text format, as far as Bursar writes it.

use std::collections::{BTreeMap, HashSet};

type Labels = BTreeMap<String, String>;

/// What was told.
pub struct Exposition {
    pub text: String,
    samples: Vec<(String, Labels, f64)>,
}

/// The family that is being told.
#[derive(Default)]
struct Family {
    name: String,
    kind: String,
    unit: String,
}

impl Exposition {
    /// # Panics
    /// Where a line is none of the format, or not where it may be.
    pub fn parse(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("it ends with # EOF");
        let mut seen = HashSet::new();
        let mut told = HashSet::new();
        let mut family = Family::default();
        let mut samples = Vec::new();
        for line in body.lines() {
            if let Some(meta) = line.strip_prefix("# ") {
                let mut parts = meta.splitn(3, ' ');
                let [what, name, rest] = [(); 3].map(|()| parts.next().unwrap_or_default());
                if name != family.name {
                    assert!(seen.insert(name.to_owned()), "{name} comes twice");
                    family = Family { name: name.to_owned(), ..Family::default() };
                }
                match what {
                    "HELP" => assert!(!rest.is_empty(), "{line}"),
                    "TYPE" => {
                        assert!(["gauge", "counter", "info"].contains(&rest), "{line}");
                        family.kind = rest.to_owned();
                    }
                    "UNIT" => {
                        assert!(name.ends_with(&format!("_{rest}")), "{line}");
                        family.unit = rest.to_owned();
                    }
                    _ => panic!("{line}"),
                }
                continue;
            }
            let (head, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            let (name, labels) = match head.split_once('{') {
                Some((name, labels)) => (name, self::labels(labels)),
                None => (head, Labels::new()),
            };
            let suffix = match family.kind.as_str() {
                "gauge" => "",
                "counter" => "_total",
                "info" => "_info",
                _ => panic!("{line}: a value before its type"),
            };
            assert_eq!(name, format!("{}{suffix}", family.name), "{line}");
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
            assert!(value.is_finite() && (family.kind != "counter" || value >= 0.0), "{line}");
            assert!(told.insert((name.to_owned(), labels.clone())), "twice: {line}");
            samples.push((name.to_owned(), labels, value));
        }
        Self { text: text.to_owned(), samples }
    }

    /// The names of all values.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.samples.iter().map(|(name, ..)| name.clone()).collect();
        names.dedup();
        names
    }

    /// All values of a name.
    pub fn values(&self, name: &str) -> Vec<f64> {
        self.samples.iter().filter(|(of, ..)| of == name).map(|(.., value)| *value).collect()
    }

    /// The first value of a name with these labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has = |of: &Labels| {
            labels.iter().all(|(name, value)| of.get(*name).is_some_and(|v| v == value))
        };
        let found = self.samples.iter().find(|(of, all, _)| of == name && has(all));
        found.map(|(.., value)| *value)
    }
}

/// `name="value",...}` with its escapes.
fn labels(text: &str) -> Labels {
    let mut labels = Labels::new();
    let mut rest = text;
    while let Some((name, quoted)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut letters = quoted.char_indices();
        let end = loop {
            match letters.next().unwrap_or_else(|| panic!("no end: {text}")) {
                (at, '"') => break at,
                (_, '\\') => match letters.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, c @ ('\\' | '"'))) => value.push(c),
                    other => panic!("{other:?} after a backslash: {text}"),
                },
                (_, c) => value.push(c),
            }
        };
        assert!(labels.insert(name.to_owned(), value).is_none(), "{name} twice: {text}");
        rest = &quoted[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    assert_eq!(rest, "}", "{text}");
    labels
}
