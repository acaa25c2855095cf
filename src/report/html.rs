//! A report as one HTML file that needs nothing else.

use askama::Template;

use super::Report;
use super::view::{Block, Document, Section, view};

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
    own_page: bool,
    /// Blocks, with the picture of those that are charts.
    blocks: Vec<(&'a Block, String)>,
}

/// # Errors
/// Never with what is in a report: the template takes any text.
pub fn render(report: &Report) -> Result<String, askama::Error> {
    let document = view(report);
    let mut charts = 0;
    let mut part = |title, blocks, own_page| {
        let blocks = pictures(blocks, &mut charts);
        Part { title, own_page, blocks }
    };
    let sites = document.sites.iter().map(|site| SitePart {
        name: &site.name,
        tiles: &site.tiles,
        parts: site
            .sections
            .iter()
            .map(|Section { title, blocks, own_page }| part(title, blocks, *own_page))
            .collect(),
    });
    let sites: Vec<_> = sites.collect();
    let own = [
        part("Alerts of Bursar itself", &document.own, false),
        part("Proof of the releases", &document.ledger, false),
    ];
    Page { several: sites.len() > 1, sites, own, document: &document }.render()
}

fn pictures<'a>(blocks: &'a [Block], charts: &mut usize) -> Vec<(&'a Block, String)> {
    let picture = |block: &'a Block| {
        let svg = match block {
            Block::Chart(chart) => {
                *charts += 1;
                chart.svg(&format!("chart{charts}"))
            }
            _ => String::new(),
        };
        (block, svg)
    };
    blocks.iter().map(picture).collect()
}
