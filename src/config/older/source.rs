//! The text of a YAML file: where a key and its value begin and end.

use std::ops::Range;

use crate::settings::node::{Key, Node, Place, Value};

pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    /// Each with its line break.
    lines: Vec<&'a str>,
    starts: Vec<usize>,
}

/// A key in block style with all that belongs to it, in lines.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// The first of the comments right above it.
    pub(super) lead: usize,
    pub(super) line: usize,
    /// The line after it.
    pub(super) end: usize,
    /// Of the key, from 0.
    pub(super) column: usize,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut at = 0;
        let mut starts = Vec::with_capacity(lines.len() + 1);
        for line in &lines {
            starts.push(at);
            at += line.len();
        }
        starts.push(at);
        Self { text, lines, starts }
    }

    pub(super) fn line(&self, line: usize) -> &'a str {
        self.lines.get(line).copied().unwrap_or_default()
    }

    pub(super) fn line_break(&self) -> &'static str {
        if self.line(0).ends_with("\r\n") { "\r\n" } else { "\n" }
    }

    /// Where a line begins; after the last one, the end.
    pub(super) fn start(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(self.text.len())
    }

    pub(super) fn offset(&self, place: Place) -> Option<usize> {
        let line = usize::try_from(place.line.checked_sub(1)?).ok()?;
        let column = usize::try_from(place.column.checked_sub(1)?).ok()?;
        let text = self.lines.get(line)?;
        let within = text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(column)?;
        Some(self.starts[line] + within)
    }

    /// Whether a section or list is written with brackets. `None` when it stands elsewhere (`*alias`).
    pub(super) fn is_flow(&self, node: &Node) -> Option<bool> {
        let text = &self.text[self.offset(node.place)?..];
        match (&node.value, text.chars().next()?) {
            (Value::Map(_), '{') | (Value::List(_), '[') => Some(true),
            (Value::Map(_) | Value::List(_), '&' | '*' | '!' | '{' | '[') => None,
            (Value::Map(_) | Value::List(_), _) => Some(false),
            _ => None,
        }
    }

    /// Where the text after a key's colon begins, if the key is written at its place.
    pub(super) fn after_key(&self, key: &Key) -> Option<usize> {
        let at = self.offset(key.place)?;
        let text = &self.text[at..];
        let written = [key.text.clone(), format!("'{}'", key.text), format!("\"{}\"", key.text)];
        let length = written.iter().find(|form| text.starts_with(form.as_str()))?.len();
        let rest = &text[length..];
        let colon = rest.len() - rest.trim_start_matches(' ').len();
        rest[colon..].starts_with(':').then_some(at + length + colon + 1)
    }

    /// A key that is the first on its line.
    pub(super) fn block(&self, key: &Key) -> Option<Block> {
        self.after_key(key)?;
        let line = usize::try_from(key.place.line).ok()?.checked_sub(1)?;
        let column = usize::try_from(key.place.column).ok()?.checked_sub(1)?;
        if indent(self.line(line)) != column {
            return None;
        }
        let mut end = line + 1;
        let mut next = end;
        while next < self.lines.len() {
            let (text, depth) = (self.line(next).trim(), indent(self.line(next)));
            let is_item = text == "-" || text.starts_with("- ");
            let inside = depth > column || (depth == column && is_item);
            if !text.is_empty() && !inside && !text.starts_with('#') {
                break;
            }
            next += 1;
            if !text.is_empty() && inside {
                end = next;
            }
        }
        let lead = self.lead(line, column);
        Some(Block { lead, line, end, column })
    }

    /// The first of the comments right above a line of this depth.
    pub(super) fn lead(&self, line: usize, column: usize) -> usize {
        let is_lead = |line: &usize| {
            let text = self.line(*line);
            text.trim_start().starts_with('#') && indent(text) == column
        };
        (0..line).rev().take_while(is_lead).last().unwrap_or(line)
    }

    /// Lines with another depth.
    pub(super) fn shifted(&self, lines: Range<usize>, from: usize, to: usize) -> String {
        let mut out = String::new();
        for line in lines {
            let text = self.line(line);
            if text.trim().is_empty() {
                out.push_str(text);
                continue;
            }
            let depth = (indent(text) + to).saturating_sub(from);
            out.push_str(&" ".repeat(depth));
            out.push_str(text.trim_start_matches(' '));
            if !text.ends_with('\n') {
                out.push_str(self.line_break());
            }
        }
        out
    }

    /// The text of a value as it can stand between brackets, and where it ends.
    pub(super) fn value(&self, node: &Node, in_flow: bool) -> Option<(String, usize)> {
        let at = self.offset(node.place)?;
        let text = &self.text[at..];
        let length = match text.chars().next()? {
            '{' | '[' | '"' | '\'' => flow_length(text)?,
            '|' | '>' | '&' | '*' | '!' => return None,
            _ => plain_length(text, in_flow),
        };
        let value = text[..length].trim_end();
        let end = at + value.len();
        let is_bare = !value.starts_with(['{', '[', '"', '\'']);
        let value = if is_bare && value.contains([',', '[', ']', '{', '}']) {
            format!("'{}'", value.replace('\'', "''"))
        } else {
            value.to_owned()
        };
        Some((value, end))
    }
}

pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// How long a text in quotes or brackets is, up to the one that closes it.
fn flow_length(text: &str) -> Option<usize> {
    let (mut depth, mut before) = (0_usize, ' ');
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.checked_sub(1)?,
            // A quote inside of a word is none.
            '"' | '\'' if " \t\r\n{[,:".contains(before) => {
                loop {
                    match chars.next()?.1 {
                        '\\' if c == '"' => {
                            chars.next();
                        }
                        // `''` is read as two texts, which end at the same place.
                        end if end == c => break,
                        _ => {}
                    }
                }
                before = c;
                if c == '\'' {
                    // The second half of a doubled quote begins a text again.
                    before = ' ';
                }
                if depth == 0 && !(c == '\'' && chars.as_str().starts_with('\'')) {
                    return Some(text.len() - chars.as_str().len());
                }
                continue;
            }
            '#' if before.is_whitespace() => {
                for (_, c) in chars.by_ref() {
                    if c == '\n' {
                        break;
                    }
                }
                before = '\n';
                continue;
            }
            _ => {}
        }
        before = c;
        if depth == 0 {
            return Some(at + c.len_utf8());
        }
    }
    None
}

/// How long a text without quotes is; it ends with the line here.
fn plain_length(text: &str, in_flow: bool) -> usize {
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let ends = c == '\n' || (c == '#' && before.is_whitespace());
        if ends || (in_flow && matches!(c, ',' | ']' | '}')) {
            return at;
        }
        before = c;
    }
    text.len()
}
