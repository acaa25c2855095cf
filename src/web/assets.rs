//! What pages need beside themselves, from the binary: one style and one script. Their addresses name their
//! content, so browsers keep them for good.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// For a year: another content has another address.
const LONG: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

struct Asset {
    name: String,
    content: &'static str,
    kind: &'static str,
}

impl Asset {
    fn new(end: &str, content: &'static str, kind: &'static str) -> Self {
        let digest = hex::encode(Sha256::digest(content));
        Self { name: format!("bursar-{}.{end}", &digest[..16]), content, kind }
    }
}

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("css", include_str!("assets/app.css"), "text/css; charset=utf-8"));
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("js", include_str!("assets/app.js"), "text/javascript; charset=utf-8")
});

/// Where the style is.
pub(super) fn style() -> String {
    format!("/assets/{}", STYLE.name)
}

/// Where the script is.
pub(super) fn script() -> String {
    format!("/assets/{}", SCRIPT.name)
}

pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let all = [&*STYLE, &*SCRIPT];
    match all.into_iter().find(|asset| asset.name == name) {
        Some(asset) => {
            let kind = HeaderValue::from_static(asset.kind);
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, LONG)], asset.content)
                .into_response()
        }
        None => (StatusCode::NOT_FOUND, "there is no such file\n").into_response(),
    }
}
