//! `GET /v1/systeminfo`. On a real site another service answers it, on port 9032; here it is on the one port.

use serde_json::{Map, Value, json};

/// What a site of 2024 says of itself, values made up.
pub(super) fn usual() -> Map<String, Value> {
    let Value::Object(info) = json!({
        "contentHash": "6b1c8a7f7f0e4d3a9c5e2b1a0f9e8d7c",
        "senseId": "qliksenseserver:14.187.4",
        "version": "14.187.4",
        "deploymentType": "QlikSenseServer",
        "releaseLabel": "May 2024 Patch 4",
        "deprecatedProductVersion": "4.0.X",
        "productName": "Qlik Sense",
        "copyrightYearRange": "1993-2024",
    }) else {
        unreachable!("an object is written above")
    };
    info
}
