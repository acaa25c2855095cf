//! Pictures of every page, for people to look at: `tests/screenshots.sh`.

use std::path::PathBuf;

use super::demo::Demo;
use super::sound::pages;
use crate::support::chromium::Tab;

/// The folder for all of them; without it one is made and looked at.
const FOLDER: &str = "BURSAR_SCREENSHOTS";

/// Width and height of a PNG.
fn size(png: &[u8]) -> [u32; 2] {
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    [16, 20].map(|at| u32::from_be_bytes(png[at..at + 4].try_into().unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_are_made_of_every_page() {
    let demo = Demo::shared().await;
    let tab = Tab::open().await;
    let folder = std::env::var_os(FOLDER).map(PathBuf::from);
    let mut pages = pages(&tab, &demo.base).await;
    if folder.is_none() {
        pages.retain(|kind, _| kind == "/daemon");
    }
    assert!(!pages.is_empty());
    for (kind, path) in pages {
        for width in [1440, 390] {
            for scheme in ["light", "dark"] {
                tab.shown(width, scheme).await;
                tab.go(&format!("{}{path}", demo.base)).await;
                for (part, whole) in [("", true), ("-top", false)] {
                    let picture = tab.picture(whole).await;
                    let [wide, high] = size(&picture);
                    assert!(wide == width && (high == 900 || whole), "{kind}: {wide} x {high}");
                    if let Some(folder) = &folder {
                        let name = kind.replace("/site/default", "/site").replace("/*", "");
                        let name = name.trim_matches('/').replace('/', "-");
                        let name = if name.is_empty() { "overview" } else { &name };
                        let file = folder.join(format!("{name}-{scheme}-{width}{part}.png"));
                        std::fs::write(file, picture).unwrap();
                    }
                }
            }
        }
    }
}
