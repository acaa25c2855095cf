//! Tables for auditors and spreadsheets: RFC 4180, and no text is a formula.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::plain;

/// One cell.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    /// May come from outside: a user may be called `=HYPERLINK(...)`.
    Text(&'a str),
    /// May be negative, and is written as it is.
    Number(&'a str),
}

/// A table that is written row by row. Its rows have the same number of cells.
#[derive(Debug)]
pub struct Sheet<W: Write>(csv::Writer<W>);

impl<W: Write> Sheet<W> {
    pub fn new(to: W) -> Self {
        let mut options = csv::WriterBuilder::new();
        // A cell with the sign of the guard is quoted, for which this is the crate's word.
        options.terminator(csv::Terminator::CRLF).comment(Some(b'\''));
        Self(options.from_writer(to))
    }

    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) -> io::Result<()> {
        for cell in cells {
            let text = match cell {
                Cell::Text(text) => guarded(text),
                Cell::Number(text) => Cow::Borrowed(text),
            };
            self.0.write_field(&*text).map_err(as_io)?;
        }
        self.0.write_record(None::<&[u8]>).map_err(as_io)
    }

    /// All rows were written; gives back what they were written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.0.flush()?;
        self.0.into_inner().map_err(|error| io::Error::other(error.to_string()))
    }
}

/// The kind of an error says whether a reader went away.
fn as_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// A text that a spreadsheet would take for a formula gets a `'` in front; so does a part of it that
/// becomes a cell of its own where the table is read with other separators, or without its quotes. What
/// steers a terminal or misleads who reads becomes `�`.
fn guarded(text: &str) -> Cow<'_, str> {
    let shown = plain::on_terminal(text, false);
    let starts_blank = shown.starts_with(['\t', '\r', '\n']);
    if !starts_blank && !shown.contains(FORMULA) {
        return shown;
    }
    let mut out = String::with_capacity(shown.len() + 1);
    if starts_blank {
        out.push('\'');
    }
    let mut rest = &*shown;
    loop {
        // Quotes and blanks before a sign are dropped.
        if rest.trim_start_matches(['"', ' ', '\u{a0}']).starts_with(FORMULA) {
            out.push('\'');
        }
        let Some(end) = rest.find(SEPARATORS) else { break };
        out.push_str(&rest[..=end]);
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The wide forms are taken for the plain ones in some languages.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Between cells, by the language of the spreadsheet and its settings; line ends between rows.
const SEPARATORS: [char; 5] = [';', '\t', '\r', '\n', '|'];

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cells: &[Cell]) -> String {
        let mut sheet = Sheet::new(Vec::new());
        sheet.row(cells.iter().copied()).unwrap();
        String::from_utf8(sheet.finish().unwrap()).unwrap()
    }

    /// Between two others: an empty cell alone would be quoted.
    fn cell(text: &str) -> String {
        let line = line(&[Cell::Text("a"), Cell::Text(text), Cell::Text("b")]);
        line.strip_prefix("a,").unwrap().strip_suffix(",b\r\n").unwrap().to_owned()
    }

    #[test]
    fn cells_are_quoted_where_needed() {
        for (text, want) in [
            ("plain", "plain"),
            ("CORP\\anna", "CORP\\anna"),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("O'Hara", "\"O'Hara\""),
            (" a # b ", " a # b "),
            ("", ""),
        ] {
            assert_eq!(cell(text), want);
        }
    }

    #[test]
    fn a_text_is_never_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", "\n=1", "＝1"] {
            assert!(cell(text).starts_with("\"'"), "{text:?}");
        }
        for (text, want) in [
            ("x;=1", "x;'=1"),
            ("x\t@a", "x\t'@a"),
            ("x\n\"=1", "x\n'\"=1"),
            ("x; -1;y", "x;' -1;y"),
            ("a=b;c-d", "a=b;c-d"),
            ("\t=1", "'\t'=1"),
            (" =1", "' =1"),
            ("\n=1\n+2", "'\n'=1\n'+2"),
            ("x\u{1b}[2J\u{202e}", "x�[2J�"),
        ] {
            assert_eq!(guarded(text), want);
        }
        assert_eq!(cell("=HYPERLINK(\"http://x\")"), "\"'=HYPERLINK(\"\"http://x\"\")\"");
        assert_eq!(line(&[Cell::Number("-1"), Cell::Text("-1")]), "-1,\"'-1\"\r\n");
    }

    #[test]
    fn a_reader_that_went_away_is_told_as_that() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut sheet = Sheet::new(Gone);
        sheet.row([Cell::Text("a")]).unwrap();
        assert_eq!(sheet.finish().err().map(|e| e.kind()), Some(io::ErrorKind::BrokenPipe));
    }
}
