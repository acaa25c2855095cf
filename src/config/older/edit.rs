//! One old key, written at today's place. `None` wherever it can't be done by editing lines: the caller says
//! which key it was.

use std::ops::Range;

use super::source::{Block, Source, indent};
use super::{Fate, Found, Home, entry};
use crate::settings::node::{Node, Value};

/// Bytes and what stands there instead.
type Edit = (Range<usize>, String);

/// Where something new goes.
enum Spot {
    /// Where the old key stood: nothing of the path is there yet.
    InPlace,
    /// Before a line, at this column. `known` parts of the path are there.
    Line { line: usize, column: usize, known: usize },
    /// Behind an opening bracket.
    Bracket { at: usize, is_empty: bool, known: usize },
}

/// The text with one old key at its new place.
pub(super) fn rewrite(text: &str, found: &Found<'_>) -> Option<String> {
    let source = Source::new(text);
    let in_flow = source.is_flow(found.section)?;
    let edits = match (found.fate, in_flow) {
        (Fate::Moved, true) => moved_in_flow(&source, found)?,
        (Fate::Moved, false) => moved(&source, found)?,
        (_, true) => found
            .keys
            .iter()
            .map(|(_, node)| remove(&source, found, node))
            .collect::<Option<_>>()?,
        (_, false) => found
            .keys
            .iter()
            .map(|(key, _)| source.block(key).map(|block| commented(&source, &block)))
            .collect::<Option<_>>()?,
    };
    Some(apply(text, edits))
}

/// The text with `dryRun: true` behind `enable` of a section of releases.
pub(super) fn with_dry_run(text: &str, release: &Node) -> Option<String> {
    let source = Source::new(text);
    let (key, node) = entry(release, "enable")?;
    let edit = if source.is_flow(release)? {
        let (_, end) = source.value(node, true)?;
        (end..end, ", dryRun: true".to_owned())
    } else {
        let block = source.block(key)?;
        let at = source.start(block.end);
        let line = format!("{}dryRun: true{}", " ".repeat(block.column), source.line_break());
        (at..at, line)
    };
    Some(apply(text, vec![edit]))
}

fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|(range, _)| std::cmp::Reverse((range.start, range.end)));
    let mut out = text.to_owned();
    for (range, new) in edits {
        let at_end = range.start == out.len() && !out.is_empty() && !out.ends_with('\n');
        out.replace_range(range, &if at_end { format!("\n{new}") } else { new });
    }
    out
}

/// What isn't used stays as a comment.
fn commented(source: &Source<'_>, block: &Block) -> Edit {
    let mut lines = String::new();
    for line in block.line..block.end {
        let text = source.line(line);
        let at = indent(text).min(block.column);
        let mark = if text.trim().is_empty() { "" } else { "# " };
        lines += &format!("{}{mark}{}", &text[..at], &text[at..]);
    }
    (source.start(block.line)..source.start(block.end), lines)
}

/// Takes a key out of brackets, with one comma.
fn remove(source: &Source<'_>, found: &Found<'_>, node: &Node) -> Option<Edit> {
    let range = entry_range(source, found, node)?;
    let after = source.text[range.end..].trim_start();
    if let Some(rest) = after.strip_prefix(',') {
        let end = source.text.len() - rest.trim_start_matches(' ').len();
        return Some((range.start..end, String::new()));
    }
    let before = source.text[..range.start].trim_end();
    let start = before.strip_suffix(',').map_or(range.start, str::len);
    Some((start..range.end, String::new()))
}

fn entry_range(source: &Source<'_>, found: &Found<'_>, node: &Node) -> Option<Range<usize>> {
    let (key, _) = found.keys.iter().find(|(_, n)| n.path == node.path)?;
    let after = source.after_key(key)?;
    let end = if node.is_null() { after } else { source.value(node, true)?.1 };
    Some(source.offset(key.place)?..end)
}

/// The path that is to be there in the end. Its last part is a list but for [`Home::Key`].
fn path(found: &Found<'_>) -> &'static [&'static str] {
    match found.old.home {
        Home::Key(path) | Home::Items(path) | Home::Entry { list: path, .. } => path,
    }
}

fn spot(source: &Source<'_>, found: &Found<'_>) -> Option<Spot> {
    let path = path(found);
    let mut node = found.section;
    for (known, key) in path.iter().enumerate() {
        let Some((key, inner)) = entry(node, key) else {
            if known == 0 {
                return Some(Spot::InPlace);
            }
            return Some(if source.is_flow(node)? {
                bracket(source, node, known)?
            } else {
                let Value::Map(entries) = &node.value else { return None };
                let first = source.block(&entries.first()?.0)?;
                let last = source.block(&entries.last()?.0)?;
                Spot::Line { line: last.end, column: first.column, known }
            });
        };
        if inner.is_null() {
            let block = source.block(key)?;
            let rest = source.text[source.after_key(key)?..source.start(block.line + 1)].trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                return None;
            }
            let column = block.column + step(found);
            return Some(Spot::Line { line: block.line + 1, column, known: known + 1 });
        }
        node = inner;
    }
    if source.is_flow(node)? {
        return bracket(source, node, path.len());
    }
    let line = usize::try_from(node.items().first()?.place.line).ok()?.checked_sub(1)?;
    let column = indent(source.line(line));
    let is_item = source.line(line).trim_start().starts_with("- ");
    // Above the comments of the first entry.
    let line = source.lead(line, column);
    is_item.then_some(Spot::Line { line, column, known: path.len() })
}

fn bracket(source: &Source<'_>, node: &Node, known: usize) -> Option<Spot> {
    let is_empty = match &node.value {
        Value::Map(entries) => entries.is_empty(),
        _ => node.items().is_empty(),
    };
    Some(Spot::Bracket { at: source.offset(node.place)? + 1, is_empty, known })
}

/// By how much the file indents.
fn step(found: &Found<'_>) -> usize {
    let column = found.keys.first().map_or(0, |(key, _)| key.place.column.saturating_sub(1));
    let depth = found.section.path.split('.').count();
    let column = usize::try_from(column).unwrap_or_default();
    match column / depth {
        step @ 1..=8 if column % depth == 0 => step,
        _ => 2,
    }
}

/// An old key in a section of lines.
fn moved(source: &Source<'_>, found: &Found<'_>) -> Option<Vec<Edit>> {
    let blocks: Vec<Block> =
        found.keys.iter().map(|(key, _)| source.block(key)).collect::<Option<_>>()?;
    let first = blocks.first()?;
    let (line, column, known) = match spot(source, found)? {
        Spot::InPlace => (first.lead, first.column, 0),
        Spot::Line { line, column, known } => (line, column, known),
        Spot::Bracket { at, is_empty, known } => {
            let mut edits = vec![(at..at, behind(&flow(source, found, known)?, is_empty))];
            for ((_, node), block) in found.keys.iter().zip(&blocks) {
                edits.push(only_comments(source, node, block)?);
            }
            return Some(edits);
        }
    };
    let mut edits: Vec<Edit> = blocks
        .iter()
        .map(|block| (source.start(block.lead)..source.start(block.end), String::new()))
        .collect();
    let at = source.start(line);
    edits.push((at..at, lines(source, found, &blocks, column, known)?));
    Some(edits)
}

/// What is left of a key that went between brackets: the comments.
fn only_comments(source: &Source<'_>, node: &Node, block: &Block) -> Option<Edit> {
    let (_, end) = source.value(node, false)?;
    let range = source.start(block.line)..source.start(block.end);
    let rest = source.text.get(end..range.end)?.trim();
    let pad = " ".repeat(block.column);
    match rest {
        "" => Some((range, String::new())),
        comment if comment.starts_with('#') && !comment.contains('\n') => {
            Some((range, format!("{pad}{comment}{}", source.line_break())))
        }
        _ => None,
    }
}

fn behind(text: &str, is_empty: bool) -> String {
    if is_empty { text.to_owned() } else { format!("{text}, ") }
}

/// The lines of an old key at today's place. `known` parts of its path are there.
fn lines(
    source: &Source<'_>,
    found: &Found<'_>,
    blocks: &[Block],
    column: usize,
    known: usize,
) -> Option<String> {
    let (path, end) = (path(found), source.line_break());
    let step = step(found);
    let mut out = String::new();
    let mut column = column;
    let containers = match found.old.home {
        Home::Entry { .. } => path.len(),
        // The last part takes the place of the old key.
        Home::Key(_) | Home::Items(_) => path.len() - 1,
    };
    for name in path.get(known..containers).unwrap_or_default() {
        out += &format!("{}{name}:{end}", " ".repeat(column));
        column += step;
    }
    let pad = " ".repeat(column);
    let renamed = |block: &Block, key: &str, column: usize| {
        let (found_key, _) = found.keys[blocks.iter().position(|b| b.line == block.line)?];
        let rest = &source.text[source.after_key(found_key)?..source.start(block.line + 1)];
        let mut text = format!("{key}:{rest}");
        if !text.ends_with('\n') {
            text.push_str(end);
        }
        Some(text + &source.shifted(block.line + 1..block.end, block.column, column))
    };
    match &found.old.home {
        Home::Items(_) if known == path.len() => {
            let ([block], [(key, node)]) = (blocks, found.keys.as_slice()) else { return None };
            out += &source.shifted(block.lead..block.line, block.column, column);
            if source.is_flow(node)? {
                let (_, after) = source.value(node, false)?;
                let rest = source.text.get(after..source.start(block.end))?.trim();
                if !rest.is_empty() {
                    out += &format!("{pad}{rest}{end}");
                }
                for item in node.items().iter().filter(|item| !item.is_null()) {
                    out += &format!("{pad}- {}{end}", flow_value(source, item, true)?);
                }
            } else {
                let first =
                    usize::try_from(node.items().first()?.place.line).ok()?.checked_sub(1)?;
                let rest = source.text[source.after_key(key)?..source.start(block.line + 1)].trim();
                if !rest.is_empty() {
                    out += &format!("{pad}{rest}{end}");
                }
                let from = indent(source.line(first));
                out += &source.shifted(block.line + 1..block.end, from, column);
            }
        }
        Home::Key(_) | Home::Items(_) => {
            let [block] = blocks else { return None };
            out += &source.shifted(block.lead..block.line, block.column, column);
            out += &format!("{pad}{}", renamed(block, path.last()?, column)?);
        }
        Home::Entry { fixed, .. } => {
            let mut start = "- ";
            if let Some(name) = fixed {
                let block = blocks.first()?;
                out += &source.shifted(block.lead..block.line, block.column, column);
                out += &format!("{pad}- name: {name}{end}");
                start = "  ";
            }
            for (block, (key, _)) in blocks.iter().zip(&found.keys) {
                if fixed.is_none() {
                    out += &source.shifted(block.lead..block.line, block.column, column);
                }
                let name = entry_key(found, &key.text);
                out += &format!("{pad}{start}{}", renamed(block, name, column + 2)?);
                start = "  ";
            }
        }
    }
    Some(out)
}

/// The key in an entry of a list that an old key becomes.
fn entry_key(found: &Found<'_>, key: &str) -> &'static str {
    match found.old.home {
        Home::Entry { fixed: None, .. } if key == found.old.keys[0] => "name",
        _ => "value",
    }
}

/// An old key in a section between brackets.
fn moved_in_flow(source: &Source<'_>, found: &Found<'_>) -> Option<Vec<Edit>> {
    let mut keys = found.keys.iter();
    let mut edits = Vec::new();
    match spot(source, found)? {
        Spot::InPlace => {
            let (_, node) = keys.next()?;
            edits.push((entry_range(source, found, node)?, flow(source, found, 0)?));
        }
        Spot::Bracket { at, is_empty, known } => {
            edits.push((at..at, behind(&flow(source, found, known)?, is_empty)));
        }
        Spot::Line { .. } => return None,
    }
    for (_, node) in keys {
        edits.push(remove(source, found, node)?);
    }
    Some(edits)
}

/// What is new, on one line, below the parts of its path that are `known`.
fn flow(source: &Source<'_>, found: &Found<'_>, known: usize) -> Option<String> {
    let path = path(found);
    let in_flow = source.is_flow(found.section)?;
    let mut parts = Vec::new();
    for (key, node) in &found.keys {
        parts.push((key.text.as_str(), flow_value(source, node, in_flow)?));
    }
    let is_list_known = known == path.len();
    let mut text = match &found.old.home {
        Home::Key(_) => parts.into_iter().next()?.1,
        Home::Items(_) => {
            let list = parts.into_iter().next()?.1;
            if is_list_known {
                list.get(1..list.len().checked_sub(1)?)?.trim().to_owned()
            } else {
                list
            }
        }
        Home::Entry { fixed, .. } => {
            let mut fields: Vec<String> =
                fixed.iter().map(|name| format!("name: {name}")).collect();
            for (key, value) in parts {
                fields.push(format!("{}: {value}", entry_key(found, key)));
            }
            let entry = format!("{{{}}}", fields.join(", "));
            if is_list_known { entry } else { format!("[{entry}]") }
        }
    };
    for (depth, name) in path.iter().enumerate().skip(known).rev() {
        text = format!("{name}: {text}");
        if depth > known {
            text = format!("{{{text}}}");
        }
    }
    Some(text)
}

/// A value as it can stand between brackets.
fn flow_value(source: &Source<'_>, node: &Node, in_flow: bool) -> Option<String> {
    let is_block = matches!(node.value, Value::Map(_) | Value::List(_)) && !source.is_flow(node)?;
    if is_block {
        return None;
    }
    let text = if node.is_null() { String::new() } else { source.value(node, in_flow)?.0 };
    (!text.contains('\n')).then_some(text)
}
