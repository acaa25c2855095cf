//! Any filter that can be built, against the simulated site's parser.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::simulator::filter as simulated;

const NAME: Field = Field::new("name");

const FIELDS: [Field; 4] = [
    NAME,
    Field::new("lastUsed"),
    Field::new("customProperties.definition.name"),
    Field::new("operational.lastExecutionResult.status"),
];

/// Any text, with those characters often that could end or escape a text.
fn text() -> impl Strategy<Value = String> {
    let quoting = proptest::string::string_regex(r#"(['"\\() ]|a|eq|and|or){0,12}"#)
        .expect("the expression is valid");
    prop_oneof![any::<String>(), quoting]
}

fn time() -> impl Strategy<Value = DateTime<Utc>> {
    (0i64..7_258_118_400_000).prop_map(|ms| DateTime::from_timestamp_millis(ms).unwrap())
}

fn test() -> impl Strategy<Value = Filter> {
    let field = prop::sample::select(&FIELDS[..]);
    let value = prop_oneof![
        text().prop_map(Value::Text),
        time().prop_map(Value::Time),
        any::<u128>().prop_map(|bits| Value::Guid(Uuid::from_u128(bits))),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
    ];
    prop_oneof![
        (field.clone(), value).prop_map(|(field, value)| field.eq(value)),
        (field.clone(), any::<i64>()).prop_map(|(field, number)| field.ge(number)),
        (field.clone(), time()).prop_map(|(field, time)| field.lt(time)),
        (field.clone(), text()).prop_map(|(field, text)| field.ne(text)),
        (field.clone(), text()).prop_map(|(field, text)| field.starts_with(text)),
        (field.clone(), text()).prop_map(|(field, text)| field.ends_with(text)),
        (field, text()).prop_map(|(field, text)| field.contains(text)),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    test().prop_recursive(5, 32, 2, |inner| {
        (inner.clone(), inner, any::<bool>())
            .prop_map(|(left, right, both)| if both { left.and(right) } else { left.or(right) })
    })
}

/// What the text of a node has to mean to the service.
fn meaning(node: &Node) -> simulated::Filter {
    use simulated::{Comparison, Filter, Literal};
    match node {
        Node::And(left, right) => {
            let mut parts = Vec::new();
            for side in [meaning(left), meaning(right)] {
                match side {
                    Filter::And(inner) => parts.extend(inner),
                    other => parts.push(other),
                }
            }
            Filter::And(parts)
        }
        Node::Or(left, right) => {
            let mut parts = Vec::new();
            for side in [meaning(left), meaning(right)] {
                match side {
                    Filter::Or(inner) => parts.extend(inner),
                    other => parts.push(other),
                }
            }
            Filter::Or(parts)
        }
        Node::Test(field, operator, value) => Filter::Compare(Comparison {
            path: field.0.split('.').map(str::to_owned).collect(),
            operator: match operator {
                Operator::Eq => simulated::Operator::Eq,
                Operator::Ne => simulated::Operator::Ne,
                Operator::Gt => simulated::Operator::Gt,
                Operator::Ge => simulated::Operator::Ge,
                Operator::Lt => simulated::Operator::Lt,
                Operator::Le => simulated::Operator::Le,
                Operator::StartsWith => simulated::Operator::Sw,
                Operator::EndsWith => simulated::Operator::Ew,
                Operator::Contains => simulated::Operator::So,
            },
            literal: match value {
                Value::Text(text) => Literal::Text(text.clone()),
                Value::Time(_) => Literal::Text(value.to_string().replace('\'', "")),
                other => Literal::Bare(other.to_string()),
            },
        }),
    }
}

proptest! {
    #[test]
    fn the_service_understands_what_was_built(filter in filter()) {
        let parsed = simulated::parse(&filter.to_string());
        prop_assert_eq!(parsed, Ok(meaning(&filter.0)));
    }

    #[test]
    fn a_text_finds_itself_and_nothing_else(wanted in text(), other in text()) {
        let filter = simulated::parse(&NAME.eq(wanted.as_str()).to_string()).unwrap();
        let finds = |name: &str| filter.matches(&json!({"name": name}));
        prop_assert!(finds(&wanted));
        let same = wanted.to_lowercase() == other.to_lowercase();
        let dates = wanted.starts_with(|c: char| c.is_ascii_digit());
        prop_assert!(same || dates || !finds(&other));
    }

    #[test]
    fn a_filter_survives_the_url(filter in filter()) {
        let text = filter.to_string();
        let query = format!("filter={}&x=1", crate::qrs::transport::encode(&text));
        prop_assert!(query.is_ascii());
        let url = url::Url::parse(&format!("https://h/?{query}")).unwrap();
        prop_assert_eq!(url.query(), Some(query.as_str()));
        let (_, arrived) = url.query_pairs().next().unwrap();
        prop_assert_eq!(arrived, text);
    }
}
