//! A report as Markdown, for wikis and mail. Charts are left out: their figures are in the tables.

use std::fmt::Write;

use super::view::{Block, Document, Table};

pub fn render(document: &Document) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# {}\n\n{}\n", plain(&document.title), document.period);
    facts(&mut out, &document.facts);
    for site in &document.sites {
        let _ = writeln!(out, "\n## Site {}\n", plain(&site.name));
        for (name, value, remark) in &site.tiles {
            let _ = writeln!(out, "- {}: **{}** {}", plain(name), plain(value), plain(remark));
        }
        for section in &site.sections {
            let _ = writeln!(out, "\n### {}\n", plain(&section.title));
            blocks(&mut out, &section.blocks);
        }
    }
    out.push_str("\n## Alerts of Bursar itself\n\n");
    blocks(&mut out, &document.own);
    out.push_str("\n## Proof of the releases\n\n");
    blocks(&mut out, &document.ledger);
    let trimmed = out.trim_end().len();
    out.truncate(trimmed);
    out.push('\n');
    out
}

fn blocks(out: &mut String, blocks: &[Block]) {
    for block in blocks {
        match block {
            Block::Heading(text) => {
                let _ = writeln!(out, "#### {}\n", plain(text));
            }
            Block::Text(text) => {
                let _ = writeln!(out, "{}\n", plain(text));
            }
            Block::Note(text) => {
                let _ = writeln!(out, "> {}\n", plain(text));
            }
            Block::Code(text) => {
                let _ = writeln!(out, "```\n{}\n```\n", text.replace('`', "´"));
            }
            Block::Facts(list) => {
                facts(out, list);
                out.push('\n');
            }
            Block::Table(content) => table(out, content),
            Block::Chart(_) => {}
        }
    }
}

fn facts(out: &mut String, list: &[(String, String)]) {
    for (name, text) in list {
        let _ = writeln!(out, "- {}: {}", plain(name), plain(text));
    }
}

fn table(out: &mut String, table: &Table) {
    let names: Vec<_> = table.columns.iter().map(|column| plain(&column.name)).collect();
    let _ = writeln!(out, "| {} |", names.join(" | "));
    let rules: Vec<_> =
        table.columns.iter().map(|column| if column.right { "---:" } else { "---" }).collect();
    let _ = writeln!(out, "| {} |", rules.join(" | "));
    for row in &table.rows {
        let cells: Vec<_> = row.iter().map(|cell| plain(cell)).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out.push('\n');
}

/// Text from outside as text: nothing in it is markup.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
