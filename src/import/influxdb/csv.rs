//! The annotated CSV in which InfluxDB 2.x answers: tables, each with a line of types and a header.

use std::collections::BTreeMap;

/// A record over several lines that is longer than this is none.
const LONGEST: usize = 1024 * 1024;

/// Turns lines into rows.
#[derive(Debug)]
pub(crate) struct Reader {
    parser: csv_core::Reader,
    /// The cells of the record so far, one after the other, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Quotes of the record aren't closed yet.
    open: bool,
    types: Vec<String>,
    header: Vec<String>,
    header_next: bool,
}

/// A record whose quotes are never closed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a quote in the answer is never closed")]
pub(crate) struct Unclosed;

/// One row of a table, its cells by their column's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    cells: BTreeMap<String, Cell>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cell {
    text: String,
    kind: String,
}

impl Row {
    /// The text of a cell; `None` where there is none.
    pub(crate) fn get(&self, column: &str) -> Option<&str> {
        self.cells.get(column).map(|cell| cell.text.as_str()).filter(|text| !text.is_empty())
    }

    /// A cell that holds a number by its type.
    pub(crate) fn number(&self, column: &str) -> Option<f64> {
        let cell = self.cells.get(column)?;
        let is_number = ["double", "long", "unsignedLong"].contains(&cell.kind.as_str());
        is_number.then(|| cell.text.parse().ok())?
    }

    /// All columns with a text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cells.iter().map(|(name, cell)| (name.as_str(), cell.text.as_str()))
    }
}

impl Default for Reader {
    fn default() -> Self {
        // A line comes without its end, so that a `\r` in it is part of a text.
        let end = csv_core::Terminator::Any(b'\n');
        Self {
            parser: csv_core::ReaderBuilder::new().terminator(end).build(),
            text: Vec::new(),
            ends: Vec::new(),
            open: false,
            types: Vec::new(),
            header: Vec::new(),
            header_next: false,
        }
    }
}

impl Reader {
    /// Takes the next line; gives a row if it ends one.
    ///
    /// # Errors
    /// When a record has no end.
    pub(crate) fn line(&mut self, line: &str) -> Result<Option<Row>, Unclosed> {
        if line.is_empty() && !self.open {
            // Between tables; one without annotations begins with its header.
            self.header_next = true;
            self.types.clear();
            return Ok(None);
        }
        let Some(cells) = self.record(line)? else { return Ok(None) };
        if let Some(annotation) = cells.first().and_then(|cell| cell.strip_prefix('#')) {
            if annotation == "datatype" {
                self.types = cells;
            }
            self.header_next = true;
            return Ok(None);
        }
        if self.header_next || self.header.is_empty() {
            self.header = cells;
            self.header_next = false;
            return Ok(None);
        }
        let cell = |(index, (name, text)): (usize, (&String, String))| {
            let kind = self.types.get(index).cloned().unwrap_or_default();
            (name.clone(), Cell { text, kind })
        };
        let cells = self.header.iter().zip(cells).enumerate().map(cell);
        Ok(Some(Row { cells: cells.filter(|(name, _)| !name.is_empty()).collect() }))
    }

    /// After the last line.
    ///
    /// # Errors
    /// When the last record has no end: what it held would be missing.
    pub(crate) fn finish(&self) -> Result<(), Unclosed> {
        if self.open { Err(Unclosed) } else { Ok(()) }
    }

    /// The cells of a record that ends with this line.
    fn record(&mut self, line: &str) -> Result<Option<Vec<String>>, Unclosed> {
        let (mut text, mut ends) = (self.text.len(), self.ends.len());
        // No line gives more text, or more cells, than it has letters and an end.
        self.text.resize(text + line.len() + 1, 0);
        self.ends.resize(ends + line.len() + 1, 0);
        let mut whole = false;
        for part in [line, "\n"].iter().filter(|part| !part.is_empty()) {
            let (result, _, texts, cells) = self.parser.read_record(
                part.as_bytes(),
                &mut self.text[text..],
                &mut self.ends[ends..],
            );
            (text, ends) = (text + texts, ends + cells);
            whole = matches!(result, csv_core::ReadRecordResult::Record);
        }
        self.text.truncate(text);
        self.ends.truncate(ends);
        self.open = !whole;
        if self.open {
            return if text > LONGEST { Err(Unclosed) } else { Ok(None) };
        }
        let mut start = 0;
        let mut cell = |end: &usize| {
            let cell = String::from_utf8_lossy(&self.text[start..*end]).into_owned();
            start = *end;
            cell
        };
        let cells = self.ends.iter().map(&mut cell).collect();
        self.text.clear();
        self.ends.clear();
        Ok(Some(cells))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Row> {
        let mut reader = Reader::default();
        text.lines().filter_map(|line| reader.line(line).unwrap()).collect()
    }

    #[test]
    fn tables_with_types_and_headers_of_their_own() {
        let rows = rows(
            "\
#datatype,string,long,dateTime:RFC3339,double,string
#group,false,false,false,false,true
#default,_result,,,,
,result,table,_time,_value,host
,,0,2026-11-24T00:00:00Z,15.5,east
,,0,2026-11-24T00:05:00Z,16,\"a \"\"b\"\", c
d\"

#datatype,string,long,dateTime:RFC3339,string,string
,result,table,_time,_value,zone
,,1,2026-11-24T00:00:00Z,12,north
",
        );
        let value = |row: &Row| (row.number("_value"), row.get("_value").unwrap().to_owned());
        assert_eq!(value(&rows[0]), (Some(15.5), "15.5".into()));
        assert_eq!(rows[1].get("host"), Some("a \"b\", c\nd"));
        // A number by its looks, a text by its type.
        assert_eq!(value(&rows[2]), (None, "12".into()));
        assert_eq!((rows[2].get("zone"), rows[2].get("host")), (Some("north"), None));
        assert_eq!(rows[2].get("result"), None);
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn an_error_on_the_way_is_a_table_of_its_own() {
        let rows = rows("#datatype,string,long\n,error,reference\n,Failed to parse,897\n");
        assert_eq!(rows[0].get("error"), Some("Failed to parse"));
    }

    #[test]
    fn tables_without_annotations() {
        let rows =
            rows(",result,table,_value\n,_result,0,1\n\n,result,table,other\n,_result,1,2\n");
        assert_eq!((rows[0].get("_value"), rows[1].get("other")), (Some("1"), Some("2")));
        assert_eq!(rows[1].get("_value"), None);
    }

    #[test]
    fn a_record_without_end_is_an_error() {
        let mut reader = Reader::default();
        assert_eq!(reader.line(",result,_value"), Ok(None));
        assert_eq!(reader.finish(), Ok(()));
        assert_eq!(reader.line(",\"begins here,1"), Ok(None));
        assert_eq!(reader.line(""), Ok(None), "a blank line in a text is none between tables");
        assert_eq!(reader.finish(), Err(Unclosed));
        let long = "x".repeat(1000);
        let ends = (0..2000).find_map(|_| reader.line(&long).err());
        assert_eq!(ends, Some(Unclosed), "it is not kept in memory for ever");
    }
}
