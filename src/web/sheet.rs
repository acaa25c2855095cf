//! Tables as files for spreadsheets.

use axum::http::{HeaderName, HeaderValue, header};

use crate::spreadsheet::{Cell, Sheet};

/// A table in memory.
pub(super) struct Csv(Sheet<Vec<u8>>);

impl Csv {
    pub(super) fn new(head: &[Cell<'_>]) -> Self {
        let mut csv = Self(Sheet::new(Vec::new()));
        csv.row(head.iter().copied());
        csv
    }

    pub(super) fn row<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) {
        self.0.row(cells).expect("memory takes every row");
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0.finish().expect("memory takes every row")
    }
}

/// Says to keep it as a file, by a name of these parts.
pub(super) fn file_name(parts: &[&str]) -> (HeaderName, HeaderValue) {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let name: String = parts.join("-").chars().map(plain).take(100).collect();
    let value = HeaderValue::from_str(&format!("attachment; filename=\"{name}.csv\""));
    (header::CONTENT_DISPOSITION, value.expect("it has letters of ASCII"))
}
