//! Many readers at once.

use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::demo::Demo;
use crate::support::chromium::Tab;
use crate::support::process::{Process, bursar, until};

fn is_long() -> bool {
    std::env::var_os("BURSAR_LONG").is_some()
}

/// With `BURSAR_LONG=1` 50 tabs, and the time is told that one more takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_more_tab_beside_many_is_whole() {
    let demo = Demo::shared().await;
    let mut tabs = Vec::new();
    for n in 0..if is_long() { 50 } else { 6 } {
        let tab = Tab::open().await;
        let paths = ["/site/default", "/site/default/trends", "/site/default/seats", "/alerts"];
        tab.go(&format!("{}{}", demo.base, paths[n % paths.len()])).await;
        tabs.push(tab);
    }
    let tab = Tab::open().await;
    let load = async || {
        let began = Instant::now();
        tab.go(&format!("{}/site/default", demo.base)).await;
        let corner = "getComputedStyle(document.querySelector('.card')).borderRadius";
        assert_eq!(tab.text(corner).await, "8px", "its style is there");
        began.elapsed()
    };
    let quiet = load().await;
    for other in &tabs {
        other.ask("Page.reload", json!({})).await;
    }
    let busy = load().await;
    println!(
        "beside {} tabs one more loads in {quiet:?}, while all of them load in {busy:?}",
        tabs.len()
    );
    for tab in tabs {
        tab.until("document.querySelector('main h1') !== null").await;
    }
}

/// When the next polls of the access licenses were done.
fn polls(demo: &mut Process, count: usize) -> Vec<DateTime<Utc>> {
    let line = |_| demo.wait_for("access licenses: ").split(' ').next().unwrap().parse().unwrap();
    (0..count).map(line).collect()
}

/// The longest time between two of them.
fn longest(polls: &[DateTime<Utc>]) -> TimeDelta {
    polls.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
}

/// A demo that polls each second, and readers that never rest. With `BURSAR_LONG=1` 200 of them, for a minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_go_on_while_many_read() {
    let (readers, count) = if is_long() { (200, 60) } else { (20, 3) };
    let folder = tempfile::tempdir().unwrap();
    let stdout = folder.path().join("stdout");
    let args = ["demo", "--speed", "300", "--port", "0", "--level", "debug", "--dir"];
    let mut command = bursar(&args);
    command.arg(folder.path().join("demo")).stdout(File::create(&stdout).unwrap());
    let mut demo = Process::spawn_with(&mut command);
    let base = until("the page is named", async || {
        let text = std::fs::read_to_string(&stdout).ok()?;
        Some(text.split_once("\nLook at it: ")?.1.strip_suffix("/\n")?.to_owned())
    })
    .await;
    let blocking = tokio::task::spawn_blocking(move || (polls(&mut demo, count), demo));
    let (quiet, mut demo) = blocking.await.unwrap();
    let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
    let first = Arc::new(Notify::new());
    bursar::tls::install_provider();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for n in 0..readers {
        let path = ["", "/trends", "/seats?q=idle:%3E60", "/releases", "/changes"][n % 5];
        let (address, client) = (format!("{base}/site/default{path}"), client.clone());
        let (stop, first) = (stop.clone(), first.clone());
        tasks.spawn(async move {
            let (mut whole, mut refused) = (0_u32, 0_u32);
            while !stop.is_cancelled() {
                match client.get(&address).send().await {
                    Ok(answer) if answer.status() == 200 => {
                        whole += 1;
                        first.notify_one();
                    }
                    // There are more readers than places.
                    Ok(answer) => assert_eq!(answer.status(), 503, "{address}"),
                    Err(_) => refused += 1,
                }
            }
            (whole, refused)
        });
    }
    let blocking = tokio::task::spawn_blocking(move || (polls(&mut demo, count), demo));
    let (busy, _demo) = blocking.await.unwrap();
    // On a busy machine the polls may be through before a page is.
    first.notified().await;
    stop.cancel();
    let answered = tasks.join_all().await;
    let whole: u32 = answered.iter().map(|(whole, _)| whole).sum();
    let refused: u32 = answered.iter().map(|(_, refused)| refused).sum();
    assert!(whole > 0, "nobody was answered, {refused} were refused");
    println!(
        "{readers} readers, {whole} pages, {refused} refused: {count} polls each second, between two at most {} ms; \
         without readers {} ms",
        longest(&busy).num_milliseconds(),
        longest(&quiet).num_milliseconds()
    );
}
