//! `/api/v1`: every path with what can be asked and what can't, against the OpenAPI document; and the same figures
//! as the commands.

use std::collections::HashSet;
use std::path::Path;

use bursar::web::api::openapi;
use serde_json::{Value, json};

use crate::pages::demo::{demo, json as command};
use crate::pages::{get, get_with};
use crate::support::process::until;

fn rendered() -> String {
    serde_json::to_string_pretty(&openapi()).unwrap() + "\n"
}

#[test]
fn the_openapi_document_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&file, rendered()).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(found, rendered(), "run the tests with UPDATE_GENERATED=1");
}

#[test]
fn each_schema_of_the_document_is_one_and_each_reference_leads_somewhere() {
    let document = openapi();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(jsonschema::meta::is_valid(schema), "{name}");
    }
    assert!(!text.contains("uint") && !text.contains("\"double\""));
}

/// The schema of an answer, with what it refers to.
fn schema(document: &Value, path: &str, status: u16) -> Value {
    let answer = &document["paths"][path]["get"]["responses"][status.to_string()];
    let content = answer["content"].as_object().unwrap_or_else(|| panic!("{path} {status}"));
    let mut schema = content.values().next().unwrap()["schema"].clone();
    schema["components"] = document["components"].clone();
    schema
}

/// Asks, and judges the answer by its schema.
async fn judged(base: &str, document: &Value, path: &str, address: &str, status: u16) -> Value {
    let got = get(base, &format!("/api/v1{address}")).await;
    assert_eq!(got.status, status, "{address}: {}", got.text);
    let kind = if status == 200 { "application/json" } else { "application/problem+json" };
    assert_eq!(got.header("content-type"), kind, "{address}");
    assert_eq!(got.header("cache-control"), "no-store", "{address}");
    let answer: Value = serde_json::from_str(&got.text).unwrap();
    let validator = jsonschema::validator_for(&schema(document, path, status)).unwrap();
    let errors: Vec<_> = validator.iter_errors(&answer).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{address}: {errors:?}\n{}", got.text);
    if status != 200 {
        assert_eq!(answer["status"], status, "{address}");
        assert!(!answer["detail"].as_str().unwrap().is_empty(), "{address}");
    }
    answer
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_path_answers_by_its_schema_and_says_what_the_commands_say() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let (_demo, base) = demo(place);
    let document = openapi();
    until("everything is read, and told", async || {
        let site: Value =
            serde_json::from_str(&get(&base, "/api/v1/sites/default").await.text).ok()?;
        let read =
            ["serverLicense", "qlikSense", "monitorApp"].iter().all(|of| !site[of].is_null());
        let seats: Value =
            serde_json::from_str(&get(&base, "/api/v1/sites/default/seats").await.text).ok()?;
        (read && site["alerts"].as_u64()? > 0 && seats["total"].as_u64()? > 0).then_some(())
    })
    .await;

    walk(&base, &document).await;
    conditional(&base).await;
    pages(&base, &document).await;
    until("commands and API agree", async || {
        let before = command(place, &["status"]);
        let told: Value =
            serde_json::from_str(&get(&base, "/api/v1/sites/default/licenses").await.text).unwrap();
        let cost = command(place, &["insight", "cost"]);
        let forecast = command(place, &["insight", "forecast"]);
        let order: Value =
            serde_json::from_str(&get(&base, "/api/v1/sites/default/order").await.text).unwrap();
        let after = command(place, &["status"]);
        let read = |status: &Value| status["sites"][0]["accessLicenses"]["time"].clone();
        (read(&before) == read(&after)).then(|| {
            assert_agree(&told, &before, &cost, &forecast);
            assert_ordered(&order, &cost["sites"][0]["order"]);
        })
    })
    .await;
}

/// What can be asked of each parameter, and what can't.
fn values(of: &Value) -> (Vec<String>, Vec<String>) {
    let schema = &of["schema"];
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().map(|word| word.as_str().unwrap().to_owned());
        return (words.collect(), vec!["nonsense".into(), "0".into(), String::new()]);
    }
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    match (
        schema["type"].as_str().unwrap(),
        schema["format"].as_str(),
        of["name"].as_str().unwrap(),
    ) {
        ("integer", ..) => {
            let (least, most) =
                (schema["minimum"].as_u64().unwrap(), schema["maximum"].as_u64().unwrap());
            let wrong = [
                "0".to_owned(),
                (most + 1).to_string(),
                "-1".into(),
                "x".into(),
                "1e3".into(),
                "9".repeat(40),
            ];
            (vec![least.to_string(), most.to_string()], wrong.into())
        }
        (_, Some("date"), _) => (
            vec![chrono::Utc::now().date_naive().to_string()],
            texts(&["", "yesterday", "2026-02-30", "9999-01-01"]),
        ),
        (_, _, "q") => (
            texts(&["", "type:analyzer", "idle:>60 dir:CORP", "why:used"]),
            texts(&["nonsense:1", "idle:x", "anna"]),
        ),
        (_, _, "after" | "before") => {
            (Vec::new(), texts(&["", "x", "n.analyzer.0.x", "%00", "1.2.3"]))
        }
        other => panic!("{other:?}"),
    }
}

async fn walk(base: &str, document: &Value) {
    let seats = judged(base, document, "/sites/{site}/seats", "/sites/default/seats", 200).await;
    let held = seats["seats"].as_array().unwrap().iter().find(|seat| !seat["person"].is_null());
    let person = held.unwrap()["person"]["id"].as_str().unwrap().to_owned();
    let mut asked = 0;
    for (path, of) in document["paths"].as_object().unwrap() {
        let address = path.replace("{site}", "default").replace("{person}", &person);
        judged(base, document, path, &address, 200).await;
        judged(base, document, path, &format!("{address}?nonsense=1"), 400).await;
        judged(base, document, path, &format!("{address}?{}", "x".repeat(2001)), 400).await;
        for parameter in of["get"]["parameters"].as_array().unwrap() {
            if parameter["in"] != "query" {
                continue;
            }
            let name = parameter["name"].as_str().unwrap();
            let (right, wrong) = values(parameter);
            for (value, status) in
                right.iter().map(|v| (v, 200)).chain(wrong.iter().map(|v| (v, 400)))
            {
                // Nobody is named here, so nobody can be found or ordered by name; and no user has tokens.
                let status = if value == "person" { 400 } else { status };
                judged(
                    base,
                    document,
                    path,
                    &format!("{address}?{name}={}", encoded(value)),
                    status,
                )
                .await;
                asked += 1;
            }
        }
        if path.contains("{site}") {
            let elsewhere = address.replacen("default", "nowhere", 1);
            judged(base, document, path, &elsewhere, 404).await;
            let unreadable =
                get(base, &format!("/api/v1{}", address.replacen("default", "%FF", 1))).await;
            assert_eq!(unreadable.status, 400, "{path}");
            assert_eq!(unreadable.header("content-type"), "application/problem+json", "{path}");
        }
    }
    assert!(asked > 40, "{asked}");
    for person in ["x", "00000000-0000-0000-0000-000000000000"] {
        let path = "/sites/{site}/people/{person}";
        judged(base, document, path, &format!("/sites/default/people/{person}"), 404).await;
    }
    let nothing = get(base, "/api/v1/nothing").await;
    assert_eq!(
        (nothing.status.as_u16(), nothing.header("content-type")),
        (404, "application/problem+json")
    );
    let posted = reqwest::Client::new().post(format!("{base}/api/v1/status")).send().await.unwrap();
    assert_eq!(posted.status(), 405);
    assert_eq!(posted.headers()["content-type"], "application/problem+json");
    let page = get(base, "/api").await;
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(page.text.contains(&format!("/api/v1{path}")), "{path} is not on the page");
    }
    let served: Value =
        serde_json::from_str(&get(base, "/api/v1/openapi.json").await.text).unwrap();
    assert_eq!(&served, document);
    let rebound = get_with(base, "/api/v1/status", &[("host", "evil.example.com")]).await;
    assert_eq!(rebound.status, 421);
}

/// The second time nothing comes, and what is large comes packed.
async fn conditional(base: &str) {
    let path = "/api/v1/settings";
    let first = get(base, path).await;
    let tag = first.header("etag").to_owned();
    let again = get_with(base, path, &[("if-none-match", &tag)]).await;
    assert_eq!(
        (again.status.as_u16(), again.text.as_str(), again.header("etag")),
        (304, "", tag.as_str())
    );
    let weak = get_with(base, path, &[("if-none-match", &format!("\"x\", W/{tag}"))]).await;
    assert_eq!(weak.status, 304);
    assert_eq!(get_with(base, path, &[("if-none-match", "\"other\"")]).await.status, 200);
    let plain = reqwest::Client::builder().no_proxy().no_gzip().build().unwrap();
    let packed =
        plain.get(format!("{base}{path}")).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let packed = packed.bytes().await.unwrap();
    assert!(packed.len() < first.text.len() / 2, "{} of {}", packed.len(), first.text.len());
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed[..]), &mut text)
        .unwrap();
    assert_eq!(text, first.text);
}

/// All pages together have each seat once, and name nobody.
async fn pages(base: &str, document: &Value) {
    let mut seen = HashSet::new();
    let mut address = "/sites/default/seats?limit=400&sort=used".to_owned();
    let mut pages = 0;
    let total = loop {
        let answer = judged(base, document, "/sites/{site}/seats", &address, 200).await;
        for seat in answer["seats"].as_array().unwrap() {
            assert!(seen.insert((seat["seatType"].to_string(), seat["id"].to_string())), "{seat}");
            let shown = seat["person"]["shown"].as_str().unwrap_or("person");
            assert!(shown.starts_with("person"), "{shown} is named");
        }
        pages += 1;
        match answer["next"].as_str() {
            Some(next) => {
                address =
                    format!("/sites/default/seats?limit=400&sort=used&after={}", encoded(next))
            }
            None => break answer["total"].as_u64().unwrap(),
        }
    };
    assert!(pages > 1);
    assert_eq!(seen.len() as u64, total);
    let changes =
        judged(base, document, "/sites/{site}/changes", "/sites/default/changes?limit=1", 200)
            .await;
    if let Some(next) = changes["next"].as_str() {
        let address = format!("/sites/default/changes?limit=1&before={}", encoded(next));
        let next = judged(base, document, "/sites/{site}/changes", &address, 200).await;
        assert_eq!(next["changes"].as_array().unwrap().len(), 1);
    }
}

/// The order of the API is that of the command.
fn assert_ordered(told: &Value, order: &Value) {
    let lines = order["lines"].as_array().unwrap();
    assert_eq!((told["lines"].as_array().unwrap().len(), lines.len()), (2, 2), "{told}");
    for (of, line) in told["lines"].as_array().unwrap().iter().zip(lines) {
        for key in ["seatType", "on", "last", "seats", "change", "withRelease", "reclaimable"] {
            assert_eq!(of[key], line[key], "{key}");
        }
        assert_eq!(of["perYear"]["amount"], line["perYear"]["amount"]);
    }
    assert_eq!(told["budget"]["toPay"]["amount"], order["budget"]["toPay"]["amount"]);
    assert_eq!(told["minutesForTerm"]["amount"], order["minutesForTerm"]["amount"]);
    let (other, runs) = (&told["otherwise"]["lines"][0], &order["otherwise"]["lines"][0]["runs"]);
    assert_eq!(other["runs"]["needed"], runs["needed"], "{told}");
    assert!(runs["needed"].as_u64().unwrap() > 1 && other["runs"]["enough"] == true, "{told}");
    assert!(told["beside"].as_str().unwrap().contains("Two answers to one question"), "{told}");
}

fn assert_agree(told: &Value, status: &Value, cost: &Value, forecast: &Value) {
    let types = told["types"].as_array().unwrap();
    assert_eq!(types.len(), 2, "{told}");
    for of in types {
        let name = of["seatType"].as_str().unwrap();
        let pool = &status["sites"][0]["accessLicenses"][name];
        for (key, other) in [
            ("entitled", "total"),
            ("allocated", "allocated"),
            ("free", "available"),
            ("quarantined", "quarantined"),
        ] {
            assert_eq!(of[key], pool[other], "{name} {key}");
        }
        let types = forecast["sites"][0]["types"].as_array().unwrap();
        let known = types.iter().find(|of| of["seatType"] == name).unwrap();
        assert_eq!(of["runsOut"], known["forecast"]["inWords"], "{name}");
        assert_eq!(of["usage"]["reclaimable"], known["forecast"]["reclaimable"], "{name}");
    }
    let cost = &cost["sites"][0]["cost"];
    assert_eq!(told["cost"]["entitled"]["amount"], cost["entitled"]["amount"]);
    assert_eq!(told["cost"]["entitled"], json!({ "amount": "550800.00", "currency": "EUR" }));
}
