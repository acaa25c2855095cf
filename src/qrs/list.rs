//! A list, parsed element by element while it comes: a site of 200,000 users is never in memory as
//! text.

use serde::de::DeserializeOwned;
use serde_json::de::Read;
use serde_json::error::Category;
use serde_json::{Deserializer, Value};

use super::answer::{Sink, Stop};
use super::error::NotJson;
use super::json::{self, Failure, shape_of};
use super::progress::Progress;
use crate::license::ShapeError;

/// What a list may not exceed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Of the unpacked body.
    pub bytes: usize,
    /// Of one element, in bytes.
    pub element: usize,
    pub rows: usize,
}

/// What is there of a list, from an element on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rest<'a> {
    /// Known to be text, so that no string in it has to be looked at for that again.
    Text(&'a str),
    /// Some of it is no text. What is not read of an element may be anything.
    Bytes(&'a [u8]),
}

impl<'a> Rest<'a> {
    pub(super) fn bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Reads the element at the start of the rest: it and its length, or `None` when more bytes are
/// needed.
pub(super) type Parse<T> = fn(Rest<'_>) -> Result<Option<(T, usize)>, Failure>;

/// How a list is read.
#[derive(Debug)]
pub(super) struct Form<T> {
    pub parse: Parse<T>,
    pub limits: Limits,
}

impl<T> Clone for Form<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Form<T> {}

/// Where in the list the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before `[`.
    Start,
    /// It is not a list: its beginning is kept to tell what it is.
    Other,
    /// After `[`.
    First,
    /// After a comma.
    Element,
    /// Before a comma or `]`.
    Separator,
    /// After `]`.
    End,
}

/// As much of what is no list is kept to tell what it is.
const MAX_OTHER: usize = 64 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Takes the pieces of a body.
#[derive(Debug)]
pub(super) struct Reader<'a, T> {
    form: Form<T>,
    progress: &'a Progress,
    place: Place,
    /// What is not parsed yet.
    buffer: Vec<u8>,
    /// Not tried again before there are so many bytes: trying a long element with every piece
    /// would take time by the square of its length.
    wait_for: usize,
    rows: Vec<T>,
}

impl<'a, T> Reader<'a, T> {
    /// Tells how many rows came while they come.
    pub(super) fn new(form: Form<T>, progress: &'a Progress) -> Self {
        let (buffer, rows) = (Vec::new(), Vec::new());
        Self { form, progress, place: Place::Start, buffer, wait_for: 0, rows }
    }

    /// Takes all that is whole from the buffer.
    fn parse(&mut self) -> Result<(), Stop> {
        let before = self.rows.len();
        let result = self.parse_rows();
        self.progress.read_rows(self.rows.len() - before);
        result
    }

    fn parse_rows(&mut self) -> Result<(), Stop> {
        let mut done = 0;
        self.wait_for = 0;
        let known = text_of(&self.buffer);
        loop {
            let rest = &self.buffer[done..];
            let blank = rest.iter().take_while(|byte| is_blank(**byte)).count();
            let rest = &rest[blank..];
            let Some(&byte) = rest.first() else {
                done += blank;
                break;
            };
            match (self.place, byte) {
                (Place::Start, _) if BYTE_ORDER_MARK.starts_with(rest) && blank == 0 => break,
                (Place::Start, 0xef) if rest.starts_with(BYTE_ORDER_MARK) && blank == 0 => {
                    done += BYTE_ORDER_MARK.len();
                    continue;
                }
                (Place::Start, b'[') => self.place = Place::First,
                (Place::Start | Place::Other, _) => {
                    self.place = Place::Other;
                    if self.buffer.len() > MAX_OTHER {
                        return Err(self.other());
                    }
                    break;
                }
                (Place::First, b']') | (Place::Separator, b']') => self.place = Place::End,
                (Place::First, _) => {
                    self.place = Place::Element;
                    continue;
                }
                (Place::Separator, b',') => self.place = Place::Element,
                (Place::Separator | Place::End, _) => return Err(text()),
                (Place::Element, _) => {
                    let element = known.and_then(|text| text.get(done + blank..));
                    let element = element.map_or(Rest::Bytes(rest), Rest::Text);
                    match (self.form.parse)(element).map_err(Stop::Not)? {
                        // A number at the end of the piece may go on in the next one.
                        Some((row, length)) if length < rest.len() => {
                            if self.rows.len() == self.form.limits.rows {
                                return Err(self.too_many());
                            }
                            self.rows.push(row);
                            self.place = Place::Separator;
                            done += blank + length;
                            continue;
                        }
                        _ => {
                            let length = rest.len();
                            done += blank;
                            if length > self.form.limits.element {
                                return Err(self.too_long());
                            }
                            self.wait_for = length + length / 4;
                            break;
                        }
                    }
                }
            }
            done += blank + 1;
        }
        self.buffer.drain(..done);
        Ok(())
    }

    fn other(&self) -> Stop {
        match self.buffer.iter().find(|byte| !is_blank(**byte)) {
            Some(b'{') => shape("a list".to_owned(), "an object"),
            Some(b'<') => Stop::Not(Failure::NotJson(NotJson::Html)),
            _ => text(),
        }
    }

    fn too_many(&self) -> Stop {
        shape(format!("at most {} rows", self.form.limits.rows), "more")
    }

    fn too_long(&self) -> Stop {
        shape(format!("rows of at most {} bytes", self.form.limits.element), "a longer one")
    }
}

impl<T> Sink for Reader<'_, T> {
    type Value = Vec<T>;

    fn limit(&self) -> usize {
        self.form.limits.bytes
    }

    fn feed(&mut self, piece: &[u8]) -> Result<(), Stop> {
        self.buffer.extend_from_slice(piece);
        if self.buffer.len() >= self.wait_for { self.parse() } else { Ok(()) }
    }

    /// The rows of a list that is whole.
    fn finish(mut self) -> Result<Vec<T>, Stop> {
        self.parse()?;
        match self.place {
            Place::End => {
                self.rows.shrink_to_fit();
                Ok(self.rows)
            }
            Place::Start | Place::Other => match json::list::<Value>(&self.buffer) {
                Err(failure) => Err(Stop::Not(failure)),
                Ok(_) => Err(text()),
            },
            Place::First | Place::Element | Place::Separator => {
                Err(Stop::Not(Failure::NotJson(NotJson::Truncated)))
            }
        }
    }
}

fn shape(expected: String, found: &str) -> Stop {
    Stop::Not(Failure::Shape(ShapeError::new(expected, found)))
}

fn text() -> Stop {
    Stop::Not(Failure::NotJson(NotJson::Text))
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The beginning that is text, if only a character at the end is not whole yet.
fn text_of(bytes: &[u8]) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_some() => None,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok(),
    }
}

/// Reads an element as `T`.
pub(super) fn element<T: DeserializeOwned>(rest: Rest<'_>) -> Result<Option<(T, usize)>, Failure> {
    let first = match rest {
        Rest::Text(text) => next(Deserializer::from_str(text)),
        Rest::Bytes(bytes) => next(Deserializer::from_slice(bytes)),
    };
    first.or_else(|error| match error.classify() {
        Category::Eof => Ok(None),
        Category::Syntax | Category::Io => Err(Failure::NotJson(NotJson::Text)),
        Category::Data => Err(Failure::Shape(shape_of(rest.bytes(), &error))),
    })
}

/// The first value and where it ends; nothing where there is none.
fn next<'a, R: Read<'a>, T: DeserializeOwned>(
    json: Deserializer<R>,
) -> serde_json::Result<Option<(T, usize)>> {
    let mut values = json.into_iter::<T>();
    let value = values.next().transpose()?;
    Ok(value.map(|value| (value, values.byte_offset())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    const LIMITS: Limits = Limits { bytes: 1024 * 1024, element: 1000, rows: 100 };

    fn read<T: DeserializeOwned>(pieces: &[&[u8]]) -> Result<Vec<T>, Stop> {
        let progress = Progress::default();
        let mut reader = Reader::new(Form { parse: element::<T>, limits: LIMITS }, &progress);
        for piece in pieces {
            reader.feed(piece)?;
        }
        let rows = reader.finish()?;
        assert_eq!(progress.rows(), rows.len() as u64);
        Ok(rows)
    }

    /// In pieces of every length from 1.
    fn in_pieces<T: DeserializeOwned + PartialEq + std::fmt::Debug>(
        body: &str,
    ) -> Result<Vec<T>, Stop> {
        let whole = read(&[body.as_bytes()]);
        for length in 1..body.len().max(2) {
            let pieces: Vec<&[u8]> = body.as_bytes().chunks(length).collect();
            assert_eq!(read(&pieces), whole, "{body:?} in pieces of {length}");
        }
        whole
    }

    fn not_json(what: NotJson) -> Stop {
        Stop::Not(Failure::NotJson(what))
    }

    #[test]
    fn lists_are_the_same_in_any_pieces() {
        for (body, rows) in [
            ("[]", vec![]),
            (" [ ] \r\n", vec![]),
            ("\u{feff}[1]", vec![1]),
            ("\u{feff} [1]", vec![1]),
            ("[1,23,456]", vec![1, 23, 456]),
            ("\t[ 1 ,\r\n 23 , 456 ]\n", vec![1, 23, 456]),
        ] {
            assert_eq!(in_pieces::<u32>(body), Ok(rows), "{body:?}");
        }
        let awkward = r#"[{"a":"]},[\\\"ü\u00e4"},[[],{}],"x",null,true,-1.5e3]"#;
        let rows: Vec<Value> = serde_json::from_str(awkward).unwrap();
        assert_eq!(in_pieces(awkward), Ok(rows));
    }

    #[test]
    fn bytes_that_are_no_text_spoil_only_what_is_read_of_them() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Row {
            id: String,
        }
        let rows = vec![Row { id: "\u{e4}".into() }, Row { id: "b".into() }];
        let list = |id: &[u8], other: &[u8]| {
            let parts: [&[u8]; 5] =
                [b"[{\"id\":\"", id, b"\",\"x\":\"", other, b"\"},{\"id\":\"b\"}]"];
            parts.concat()
        };
        for (body, expected) in [
            (list("\u{e4}".as_bytes(), "\u{1f600}".as_bytes()), Ok(&rows)),
            (list("\u{e4}".as_bytes(), b"\xe4"), Ok(&rows)),
            (list(b"\xe4", b""), Err(not_json(NotJson::Text))),
        ] {
            for length in 1..body.len() {
                let pieces: Vec<&[u8]> = body.chunks(length).collect();
                assert_eq!(
                    read::<Row>(&pieces).as_ref(),
                    expected.as_ref().map(|r| *r),
                    "{length}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_list_is_told_in_any_pieces() {
        for (body, what) in [
            ("", NotJson::Empty),
            (" \r\n", NotJson::Empty),
            ("\u{feff}", NotJson::Empty),
            ("<!DOCTYPE html><html>", NotJson::Html),
            ("\n  <html>", NotJson::Html),
            ("Forbidden", NotJson::Text),
            ("nul", NotJson::Truncated),
            ("[", NotJson::Truncated),
            ("[ 1", NotJson::Truncated),
            ("[12", NotJson::Truncated),
            ("[1,", NotJson::Truncated),
            ("[1 ", NotJson::Truncated),
            ("[[1,2]", NotJson::Truncated),
            ("[1 2]", NotJson::Text),
            ("[1,]", NotJson::Text),
            ("[,1]", NotJson::Text),
            ("[1,,2]", NotJson::Text),
            ("[1}", NotJson::Text),
            ("[01]", NotJson::Text),
            ("[NaN]", NotJson::Text),
            ("[1]]", NotJson::Text),
            ("[1] [2]", NotJson::Text),
            ("[1]{}", NotJson::Text),
            ("[1],", NotJson::Text),
            ("[1]<html>", NotJson::Text),
            ("\u{c}[1]", NotJson::Text),
        ] {
            assert_eq!(in_pieces::<Value>(body), Err(not_json(what)), "{body:?}");
        }
        for (body, found) in
            [("null", "null"), ("{}", "an object"), ("\"x\"", "text"), ("1", "a number")]
        {
            let shape = Stop::Not(Failure::Shape(ShapeError::new("a list", found)));
            assert_eq!(in_pieces::<Value>(body), Err(shape), "{body:?}");
        }
    }

    #[test]
    fn a_row_of_another_shape_is_told_without_its_content() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Row {
            id: u32,
        }
        let stop = |body: &[u8]| match read::<Row>(&[body]) {
            Err(Stop::Not(Failure::Shape(error))) => error.to_string(),
            other => panic!("{other:?}"),
        };
        let text = stop(br#"[{"id":1},{"id":"SECRET"}]"#);
        assert!(text.contains("invalid type: string ..., expected u32"), "{text}");
        assert!(stop(br#"[{"id":1},"SECRET"]"#).ends_with("found text"));
        assert!(stop(b"[{}]").contains("missing field `id`"));
    }

    #[test]
    fn a_list_has_limits() {
        let progress = Progress::default();
        let rows = vec!["1"; LIMITS.rows].join(",");
        assert_eq!(read::<u32>(&[format!("[{rows}]").as_bytes()]).map(|r| r.len()), Ok(100));
        let stop = read::<u32>(&[format!("[{rows},1]").as_bytes()]);
        let shape = |expected: &str, found| {
            Err(Stop::Not(Failure::Shape(ShapeError::new(expected, found))))
        };
        assert_eq!(stop, shape("at most 100 rows", "more"));

        let form = Form { parse: element::<String>, limits: LIMITS };
        let mut reader = Reader::new(form, &progress);
        let fed = (0..1000).try_for_each(|n| reader.feed(if n == 0 { b"[\"" } else { b"xxxx" }));
        assert_eq!(fed, shape("rows of at most 1000 bytes", "a longer one").map(|_: Vec<u32>| ()));

        let form = Form { parse: element::<String>, limits: LIMITS };
        let mut reader = Reader::new(form, &progress);
        let fed = (0..100_000).try_for_each(|n| reader.feed(if n == 0 { b"{" } else { b"xx" }));
        assert_eq!(fed, shape("a list", "an object").map(|_: Vec<u32>| ()));
    }

    #[test]
    fn a_long_element_is_not_tried_with_every_piece() {
        thread_local!(static TRIES: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
        fn counted(rest: Rest<'_>) -> Result<Option<(String, usize)>, Failure> {
            TRIES.set(TRIES.get() + 1);
            element::<String>(rest)
        }
        let limits = Limits { element: 1024 * 1024, ..LIMITS };
        let progress = Progress::default();
        let mut reader = Reader::new(Form { parse: counted, limits }, &progress);
        reader.feed(b"[\"").unwrap();
        for _ in 0..10_000 {
            reader.feed(b"0123456789").unwrap();
        }
        reader.feed(b"\"]").unwrap();
        assert_eq!(reader.finish().map(|rows| rows[0].len()), Ok(100_000));
        assert!(TRIES.get() < 60, "{}", TRIES.get());
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".{0,4}", inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_list_in_any_pieces_is_what_it_is_at_once(
            rows in prop::collection::vec(json(), 0..6),
            pretty in any::<bool>(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let text = if pretty {
                serde_json::to_string_pretty(&rows).unwrap()
            } else {
                serde_json::to_string(&rows).unwrap()
            };
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len())).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut start = 0;
            for cut in cuts.into_iter().chain([text.len()]) {
                pieces.push(&text.as_bytes()[start..cut]);
                start = cut;
            }
            prop_assert_eq!(read::<Value>(&pieces), Ok(rows));
            // Without its end it is no list, wherever it breaks off.
            let broken = &text.as_bytes()[..pieces[0].len().min(text.len() - 1)];
            let expected = if broken.is_empty() { NotJson::Empty } else { NotJson::Truncated };
            prop_assert_eq!(read::<Value>(&[broken]), Err(not_json(expected)));
        }

        /// What is taken for a list is one, and no bytes panic.
        #[test]
        fn bytes_are_a_list_only_if_they_are_one(text in r#"[\[\]{},:"0-9a \\.-]{0,12}"#) {
            let at_once: Result<Vec<Value>, _> = serde_json::from_str(&text);
            prop_assert_eq!(in_pieces::<Value>(&text).ok(), at_once.ok());
        }
    }
}
