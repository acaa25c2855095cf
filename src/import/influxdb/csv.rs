//! The annotated CSV in which InfluxDB 2.x answers: tables, each with a line of types and a header.

use std::collections::BTreeMap;

/// Turns lines into rows.
#[derive(Debug, Default)]
pub struct Reader {
    /// The beginning of a record whose quotes aren't closed yet.
    open: String,
    types: Vec<String>,
    header: Vec<String>,
    header_next: bool,
}

/// One row of a table, its cells by their column's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    cells: BTreeMap<String, Cell>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cell {
    text: String,
    kind: String,
}

impl Row {
    /// The text of a cell; `None` where there is none.
    pub fn get(&self, column: &str) -> Option<&str> {
        self.cells.get(column).map(|cell| cell.text.as_str()).filter(|text| !text.is_empty())
    }

    /// A cell that holds a number by its type.
    pub fn number(&self, column: &str) -> Option<f64> {
        let cell = self.cells.get(column)?;
        let is_number = ["double", "long", "unsignedLong"].contains(&cell.kind.as_str());
        is_number.then(|| cell.text.parse().ok())?
    }

    /// All columns with a text.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cells.iter().map(|(name, cell)| (name.as_str(), cell.text.as_str()))
    }
}

impl Reader {
    /// Takes the next line; gives a row if it ends one.
    pub fn line(&mut self, line: &str) -> Option<Row> {
        if self.open.is_empty() {
            self.open.push_str(line);
        } else {
            self.open.push('\n');
            self.open.push_str(line);
        }
        if self.open.matches('"').count() % 2 == 1 {
            return None;
        }
        let record = std::mem::take(&mut self.open);
        if record.is_empty() {
            // Between tables; one without annotations begins with its header.
            self.header_next = true;
            self.types.clear();
            return None;
        }
        let cells = split(&record);
        if let Some(annotation) = record.strip_prefix('#') {
            if annotation.starts_with("datatype") {
                self.types = cells;
            }
            self.header_next = true;
            return None;
        }
        if self.header_next || self.header.is_empty() {
            self.header = cells;
            self.header_next = false;
            return None;
        }
        let cell = |(index, (name, text)): (usize, (&String, String))| {
            let kind = self.types.get(index).cloned().unwrap_or_default();
            (name.clone(), Cell { text, kind })
        };
        let cells = self.header.iter().zip(cells).enumerate().map(cell);
        Some(Row { cells: cells.filter(|(name, _)| !name.is_empty()).collect() })
    }
}

/// The cells of a record.
fn split(record: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut chars = record.chars().peekable();
    while let Some(c) = chars.next() {
        let last = cells.len() - 1;
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cells[last].push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cells[last].push(c),
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Row> {
        let mut reader = Reader::default();
        text.lines().filter_map(|line| reader.line(line)).collect()
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
}
