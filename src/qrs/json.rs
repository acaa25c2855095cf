//! From the bytes of a 200 to a value, or to what is wrong with them.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use super::Error;
use super::error::NotJson;
use crate::license::{ShapeError, kind_of};

/// Why bytes aren't the value asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    NotJson(NotJson),
    Shape(ShapeError),
}

impl Failure {
    pub(super) fn error(self, url: String) -> Error {
        match self {
            Self::NotJson(body) => Error::NotJson { url, body },
            Self::Shape(error) => Error::shape(&url, error),
        }
    }
}

/// Parses a body as `T`.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    match body.first() {
        None => return Err(Failure::NotJson(NotJson::Empty)),
        Some(b'<') => return Err(Failure::NotJson(NotJson::Html)),
        Some(_) => {}
    }
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Eof => Failure::NotJson(NotJson::Truncated),
        Category::Syntax | Category::Io => Failure::NotJson(NotJson::Text),
        Category::Data => Failure::Shape(shape_of(body, &error)),
    })
}

/// Parses a body as an object: a list is never taken for one.
pub(super) fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    starting_with(body, b'{', "an object")
}

/// Parses a body as a list: `null` or an object is never taken for an empty one.
pub(super) fn list<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, Failure> {
    starting_with(body, b'[', "a list")
}

fn starting_with<T: DeserializeOwned>(
    body: &[u8],
    first: u8,
    expected: &str,
) -> Result<T, Failure> {
    let start = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    if start.first() != Some(&first) {
        let other: Value = parse(body)?;
        return Err(Failure::Shape(ShapeError::new(expected, kind_of(&other))));
    }
    parse(body)
}

/// What serde says of a value of the wrong kind, without the value itself.
pub(super) fn shape_of(body: &[u8], error: &serde_json::Error) -> ShapeError {
    let expected = "the fields of this version of the answer";
    // A body may go on after the value, when it is a list's element.
    if let Some(Ok(value)) = serde_json::Deserializer::from_slice(body).into_iter::<Value>().next()
        && !value.is_object()
        && !value.is_array()
    {
        return ShapeError::new(expected, kind_of(&value));
    }
    ShapeError::new(expected, without_values(&error.to_string()))
}

/// Cuts quoted text out of a message: it comes from the body.
fn without_values(message: &str) -> String {
    match (message.find('"'), message.rfind('"')) {
        (Some(start), Some(end)) if start < end => {
            format!("{}...{}", &message[..start], &message[end + 1..])
        }
        _ if message.starts_with("unknown variant") => "an unknown name".to_owned(),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Row {
        #[serde(default)]
        id: u32,
    }

    fn shape(expected: &str, found: &str) -> Failure {
        Failure::Shape(ShapeError::new(expected, found))
    }

    #[test]
    fn says_what_came_instead_of_json() {
        for (body, what) in [
            ("", NotJson::Empty),
            (" \r\n", NotJson::Empty),
            ("<!DOCTYPE html><html>", NotJson::Html),
            ("\n  <html>", NotJson::Html),
            ("[{\"id\":1},{\"id\"", NotJson::Truncated),
            ("[{\"id\":1}", NotJson::Truncated),
            ("[{\"id\":NaN}]", NotJson::Text),
            ("[] []", NotJson::Text),
            ("Forbidden", NotJson::Text),
        ] {
            let result = list::<Row>(body.as_bytes());
            assert_eq!(result, Err(Failure::NotJson(what)), "{body:?}");
        }
    }

    #[test]
    fn a_list_is_a_list_and_an_object_an_object() {
        assert_eq!(list::<Row>(b"\xef\xbb\xbf [{\"id\":1}]"), Ok(vec![Row { id: 1 }]));
        assert_eq!(object::<Row>(b"{\"id\":1,\"new\":[]}"), Ok(Row { id: 1 }));
        for (body, found) in
            [("null", "null"), ("{}", "an object"), ("\"x\"", "text"), ("1", "a number")]
        {
            assert_eq!(list::<Row>(body.as_bytes()), Err(shape("a list", found)));
        }
        for (body, found) in [("null", "null"), ("[]", "a list"), ("true", "true or false")] {
            assert_eq!(object::<Row>(body.as_bytes()), Err(shape("an object", found)));
        }
    }

    #[test]
    fn values_of_the_body_stay_out_of_errors() {
        let Err(Failure::Shape(error)) = object::<Row>(br#"{"id":"SEC\"RET"}"#) else { panic!() };
        assert!(error.to_string().contains("invalid type: string ..., expected u32"), "{error}");
        assert!(!error.to_string().contains("SEC"), "{error}");
    }
}
