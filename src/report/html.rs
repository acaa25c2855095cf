//! A report as one HTML file that needs nothing else.

use askama::Template;

use super::Report;
use super::view::{Block, Document, Section, view};
use crate::words::Locale;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    document: &'a Document,
    sites: Vec<SitePart<'a>>,
    several: bool,
    /// Of no site.
    own: [Part<'a>; 2],
}

struct SitePart<'a> {
    name: &'a str,
    tiles: &'a [(String, String, String)],
    parts: Vec<Part<'a>>,
}

struct Part<'a> {
    title: &'a str,
    /// Blocks, with the picture of those that are charts.
    blocks: Vec<(&'a Block, String)>,
}

/// # Errors
/// Never with what is in a report: the template takes any text.
pub fn render(report: &Report) -> Result<String, askama::Error> {
    let document = view(report);
    let mut charts = 0;
    let mut part = |title, blocks| {
        let blocks = pictures(blocks, &mut charts, report.locale);
        Part { title, blocks }
    };
    let sites = document.sites.iter().map(|site| SitePart {
        name: &site.name,
        tiles: &site.tiles,
        parts: site.sections.iter().map(|Section { title, blocks }| part(title, blocks)).collect(),
    });
    let sites: Vec<_> = sites.collect();
    let own = [
        part("Alerts of Bursar itself", &document.own),
        part("Proof of the releases", &document.ledger),
    ];
    Page { several: sites.len() > 1, sites, own, document: &document }.render()
}

fn pictures<'a>(blocks: &'a [Block], charts: &mut usize, l: Locale) -> Vec<(&'a Block, String)> {
    let picture = |block: &'a Block| {
        let svg = match block {
            Block::Chart(chart) => {
                *charts += 1;
                chart.svg(&format!("chart{charts}"), l)
            }
            _ => String::new(),
        };
        (block, svg)
    };
    blocks.iter().map(picture).collect()
}
