//! Tables for people: one author of how rows are laid out, on a terminal and in a pipe.

use std::ops::Range;

use super::text::{NARROWEST, visible, words};
use crate::plain;
use crate::terminal;

/// Lays rows out in columns; the last column is as long as it is. Cells may hold colours.
///
/// On a terminal no line is wider than that is: what of a row has no room goes on below it, set in, under its heading
/// where the first row has headings, and texts go on below themselves. No word is broken, and no command. A single
/// long name would push all that is behind it out of sight: it ends in dots, and is whole in a pipe and in JSON.
pub fn columns(rows: &[Vec<String>]) -> String {
    match terminal::columns() {
        Some(columns) => fitted(rows, columns.max(NARROWEST) - SET_IN),
        None => laid_out(rows),
    }
}

/// Tables are set in below their title by so many columns at most.
const SET_IN: usize = 4;

/// The longest name in a cell but the last one of a row, on a terminal.
const WIDEST: usize = 40;

/// A longer word is a name, and no id, hash or number that has to be there whole.
const LONGEST_WORD: usize = 64;

/// The path of a setting is whole up to so many columns: the last word of a longer one is no word of ours.
const LONGEST_SETTING: usize = 120;

/// What is left of a line below which a text is not begun there.
const NARROWEST_TEXT: usize = 24;

/// What goes on below its row is set in by so many columns.
const BELOW: usize = 4;

/// A row whose long names end in dots; the whole name is in a pipe and in JSON. The words beside them stay, as the place
/// of a setting, an address and a command do. Cells with colours are ours.
fn cut(row: &[String]) -> Vec<String> {
    let count = row.len();
    // The path of a setting is what has to be looked for.
    let is_setting =
        |word: &str| word.starts_with("Butler.") && plain::width(word) <= LONGEST_SETTING;
    let is_place = |word: &str| word.contains(['/', ':']) || is_setting(word);
    let named = |word: &str| match is_place(word) || plain::width(word) <= WIDEST {
        true => word.to_owned(),
        false => format!("{}...", plain::cut(word, WIDEST - 3)),
    };
    let fits = |(n, cell): (usize, &String)| {
        if n + 1 == count || plain::width(cell) <= WIDEST || cell.contains('\u{1b}') {
            return cell.clone();
        }
        cell.split(' ').map(named).collect::<Vec<_>>().join(" ")
    };
    row.iter().enumerate().map(fits).collect()
}

/// A line end in a cell would begin a row that nobody wrote.
fn in_one_line(row: &[String]) -> Vec<String> {
    row.iter().map(|cell| cell.replace(['\n', '\r'], " ")).collect()
}

fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |n: usize| rows.iter().filter_map(|row| row.get(n)).map(|c| visible(c)).max();
    (0..count).map(|n| widest(n).unwrap_or(0)).collect()
}

fn laid_out(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| in_one_line(row)).collect();
    let widths = widths(&rows);
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (n, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if n + 1 < row.len() {
                line.push_str(&" ".repeat(widths[n] - visible(cell) + 2));
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Columns that stand on the same line.
struct Line {
    columns: Range<usize>,
    /// Where the first of them begins.
    start: usize,
}

/// As [`laid_out`], with no line wider than `width` as far as words allow it.
fn fitted(rows: &[Vec<String>], width: usize) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| cut(&in_one_line(row))).collect();
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    // A row that ends early ends with a text, which makes no column wide.
    let ends_early =
        |row: &Vec<String>| (row.len() < count).then(|| row[..row.len().max(1) - 1].to_vec());
    let in_columns: Vec<_> =
        rows.iter().map(|row| ends_early(row).unwrap_or_else(|| row.clone())).collect();
    let mut widths = widths(&in_columns);
    widths.resize(count, 0);
    let lines = lines(&widths, width);
    let mut out = String::new();
    for row in &rows {
        for line in &lines {
            write_line(&mut out, row, line, &widths, width);
        }
    }
    out
}

/// Which columns stand beside each other.
fn lines(widths: &[usize], width: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut at = 0;
    for (n, wide) in widths.iter().enumerate() {
        let is_last = n + 1 == widths.len();
        // A text goes on below itself where there is room for one.
        let needs = if is_last { (*wide).min(NARROWEST_TEXT) } else { *wide };
        match lines.last_mut() {
            Some(line) if at + needs <= width => line.columns.end = n + 1,
            _ => {
                let start = if lines.is_empty() { 0 } else { BELOW };
                lines.push(Line { columns: n..n + 1, start });
                at = start;
            }
        }
        at += wide + 2;
    }
    lines
}

fn write_line(out: &mut String, row: &[String], line: &Line, widths: &[usize], width: usize) {
    let Range { start, end } = line.columns;
    let cells = row.get(start..end.min(row.len())).unwrap_or_default();
    if start > 0 && cells.iter().all(|cell| visible(cell) == 0) {
        return;
    }
    let mut text = " ".repeat(line.start);
    let mut column = line.start;
    for (n, cell) in (start..).zip(cells) {
        if n + 1 < end.min(row.len()) {
            text.push_str(cell);
            text.push_str(&" ".repeat(widths[n] + 2 - visible(cell)));
            column += widths[n] + 2;
        } else {
            text.push_str(&below_itself(cell, column, width.saturating_sub(column)));
        }
    }
    out.push_str(text.trim_end());
    out.push('\n');
}

/// A text in a column of that width, each further line of it set in to where it begins.
fn below_itself(text: &str, column: usize, width: usize) -> String {
    if visible(text) <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut taken = 0;
    for word in words(text) {
        let bare = word.trim_end_matches(' ');
        let bare = shortened(bare, width);
        let takes = visible(&bare);
        if taken > 0 && taken + takes > width {
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            out.push_str(&" ".repeat(column));
            taken = 0;
        }
        out.push_str(&bare);
        taken += takes;
        if word.ends_with(' ') {
            out.push(' ');
            taken += 1;
        }
    }
    out
}

/// A name that has no room ends in dots; addresses, paths and commands stay whole, to be pasted.
fn shortened(word: &str, width: usize) -> String {
    let is_name = !word.contains(['/', ':', ' ', '\u{1b}']);
    if is_name && visible(word) > width.max(LONGEST_WORD) {
        return format!("{}...", plain::cut(word, width.max(NARROWEST_TEXT) - 3));
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::text::Paint;
    use super::*;

    fn rows<const N: usize>(rows: &[[&str; N]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect()
    }

    #[test]
    fn columns_align_whatever_is_coloured() {
        let bad = "\u{1b}[31mfail\u{1b}[0m";
        let rows = rows(&[["a", bad, "x"], ["long", "ok", "y"]]);
        assert_eq!(columns(&rows), "a     \x1b[31mfail\x1b[0m  x\nlong  ok    y\n");
        assert_eq!(Paint::off().bad("fail"), "fail");
    }

    #[test]
    fn a_long_name_leaves_room_for_what_is_behind_it() {
        let row = vec!["release".to_owned(), "x".repeat(200), "y".repeat(200)];
        let cut = cut(&row);
        assert_eq!((cut[0].as_str(), plain::width(&cut[1])), ("release", WIDEST));
        assert!(cut[1].ends_with("x...") && cut[2] == row[2], "{cut:?}");
        for line in fitted(&[row], 76).lines() {
            assert!(plain::width(line) <= 76, "{line}");
        }
    }

    #[test]
    fn a_cell_is_one_line() {
        let rows = rows(&[["a\r\nforged  ok", "b"]]);
        assert_eq!(columns(&rows), "a  forged  ok  b\n");
    }

    #[test]
    fn columns_align_behind_wide_letters_and_marks() {
        let names = ["anna", "山田太郎", "Zoe\u{308}", "😀 x", "\u{1b}[33m李\u{1b}[0m"];
        let laid_out = columns(&names.map(|name| vec![name.to_owned(), "x".to_owned()]));
        for line in laid_out.lines() {
            let before = line.strip_suffix('x').unwrap();
            assert_eq!(visible(before), 10, "{line:?}");
        }
    }

    #[test]
    fn what_has_no_room_beside_goes_on_below() {
        let table = rows(&[
            ["RUN", "STARTED", "KIND", "RESULT"],
            ["0199-aaaa-bbbb", "2026-11-30 14:49:12", "real", "6 released, 96 kept by rules"],
            ["0199-cccc-dddd", "2026-11-29 14:49:12", "rehearsal", "none"],
        ]);
        assert_eq!(
            fitted(&table, 76).lines().collect::<Vec<_>>(),
            [
                "RUN             STARTED              KIND       RESULT",
                "0199-aaaa-bbbb  2026-11-30 14:49:12  real       6 released, 96 kept by rules",
                "0199-cccc-dddd  2026-11-29 14:49:12  rehearsal  none",
            ]
        );
        assert_eq!(
            fitted(&table, 40).lines().collect::<Vec<_>>(),
            [
                "RUN             STARTED",
                "    KIND       RESULT",
                "0199-aaaa-bbbb  2026-11-30 14:49:12",
                "    real       6 released, 96 kept by",
                "               rules",
                "0199-cccc-dddd  2026-11-29 14:49:12",
                "    rehearsal  none",
            ]
        );
    }
}
