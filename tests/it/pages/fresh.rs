//! A site that was met today: what there is, and from when on there is more.

use bursar::clock::Clock;
use bursar::simulator::Scenario;
use chrono::{DateTime, Utc};

use super::words;
use crate::login::Pages;
use crate::support::process::until;
use crate::support::setup::Setup;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_without_enough_data_says_from_when_there_is_one() {
    let setup = Setup::new(Scenario::default()).await;
    let yaml = setup.yaml("every 24 hours", "  web: {port: 0}\n");
    let yaml = yaml.replace("seatMonitor: {enable: false}", "seatMonitor: {enable: true}");
    // A Tuesday.
    let now: DateTime<Utc> = "2026-11-24T12:00:00Z".parse().unwrap();
    let pages = Pages::start(setup.load(&yaml), Clock::following(now)).await;
    let begin =
        "The data begin on 24 November 2026: too few for a chart yet, there will be one from";
    let page = until("everything is read", async || {
        let page = pages.get("/site/default", "").await.text;
        let is_read =
            page.contains("in use, as the server counts") && page.contains("27 November 2026");
        is_read.then_some(page)
    })
    .await;
    let shown = words(&page);
    // By the week, of two types; by whole days, of people.
    assert_eq!(shown.matches(&format!("{begin} 30 November 2026 on.")).count(), 2, "{shown}");
    assert_eq!(shown.matches(&format!("{begin} 27 November 2026 on.")).count(), 1, "{shown}");
    assert!(!page.contains("<figure><svg") && !page.contains("id=\"chart-"), "{page}");
    let trends = pages.get("/site/default/trends", "").await.text;
    let told = words(&trends);
    assert!(told.contains(&format!("{begin} 25 November 2026 on.")), "{told}");
    assert!(told.contains("2026-11 so far") && !trends.contains("data-chart"), "{told}");
    pages.stop().await;
}
