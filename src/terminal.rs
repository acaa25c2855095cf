//! Standard output and standard error, at which a person may be looking, now or later.
//!
//! What is printed for people is steered by nothing from outside, on a terminal and in a pipe alike: from
//! there it may come to a terminal. JSON has the same values, with signs of its own for what could steer.
//! Tables go into a pipe as they are written. Colours are as `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` and
//! `TERM` have it, also on consoles of Windows that know no codes.

use std::fmt::Arguments;
use std::io::{self, IsTerminal, Stderr, Write};

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use crate::plain;
use crate::secret::mask_own;

/// Whether texts for this stream have colours.
pub fn has_colours<S: RawStream>(stream: &S) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

/// Prints a text of our own to standard output.
pub fn print(text: Arguments<'_>) -> io::Result<()> {
    let out = io::stdout();
    let text = text.to_string();
    let masked = mask_own(&text);
    let text = plain::on_terminal(&masked, has_colours(&out));
    if out.is_terminal() {
        AutoStream::auto(out).write_all(text.as_bytes())
    } else {
        out.lock().write_all(text.as_bytes())
    }
}

/// Prints a value as JSON to standard output.
pub fn print_json(value: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_string_pretty(value)?;
    let masked = mask_own(&json);
    let mut out = io::stdout().lock();
    out.write_all(plain::in_json(&masked).as_bytes())?;
    out.write_all(b"\n")
}

/// Takes JSON as it is made, text by text, and writes it as [`print_json`] does.
#[derive(Debug)]
pub struct Json<W>(pub W);

impl<W: Write> Write for Json<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.0.write_all(plain::in_json(text).as_bytes())?,
            Err(_) => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Prints a text of our own to standard error. Where nobody takes it, there is nobody to tell.
pub fn complain(text: Arguments<'_>) {
    let text = text.to_string();
    let masked = mask_own(&text);
    let text = plain::on_terminal(&masked, has_colours(&io::stderr()));
    let _ = stderr().write_all(text.as_bytes());
}

/// Standard error for lines with colours.
pub fn stderr() -> AutoStream<Stderr> {
    let err = io::stderr();
    if err.is_terminal() { AutoStream::auto(err) } else { AutoStream::always_ansi(err) }
}

/// Writes lines of a log, one a call: nothing in them steers a terminal, ends a line or is a secret.
#[derive(Debug)]
pub struct LogLines<W> {
    to: W,
    keep_colours: bool,
}

impl<W: Write> LogLines<W> {
    pub fn new(to: W, keep_colours: bool) -> Self {
        Self { to, keep_colours }
    }
}

impl<W: Write> Write for LogLines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let masked = mask_own(&text);
        self.to.write_all(plain::log_line(&masked, self.keep_colours).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Shows data on the terminal at standard output, line by line.
#[derive(Debug, Default)]
pub struct Screen {
    /// A line whose end hasn't come yet.
    line: Vec<u8>,
}

impl Screen {
    fn show(&mut self, until: usize) -> io::Result<()> {
        let lines: Vec<u8> = self.line.drain(..until).collect();
        let text = String::from_utf8_lossy(&lines);
        io::stdout().write_all(plain::on_terminal(&text, false).as_bytes())
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
            self.show(end + 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.show(self.line.len())?;
        io::stdout().flush()
    }
}
