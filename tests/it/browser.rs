//! The pages in a real browser: Debian's Chromium, as a person uses it.

mod demo;
mod keys;
mod live;
mod login;
mod many;
mod pictures;
mod sound;
mod truth;

use serde_json::Value;

use crate::support::chromium::Tab;

/// What a person sees of a page, blanks as one.
async fn seen(tab: &Tab) -> String {
    let text = tab.text("document.body.innerText").await;
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Texts of a list.
fn texts(list: Value) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}
