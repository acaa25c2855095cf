//! Filter expressions of the repository service.
//!
//! ```
//! use bursar::qrs::Field;
//!
//! const USER_ID: Field = Field::new("user.userId");
//! const QUARANTINED: Field = Field::new("quarantined");
//!
//! let filter = USER_ID.eq("o'brien").and(QUARANTINED.eq(false));
//! assert_eq!(filter.to_string(), r"user.userId eq 'o\'brien' and quarantined eq false");
//! ```
//!
//! Only what is documented and was seen to work on real servers can be built: the operators below,
//! `and`, `or`, parentheses; strings in single quotes with `\'` and `\\` inside (a doubled quote or
//! double quotes give a 400); GUIDs, numbers and booleans bare; times in quotes, in UTC with `Z`.
//! There is no `not`, and no empty group.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

/// A property of a row, as a dotted path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Field(&'static str);

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Time(DateTime<Utc>),
    Guid(Uuid),
    Bool(bool),
    Int(i64),
}

/// A value that has an order: the service compares neither texts nor GUIDs by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordered {
    Time(DateTime<Utc>),
    Int(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
    #[strum(serialize = "sw")]
    StartsWith,
    #[strum(serialize = "ew")]
    EndsWith,
    #[strum(serialize = "so")]
    Contains,
}

/// An expression that is true or false of a row. `Display` gives its text, not yet encoded for a
/// URL. Texts are compared without regard to case, by the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(Node);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Test(Field, Operator, Value),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
}

impl Field {
    /// A field by its path, such as `user.userId`.
    ///
    /// # Panics
    /// When the path is not letters, digits and `_` between single dots; for a constant, that is
    /// an error of the compiler.
    pub const fn new(path: &'static str) -> Self {
        let bytes = path.as_bytes();
        assert!(!bytes.is_empty(), "a field has a name");
        let mut at = 0;
        let mut part_is_empty = true;
        while at < bytes.len() {
            if bytes[at] == b'.' {
                assert!(!part_is_empty, "a part of the path is empty");
                part_is_empty = true;
            } else {
                assert!(
                    bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_',
                    "a path has letters, digits, _ and dots only"
                );
                part_is_empty = false;
            }
            at += 1;
        }
        assert!(!part_is_empty, "a part of the path is empty");
        Self(path)
    }

    pub fn eq(self, value: impl Into<Value>) -> Filter {
        self.test(Operator::Eq, value.into())
    }

    pub fn ne(self, value: impl Into<Value>) -> Filter {
        self.test(Operator::Ne, value.into())
    }

    pub fn gt(self, value: impl Into<Ordered>) -> Filter {
        self.test(Operator::Gt, value.into().into())
    }

    pub fn ge(self, value: impl Into<Ordered>) -> Filter {
        self.test(Operator::Ge, value.into().into())
    }

    pub fn lt(self, value: impl Into<Ordered>) -> Filter {
        self.test(Operator::Lt, value.into().into())
    }

    pub fn le(self, value: impl Into<Ordered>) -> Filter {
        self.test(Operator::Le, value.into().into())
    }

    pub fn starts_with(self, text: impl Into<String>) -> Filter {
        self.test(Operator::StartsWith, Value::Text(text.into()))
    }

    pub fn ends_with(self, text: impl Into<String>) -> Filter {
        self.test(Operator::EndsWith, Value::Text(text.into()))
    }

    pub fn contains(self, text: impl Into<String>) -> Filter {
        self.test(Operator::Contains, Value::Text(text.into()))
    }

    /// The field equals one of the values; `None` when there are none, because the service knows
    /// no empty group and no way to write "nothing".
    pub fn any_of<V: Into<Value>>(self, values: impl IntoIterator<Item = V>) -> Option<Filter> {
        values.into_iter().map(|value| self.eq(value)).reduce(Filter::or)
    }

    fn test(self, operator: Operator, value: Value) -> Filter {
        Filter(Node::Test(self, operator, value))
    }
}

impl Filter {
    pub fn and(self, other: Self) -> Self {
        Self(Node::And(Box::new(self.0), Box::new(other.0)))
    }

    pub fn or(self, other: Self) -> Self {
        Self(Node::Or(Box::new(self.0), Box::new(other.0)))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f)
    }
}

impl Node {
    /// `and` binds closer than `or`, so an `or` inside of an `and` is the one case for
    /// parentheses. (On the right side, `a and (b and c)` means the same without.)
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Test(field, operator, value) => {
                write!(f, "{} {} {value}", field.0, operator.as_str())
            }
            Self::And(left, right) => {
                left.write_in_and(f)?;
                f.write_str(" and ")?;
                right.write_in_and(f)
            }
            Self::Or(left, right) => {
                left.write(f)?;
                f.write_str(" or ")?;
                right.write(f)
            }
        }
    }

    fn write_in_and(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if matches!(self, Self::Or(..)) {
            f.write_str("(")?;
            self.write(f)?;
            f.write_str(")")
        } else {
            self.write(f)
        }
    }
}

impl Operator {
    fn as_str(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => {
                f.write_str("'")?;
                for c in text.chars() {
                    if matches!(c, '\'' | '\\') {
                        f.write_str("\\")?;
                    }
                    write!(f, "{c}")?;
                }
                f.write_str("'")
            }
            // The service writes three digits and Z itself, and takes them back.
            Self::Time(time) => {
                write!(f, "'{}'", time.to_rfc3339_opts(SecondsFormat::Millis, true))
            }
            Self::Guid(guid) => write!(f, "{}", guid.as_hyphenated()),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Int(number) => write!(f, "{number}"),
        }
    }
}

impl From<Ordered> for Value {
    fn from(value: Ordered) -> Self {
        match value {
            Ordered::Time(time) => Self::Time(time),
            Ordered::Int(number) => Self::Int(number),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(time: DateTime<Utc>) -> Self {
        Self::Time(time)
    }
}

impl From<Uuid> for Value {
    fn from(guid: Uuid) -> Self {
        Self::Guid(guid)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<DateTime<Utc>> for Ordered {
    fn from(time: DateTime<Utc>) -> Self {
        Self::Time(time)
    }
}

impl From<i64> for Ordered {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: Field = Field::new("name");
    const ID: Field = Field::new("user.id");
    const USED: Field = Field::new("lastUsed");

    #[test]
    fn texts_are_quoted_and_escaped_with_a_backslash() {
        for (text, written) in [
            ("x", "name eq 'x'"),
            ("", "name eq ''"),
            ("Q1'25", r"name eq 'Q1\'25'"),
            (r"CORP\bob", r"name eq 'CORP\\bob'"),
            (r"ends in \", r"name eq 'ends in \\'"),
            (r"\'", r"name eq '\\\''"),
            ("\"double\" & #", "name eq '\"double\" & #'"),
            ("' or 'a' eq 'a", r"name eq '\' or \'a\' eq \'a'"),
        ] {
            assert_eq!(NAME.eq(text).to_string(), written);
        }
    }

    #[test]
    fn every_kind_of_value() {
        let time: DateTime<Utc> = "2024-01-01T23:59:59.9Z".parse().unwrap();
        let guid = Uuid::from_u128(0x046b_0000_0000_4000_8000_0000_0000_0001);
        for (filter, written) in [
            (USED.le(time), "lastUsed le '2024-01-01T23:59:59.900Z'"),
            (ID.eq(guid), "user.id eq 046b0000-0000-4000-8000-000000000001"),
            (Field::new("quarantined").ne(true), "quarantined ne true"),
            (Field::new("status").ge(-8), "status ge -8"),
            (NAME.starts_with("a"), "name sw 'a'"),
            (NAME.ends_with("a"), "name ew 'a'"),
            (NAME.contains("a"), "name so 'a'"),
        ] {
            assert_eq!(filter.to_string(), written);
        }
    }

    #[test]
    fn an_or_inside_of_an_and_is_put_in_parentheses() {
        let (a, b, c) = (NAME.eq("a"), NAME.eq("b"), NAME.eq("c"));
        let text = |filter: Filter| filter.to_string().replace("name eq ", "").replace('\'', "");
        assert_eq!(text(a.clone().or(b.clone()).and(c.clone())), "(a or b) and c");
        assert_eq!(text(a.clone().and(b.clone().or(c.clone()))), "a and (b or c)");
        assert_eq!(text(a.clone().and(b.clone()).or(c.clone())), "a and b or c");
        assert_eq!(text(a.clone().or(b.clone()).or(c.clone())), "a or b or c");
        assert_eq!(text(NAME.any_of(["a", "b", "c"]).unwrap()), "a or b or c");
        assert_eq!(NAME.any_of::<&str>([]), None);
    }

    #[test]
    fn paths_are_checked() {
        for path in ["", ".", "a.", ".a", "a..b", "a b", "a'", "@x"] {
            assert!(std::panic::catch_unwind(|| Field::new(path)).is_err(), "{path:?}");
        }
        let _ = Field::new("customProperties.definition.name");
    }
}
