//! A report as Markdown, for wikis and mail. Charts are left out: their figures are in the tables.

use std::fmt::Write;

use std::collections::HashMap;

use super::view::{Block, Document, OWN_ALERTS, PROOF, Table};

/// Text, and the headings that were written into it.
#[derive(Default)]
struct Writer {
    out: String,
    /// Level, title and where a link leads to.
    headings: Vec<(usize, String, String)>,
    /// How often an anchor was made of the same title.
    anchors: HashMap<String, usize>,
}

impl Writer {
    fn heading(&mut self, level: usize, title: &str) {
        let _ = writeln!(self.out, "{} {}\n", "#".repeat(level), plain(title));
        let base = anchor(title);
        let count = self.anchors.entry(base.clone()).or_default();
        let link = if *count == 0 { base } else { format!("{base}-{count}") };
        *count += 1;
        self.headings.push((level, title.to_owned(), link));
    }

    fn contents(&self) -> String {
        let mut out = String::from("## Contents\n\n");
        for (level, title, link) in
            self.headings.iter().filter(|(level, ..)| matches!(level, 2 | 3))
        {
            let indent = "  ".repeat(level - 2);
            let _ = writeln!(out, "{indent}- [{}](#{link})", plain(title));
        }
        out + "\n"
    }
}

/// What GitHub and GitLab make of a heading to lead to: letters, digits and hyphens.
fn anchor(title: &str) -> String {
    let sign = |c: char| match c {
        ' ' | '-' => Some('-'),
        '_' => Some('_'),
        c if c.is_alphanumeric() => Some(c),
        _ => None,
    };
    title.chars().filter_map(sign).flat_map(char::to_lowercase).collect()
}

pub fn render(document: &Document) -> String {
    let mut head = format!("# {}\n\n{}\n\n", plain(&document.title), plain(&document.period));
    facts(&mut head, &document.facts);
    for site in &document.sites {
        let of = if document.sites.len() > 1 {
            format!(" of site {}", site.name)
        } else {
            String::new()
        };
        let _ = write!(head, "\n**Summary{}**\n\n", plain(&of));
        facts(&mut head, &site.summary);
        if !site.decisions.is_empty() {
            let _ = write!(head, "\n**To decide{}**\n\n", plain(&of));
            for (n, text) in (1..).zip(&site.decisions) {
                let _ = writeln!(head, "{n}. {}", plain(text));
            }
        }
    }
    let mut body = Writer::default();
    // Those before: each heading of the text counts.
    for taken in [document.title.as_str(), "Contents"] {
        body.anchors.insert(anchor(taken), 1);
    }
    for site in &document.sites {
        body.heading(2, &format!("Site {}", site.name));
        for (name, value, remark) in &site.tiles {
            let line = format!("- {}: **{}** {}", plain(name), plain(value), plain(remark));
            let _ = writeln!(body.out, "{}", line.trim_end());
        }
        body.out.push('\n');
        for section in &site.sections {
            body.heading(3, &section.title);
            blocks(&mut body, &section.blocks);
        }
    }
    body.heading(2, OWN_ALERTS);
    blocks(&mut body, &document.own);
    body.heading(2, PROOF);
    blocks(&mut body, &document.ledger);
    let mut out = format!("{head}\n{}{}", body.contents(), body.out);
    let trimmed = out.trim_end().len();
    out.truncate(trimmed);
    out.push('\n');
    out
}

fn blocks(writer: &mut Writer, blocks: &[Block]) {
    for block in blocks {
        let out = &mut writer.out;
        match block {
            Block::Heading(text) => writer.heading(4, text),
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
    let _ = writeln!(out, "*{}*\n", plain(&table.caption));
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
