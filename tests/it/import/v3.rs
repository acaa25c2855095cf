//! From InfluxDB 3.x: the stand-in of the write tests, which answers queries, too.

use bursar::destination::influxdb::settings::InfluxVersion;
use bursar::secret::Secret;

use super::*;
use crate::support::influxdb3::{self, InfluxDb3};

fn v3(token: &str, database: &str) -> InfluxVersion {
    InfluxVersion::V3 { database: database.into(), token: Secret::new(token) }
}

async fn write(server: &InfluxDb3, lines: &[String]) {
    let url = format!("{}api/v3/write_lp?db=butler&precision=millisecond", server.url());
    let request = reqwest::Client::new().post(url).bearer_auth(influxdb3::TOKEN);
    let answer = request.body(lines.join("\n")).send().await.unwrap();
    assert_eq!(answer.status(), 204);
}

/// A hundred days, every three hours.
async fn filled() -> (InfluxDb3, usize) {
    let server = InfluxDb3::start().await;
    let times: Vec<_> = every(180, "2026-08-10T00:00:00Z", "2026-11-18T00:00:00Z").collect();
    let lines: Vec<_> = times
        .iter()
        .enumerate()
        .map(|(n, at)| seats("professional", ",host=a", *at, (n % 50) as f64))
        .collect();
    write(&server, &lines).await;
    (server, times.len())
}

#[tokio::test]
async fn the_history_is_taken_over_once_from_both_query_paths() {
    for without_v3 in [None, Some(404), Some(405)] {
        let (server, polls) = filled().await;
        if let Some(status) = without_v3 {
            server.without_v3(status);
        }
        let target = Target::new(settings(server.url(), v3(influxdb3::TOKEN, "butler"), &[])).await;
        let summary = target.import(everything()).await.unwrap();
        assert_eq!(
            told(&summary),
            format!(
                "default: 6 figures, {} new, 0 known, 2026-08-10T00:00 to 2026-11-17T21:00\n",
                polls * 6
            ),
            "{without_v3:?}"
        );
        let daily = target.daily("default", "professional", "allocated").await;
        assert_eq!((daily.len(), daily[1].samples, daily[1].last), (100, 8, 15.0));
        let before = target.dump();
        let again = target.import(everything()).await.unwrap();
        assert_eq!((again.sites[0].new, again.sites[0].known), (0, polls as u64 * 6));
        assert_eq!(target.dump(), before);
        let (requests, _) = server.take_requests();
        let path = if without_v3.is_some() { "/query" } else { "/api/v3/query_sql" };
        // The first question is asked at both paths.
        let other = requests.iter().filter(|r| !r.starts_with(path) && r.contains("query"));
        assert_eq!(other.count(), 2 * usize::from(without_v3.is_some()), "{requests:?}");
    }
}

#[tokio::test]
async fn a_server_that_reads_a_few_files_only_is_asked_for_less() {
    let (server, polls) = filled().await;
    server.limit_days(3);
    let target = Target::new(settings(server.url(), v3(influxdb3::TOKEN, "butler"), &[])).await;
    let why = target.import(everything()).await.unwrap_err().to_string();
    assert!(why.contains("--from 2024-01-01") && why.contains("file limit"), "{why}");
    let from = Order { from: "2026-08-01".parse().ok(), ..everything() };
    let summary = target.import(from).await.unwrap();
    assert_eq!(summary.sites[0].new, polls as u64 * 6);
}

#[tokio::test]
async fn what_a_server_refuses_is_said_with_what_to_do() {
    let (server, _) = filled().await;
    let refusal = async |token: &str, database: &str| {
        let target = Target::new(settings(server.url(), v3(token, database), &[])).await;
        target.import(everything()).await.unwrap_err().to_string()
    };
    insta::assert_snapshot!(refusal("wrong", "butler").await, @"a query for the database butler: answered 401 Unauthorized: the credentials are missing or wrong; check influxDb.v3Config.token, and that it may read the database butler");
    insta::assert_snapshot!(refusal(influxdb3::TOKEN, "nowhere").await, @"a query for the database nowhere: answered 404 Not Found: database not found: nowhere; check that the database nowhere exists, and influxDb.version");
    let url = format!("{}api/v3/write_lp?db=empty&precision=second", server.url());
    let request = reqwest::Client::new().post(url).bearer_auth(influxdb3::TOKEN);
    assert_eq!(request.body("other v=1 1").send().await.unwrap().status(), 204);
    let nothing = refusal(influxdb3::TOKEN, "empty").await;
    assert!(nothing.contains("no points of qlik_sense_license"), "{nothing}");
}

#[tokio::test]
async fn a_column_of_text_is_skipped_and_told() {
    let server = InfluxDb3::start().await;
    let at = time("2026-11-01T00:00:00Z");
    let line = seats("professional", "", at, 4.0).replace("used=7", "used=\"n/a\"");
    write(&server, &[line]).await;
    let target = Target::new(settings(server.url(), v3(influxdb3::TOKEN, "butler"), &[])).await;
    assert_eq!(
        told(&target.import(everything()).await.unwrap()),
        "default: 5 figures, 5 new, 0 known, 2026-11-01T00:00 to 2026-11-01T00:00\n\
         skipped 1: used of professional is text and no number\n"
    );
}
