//! `/api`: what can be asked, as a page.

use askama::Template;
use axum::http::HeaderMap;

use super::endpoint;
use crate::web::Served;
use crate::web::answer::{self, Answer};
use crate::web::frame::{Frame, Part};

#[derive(Template)]
#[template(path = "api.html")]
struct Page {
    frame: Frame,
    paths: Vec<PathView>,
}

struct PathView {
    path: String,
    /// Where it can be looked at; empty where something has to be filled in.
    address: String,
    summary: &'static str,
    parameters: Vec<(&'static str, &'static str)>,
}

pub(in crate::web) async fn page(served: &Served, headers: &HeaderMap) -> Answer {
    let status = served.status().await?;
    let paths = endpoint::all().into_iter().map(|of| {
        let path = format!("/api/v1{}", of.path);
        PathView {
            address: if path.contains('{') { String::new() } else { path.clone() },
            path,
            summary: of.summary,
            parameters: of.parameters.iter().map(|of| (of.name, of.text)).collect(),
        }
    });
    let paths = paths.collect();
    let page = Page { frame: Frame::new(served, &status, Part::Settings, None), paths };
    Ok(answer::page(headers, status.time, &page))
}
