//! A list, parsed element by element while it comes: a site of 200,000 users is never in memory as
//! text.

use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::{Deserializer, Value};

use super::answer::{Sink, Stop};
use super::error::NotJson;
use super::json::{self, Failure, shape_of};
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

/// Reads the element at the start of the bytes: it and its length, or `None` when more bytes are
/// needed.
pub(super) type Parse<T> = fn(&[u8]) -> Result<Option<(T, usize)>, Failure>;

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
pub(super) struct Reader<T> {
    form: Form<T>,
    place: Place,
    /// What is not parsed yet.
    buffer: Vec<u8>,
    /// Not tried again before there are so many bytes: trying a long element with every piece
    /// would take time by the square of its length.
    wait_for: usize,
    rows: Vec<T>,
}

impl<T> Reader<T> {
    pub(super) fn new(form: Form<T>) -> Self {
        Self { form, place: Place::Start, buffer: Vec::new(), wait_for: 0, rows: Vec::new() }
    }

    /// Takes all that is whole from the buffer.
    fn parse(&mut self) -> Result<(), Stop> {
        let mut done = 0;
        self.wait_for = 0;
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
                    match (self.form.parse)(rest).map_err(Stop::Not)? {
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
        let mebibytes = self.form.limits.element / (1024 * 1024);
        shape(format!("rows of at most {mebibytes} MiB"), "a longer one")
    }
}

impl<T> Sink for Reader<T> {
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

/// Reads an element as `T`.
pub(super) fn element<T: DeserializeOwned>(bytes: &[u8]) -> Result<Option<(T, usize)>, Failure> {
    let mut elements = Deserializer::from_slice(bytes).into_iter::<T>();
    match elements.next() {
        None => Ok(None),
        Some(Ok(value)) => Ok(Some((value, elements.byte_offset()))),
        Some(Err(error)) => match error.classify() {
            Category::Eof => Ok(None),
            Category::Syntax | Category::Io => Err(Failure::NotJson(NotJson::Text)),
            Category::Data => Err(Failure::Shape(shape_of(bytes, &error))),
        },
    }
}
