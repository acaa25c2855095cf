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

/// How wide standard output is; `None` where it is no terminal.
pub fn columns() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    Some(width.0.into())
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

/// Takes JSON as it is made, in millions of small texts, and writes it [fit for a terminal](plain::in_json).
/// All of it is written by [`finish`](Self::finish).
#[derive(Debug)]
pub struct Json<W> {
    to: W,
    /// What is not written yet.
    gathered: Vec<u8>,
    /// Looked at and written once there is so much.
    enough: usize,
}

/// So much is looked at and written at once.
const GATHERED: usize = 64 * 1024;

impl<W: Write> Json<W> {
    pub fn new(to: W) -> Self {
        Self { to, gathered: Vec::new(), enough: GATHERED }
    }

    /// Writes what is left, and hands back where it went.
    pub fn finish(mut self) -> io::Result<W> {
        self.pass_on(self.gathered.len())?;
        Ok(self.to)
    }

    /// Whole lines only: what belongs together stays together.
    #[cold]
    fn pass_lines_on(&mut self) -> io::Result<()> {
        match self.gathered.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => {
                self.enough = GATHERED;
                self.pass_on(end + 1)
            }
            None => {
                self.enough = 2 * self.gathered.len();
                Ok(())
            }
        }
    }

    fn pass_on(&mut self, until: usize) -> io::Result<()> {
        let bytes = &self.gathered[..until];
        match std::str::from_utf8(bytes) {
            Ok(text) => self.to.write_all(plain::in_json(text).as_bytes())?,
            Err(_) => self.to.write_all(bytes)?,
        }
        self.gathered.drain(..until);
        Ok(())
    }
}

impl<W: Write> Write for Json<W> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() < self.enough { Ok(()) } else { self.pass_lines_on() }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on(self.gathered.len())?;
        self.to.flush()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_in_many_small_texts_is_what_it_is_at_once() {
        let name = |n: usize| match n % 4 {
            0 => format!("anna {n}"),
            1 => format!("\u{e4}\u{202e}{n}\u{7f}"),
            2 => format!("\u{915}\u{94d}\u{200d}\u{937} x\u{200d}{n}"),
            _ => "\u{9b}".repeat(n % 50),
        };
        let names: Vec<String> = (0..20_000).map(name).collect();
        let mut json = Json::new(Vec::new());
        serde_json::to_writer_pretty(&mut json, &names).unwrap();
        let written = String::from_utf8(json.finish().unwrap()).unwrap();
        let at_once = serde_json::to_string_pretty(&names).unwrap();
        assert_eq!(written, plain::in_json(&at_once));
        assert_eq!(serde_json::from_str::<Vec<String>>(&written).unwrap(), names);
        assert!(!written.contains(['\u{202e}', '\u{7f}', '\u{9b}']));
    }

    #[test]
    fn json_is_passed_on_in_large_pieces_of_whole_lines() {
        #[derive(Default)]
        struct Pieces(Vec<Vec<u8>>);
        impl Write for Pieces {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.push(bytes.to_vec());
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let long = "x".repeat(3 * GATHERED);
        let values = vec![long; 2].into_iter().chain((0..50_000).map(|n| n.to_string()));
        let values: Vec<String> = values.collect();
        let mut json = Json::new(Pieces::default());
        serde_json::to_writer_pretty(&mut json, &values).unwrap();
        let pieces = json.finish().unwrap().0;
        let length: usize = pieces.iter().map(Vec::len).sum();
        assert!(pieces.len() <= length / GATHERED + 2, "{} of {length} bytes", pieces.len());
        let (last, others) = pieces.split_last().unwrap();
        assert!(others.iter().all(|piece| piece.ends_with(b"\n")) && last.ends_with(b"]"));
    }
}
