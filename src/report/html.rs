//! A report as one HTML file that needs nothing else.

use askama::Template;

use super::Report;
use super::view::{Block, Document, OWN_ALERTS, PROOF, Section, WITHOUT_DATA, view};
use crate::words::Locale;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    document: &'a Document,
    sites: Vec<SitePart<'a>>,
    several: bool,
    /// What days without data do to figures.
    without_data: &'static str,
    /// Of no site.
    own: [Part<'a>; 2],
}

struct SitePart<'a> {
    name: &'a str,
    /// Where links of the contents lead to: no name of a site is part of it.
    id: String,
    summary: &'a [(String, String)],
    decisions: &'a [String],
    tiles: &'a [(String, String, String)],
    parts: Vec<Part<'a>>,
}

struct Part<'a> {
    title: &'a str,
    id: String,
    own_page: bool,
    /// Blocks, with the picture of those that are charts.
    blocks: Vec<(&'a Block, String)>,
}

/// # Errors
/// Never with what is in a report: the template takes any text.
pub fn render(report: &Report) -> Result<String, askama::Error> {
    let document = view(report);
    let mut charts = 0;
    let mut part = |title, id, blocks, own_page| {
        let blocks = pictures(blocks, &mut charts, report.locale);
        Part { title, id, own_page, blocks }
    };
    let mut sites = Vec::new();
    for (n, site) in (1..).zip(&document.sites) {
        let parts =
            (1..).zip(&site.sections).map(|(number, Section { title, blocks, own_page })| {
                part(title.as_str(), format!("site{n}-{number}"), blocks, *own_page)
            });
        let parts = parts.collect();
        sites.push(SitePart {
            name: &site.name,
            id: format!("site{n}"),
            summary: &site.summary,
            decisions: &site.decisions,
            tiles: &site.tiles,
            parts,
        });
    }
    let own = [
        part(OWN_ALERTS, "own".to_owned(), &document.own, false),
        part(PROOF, "proof".to_owned(), &document.ledger, false),
    ];
    let without_data = WITHOUT_DATA;
    Page { several: sites.len() > 1, sites, own, document: &document, without_data }.render()
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
