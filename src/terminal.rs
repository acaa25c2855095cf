//! Standard output and standard error, at which a person may be looking.
//!
//! Into a pipe or a file goes every byte as it is. On a terminal nothing from outside steers it, and
//! colours are as `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` and `TERM` have it, also on consoles of
//! Windows that know no codes.

use std::fmt::Arguments;
use std::io::{self, IsTerminal, Stderr, Write};

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};

use crate::plain;

/// Whether texts for this stream have colours.
pub fn has_colours<S: RawStream>(stream: &S) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

/// Prints a text of our own to standard output.
pub fn print(text: Arguments<'_>) -> io::Result<()> {
    let out = io::stdout();
    if !out.is_terminal() {
        return out.lock().write_fmt(text);
    }
    AutoStream::auto(out).write_all(plain::on_terminal(&text.to_string(), true).as_bytes())
}

/// Standard error for lines with colours.
pub fn stderr() -> AutoStream<Stderr> {
    let err = io::stderr();
    if err.is_terminal() { AutoStream::auto(err) } else { AutoStream::always_ansi(err) }
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
