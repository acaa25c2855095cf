//! Standard output and standard error, at which a person may be looking, now or later.
//!
//! What is printed for people is steered by nothing from outside, on a terminal and in a pipe alike: from
//! there it may come to a terminal. JSON has the same values, with signs of its own for what could steer.
//! Tables go into a pipe as they are written. With [`choose_signs`] it is all ASCII. Colours are as `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` and
//! `TERM` have it, also on consoles of Windows that know no codes.

use std::borrow::Cow;
use std::fmt::Arguments;
use std::io::{self, IsTerminal, Stderr, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use crate::plain;
use crate::secret::mask_own;

/// Whether only ASCII is written.
static ASCII: AtomicBool = AtomicBool::new(false);

/// How commands in a text are made such that they run when they are pasted: the text, and whether it is JSON.
pub type Rewrite = fn(&str, bool) -> Cow<'_, str>;

static COMMANDS: OnceLock<Rewrite> = OnceLock::new();

/// From here on, commands in lines of the log are printed as that has them.
pub fn call_commands(as_called: Rewrite) {
    COMMANDS.get_or_init(|| as_called);
}

/// Writes ASCII only from here on where that is asked for, where the locale isn't one of UTF-8, or on a console
/// of Windows that is older than its terminal.
pub fn choose_signs(asked: bool) {
    let variable = |name: &str| std::env::var(name).ok();
    let ascii =
        asked || !is_utf8(variable) || (io::stdout().is_terminal() && is_old_console(variable));
    ASCII.store(ascii, Ordering::Relaxed);
}

/// Whether only ASCII is written: no lines of boxes, blocks, braille or arrows.
pub fn is_ascii() -> bool {
    ASCII.load(Ordering::Relaxed)
}

/// By the usual order of variables; nothing set counts as UTF-8, as terminals of today are.
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set);
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Windows Terminal and those that call themselves something have the letters; `conhost` with its old fonts
/// doesn't say what it is.
fn is_old_console(variable: impl Fn(&str) -> Option<String>) -> bool {
    let named = ["WT_SESSION", "TERM", "TERM_PROGRAM", "ConEmuANSI"];
    cfg!(windows) && named.iter().all(|name| variable(name).is_none())
}

fn signs(text: &str) -> Cow<'_, str> {
    if is_ascii() { plain::in_ascii(text) } else { text.into() }
}

/// Whether texts for this stream have colours.
pub fn has_colours<S: RawStream>(stream: &S) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

/// How wide standard output is; `None` where it is no terminal.
pub fn columns() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    Some(width.0.into())
}

/// How wide standard error is; `None` where it is no terminal.
pub fn columns_of_errors() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stderr())?;
    Some(width.0.into())
}

/// Prints a text of our own to standard output.
pub fn print(text: Arguments<'_>) -> io::Result<()> {
    let out = io::stdout();
    let text = text.to_string();
    let masked = mask_own(&text);
    let text = plain::on_terminal(&masked, has_colours(&out));
    let text = signs(&text);
    if out.is_terminal() {
        AutoStream::auto(out).write_all(text.as_bytes())
    } else {
        out.lock().write_all(text.as_bytes())
    }
}

/// Prints a value as JSON to standard output.
pub fn print_json(value: &impl Serialize) -> io::Result<()> {
    let json = plain::to_json_pretty(value)?;
    let masked = mask_own(&json);
    let mut out = io::stdout().lock();
    out.write_all(json_signs(&plain::in_json(&masked)).as_bytes())?;
    out.write_all(b"\n")
}

fn json_signs(json: &str) -> Cow<'_, str> {
    if is_ascii() { plain::json_in_ascii(json) } else { json.into() }
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
            Ok(text) => self.to.write_all(json_signs(&plain::in_json(text)).as_bytes())?,
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
    let _ = stderr().write_all(signs(&text).as_bytes());
}

/// Standard error for lines with colours.
pub fn stderr() -> AutoStream<Stderr> {
    let err = io::stderr();
    if err.is_terminal() { AutoStream::auto(err) } else { AutoStream::always_ansi(err) }
}

/// Writes lines of a log, one a call: nothing in them steers a terminal, ends a line or is a secret, and commands
/// in them [can be pasted](call_commands).
#[derive(Debug)]
pub struct LogLines<W> {
    to: W,
    keep_colours: bool,
    is_shown: bool,
}

impl<W: Write> LogLines<W> {
    pub fn new(to: W, keep_colours: bool) -> Self {
        Self { to, keep_colours, is_shown: false }
    }

    /// For eyes, in the signs that were [chosen](choose_signs).
    #[must_use]
    pub fn shown(self) -> Self {
        Self { is_shown: true, ..self }
    }
}

impl<W: Write> Write for LogLines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let masked = mask_own(&text);
        let called = COMMANDS.get().map(|called| called(&masked, masked.starts_with('{')));
        let line = plain::log_line(called.as_deref().unwrap_or(&masked), self.keep_colours);
        let line = if self.is_shown { signs(&line) } else { Cow::Borrowed(&*line) };
        self.to.write_all(line.as_bytes())?;
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
        io::stdout().write_all(signs(&plain::on_terminal(&text, false)).as_bytes())
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
    fn the_locale_says_whether_there_is_more_than_ascii() {
        let of = |pairs: &[(&str, &str)]| {
            is_utf8(|name| {
                pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        for (pairs, expected) in [
            (&[][..], true),
            (&[("LANG", "C")], false),
            (&[("LANG", "POSIX")], false),
            (&[("LANG", "sv_SE.ISO-8859-1")], false),
            (&[("LANG", "en_US.UTF-8")], true),
            (&[("LANG", "C.utf8")], true),
            (&[("LANG", "en_US.UTF-8"), ("LC_ALL", "C")], false),
            (&[("LANG", "C"), ("LC_CTYPE", "en_US.UTF-8")], true),
            (&[("LC_ALL", ""), ("LANG", "C")], false),
        ] {
            assert_eq!(of(pairs), expected, "{pairs:?}");
        }
    }

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
