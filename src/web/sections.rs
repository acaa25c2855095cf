//! What pages have in common with reports: the same texts, tables and charts.

use crate::report::view::Block;
use crate::words::Locale;

/// A part of a page.
pub(super) struct Section {
    pub(super) title: String,
    /// Where it is in the page.
    pub(super) id: String,
    /// Each with the picture of those that are charts.
    pub(super) blocks: Vec<(Block, String)>,
}

impl Section {
    pub(super) fn new(title: String, id: &str, blocks: Vec<Block>, locale: Locale) -> Self {
        let picture = |(n, block): (usize, Block)| {
            let svg = match &block {
                Block::Chart(chart) => chart.svg(&format!("{id}-chart{n}"), locale),
                _ => String::new(),
            };
            (block, svg)
        };
        let blocks = blocks.into_iter().enumerate().map(picture).collect();
        Self { title, id: id.to_owned(), blocks }
    }
}
