//! Ten thousand seats: filters, orders and pages, against the seats themselves.

use std::collections::HashSet;
use std::sync::Arc;

use bursar::clock::Clock;
use bursar::insight::idle::{Use, is_reclaimable};
use bursar::license::{Holder, Moment, Person, Seat, SeatType};
use bursar::simulator::Scenario;
use bursar::store::SeatReading;
use bursar::web::{Page, Source};
use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Got, assert_sound, found, get, get_with, links};
use crate::support::setup::Setup;
use crate::support::store;

const SEATS: u128 = 10_000;

/// Whether a filter means a seat.
type Means<'a> = &'a dyn Fn(&Seat) -> bool;

fn now() -> DateTime<Utc> {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

/// Every kind of seat, and names that a page or a spreadsheet would take for something else.
fn seat(n: u128) -> Seat {
    let days = |n: u128| TimeDelta::days(i64::try_from(n % 400).unwrap());
    let name = match n % 5 {
        0 => format!("=HYPERLINK(\"http://x\";\"{n}\")"),
        1 => format!("<img src=x onerror=alert({n})>"),
        2 => format!("Ÿlva Ek {n}"),
        _ => format!("Anna {n}"),
    };
    let holder = Holder {
        id: Uuid::from_u128(n / 2 + 1_000_000),
        directory: ["CORP", "Lab Öst", "INTERNAL"][usize::try_from(n % 3).unwrap()].into(),
        user_id: format!("user{n:05}").as_str().into(),
        name: name.as_str().into(),
    };
    Seat {
        id: Uuid::from_u128(n + 1),
        seat_type: if n.is_multiple_of(4) { SeatType::Professional } else { SeatType::Analyzer },
        holder: (!n.is_multiple_of(97)).then(|| Arc::new(holder)),
        deleted_user: n.is_multiple_of(97).then(|| format!("CORP\\gone{n}").into()),
        created: Moment::At(now() - TimeDelta::days(500)),
        last_used: match n % 13 {
            0 => Moment::Never,
            1 => Moment::Unreadable("soon".into()),
            _ => Moment::At(now() - days(n) - TimeDelta::seconds(5)),
        },
        excess: n.is_multiple_of(501),
        quarantined: n.is_multiple_of(203).then(|| Moment::At(now() + TimeDelta::days(3))),
    }
}

struct Served {
    base: String,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    store: bursar::store::Store,
    setup: Setup,
}

/// Whose department each holder is in; of one in five nothing was read, and one in seven has none.
fn department(seat: &Seat) -> Option<Option<&'static str>> {
    let n = seat.holder.as_ref()?.id.as_u128();
    let has = !n.is_multiple_of(7);
    (!n.is_multiple_of(5))
        .then(|| has.then_some(["Sales", "R&D"][usize::from(n.is_multiple_of(2))]))
}

fn people(seats: &[Seat]) -> Vec<Person> {
    let of = |seat: &Seat| {
        let (holder, department) = (seat.holder.as_ref()?, department(seat)?);
        Some(Person {
            id: holder.id,
            directory: (*holder.directory).into(),
            user_id: (*holder.user_id).into(),
            name: (*holder.name).into(),
            roles: None,
            groups: None,
            tags: Vec::new(),
            properties: department.map(|name| ("Unit".into(), name.into())).into_iter().collect(),
            inactive: false,
            blocked: false,
            removed_externally: false,
        })
    };
    seats.iter().filter_map(of).collect()
}

fn reading(seats: &[Seat], time: DateTime<Utc>) -> SeatReading {
    let of = |wanted| {
        let seats = seats.iter().filter(|seat| seat.seat_type == wanted).cloned();
        (wanted, seats.collect::<Vec<_>>())
    };
    SeatReading {
        time,
        lists: vec![of(SeatType::Professional), of(SeatType::Analyzer)],
        changes: Vec::new(),
        people: people(seats),
        new_on_days: Default::default(),
        zone: chrono_tz::UTC,
        keep_changes_days: 400,
    }
}

async fn serve(seats: &[Seat], names: bool) -> Served {
    let setup = Setup::new(Scenario::default()).await;
    let more = format!(
        "  web: {{enable: true, port: 0, showNames: {names}}}\n  report: {{enable: true, frequency: 0 6 1 * *}}\n"
    );
    let yaml = setup.yaml("every 6 hours", &more);
    let (off, on) =
        ("seatMonitor: {enable: false}", "seatMonitor: {enable: true, breakdownBy: [unit]}");
    assert!(yaml.contains(off), "{yaml}");
    let settings = Arc::new(setup.load(&yaml.replacen(off, on, 1)));
    let opened = store::open(&setup.store(), settings.storage.outbox, now).await.unwrap();
    let reading = reading(seats, now() - TimeDelta::minutes(5));
    opened.keep_seats("default", reading, Vec::new()).await.unwrap();
    let store = opened.clone();
    let source = Source { settings, store: opened, clock: Clock::following(now()) };
    let page = Page::bind("127.0.0.1:0".parse().unwrap(), source).await.unwrap();
    let base = format!("http://{}", page.address().unwrap());
    let stop = CancellationToken::new();
    let task = tokio::spawn(page.serve(stop.clone()));
    Served { base, stop, task, store, setup }
}

impl Served {
    async fn found(&self, q: &str) -> Got {
        let query =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("q", q).finish();
        let path = format!("/site/default/seats?{query}");
        let page = get(&self.base, &path).await;
        assert_sound(&path, &page);
        page
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_seats_are_filtered_sorted_and_paged() {
    let seats: Vec<Seat> = (0..SEATS).map(seat).collect();
    let served = serve(&seats, true).await;
    let count = |means: &dyn Fn(&Seat) -> bool| seats.iter().filter(|seat| means(seat)).count();
    let is_in = |seat: &Seat, name: &str| {
        seat.holder.as_ref().is_some_and(|of| of.directory.to_lowercase() == name)
    };
    let named = |seat: &Seat, part: &str| {
        let deleted = seat.deleted_user.as_deref().unwrap_or_default().to_lowercase();
        deleted.contains(part)
            || seat.holder.as_ref().is_some_and(|of| {
                of.name.to_lowercase().contains(part) || of.user_id.to_lowercase().contains(part)
            })
    };
    let filters: [(&str, Means<'_>); 18] = [
        ("", &|_| true),
        ("type:analyzer", &|seat| seat.seat_type == SeatType::Analyzer),
        ("dir:corp", &|seat| is_in(seat, "corp")),
        ("dir:\"lab öst\"", &|seat| is_in(seat, "lab öst")),
        ("idle:>=60", &|seat| is_reclaimable(seat, 60, now())),
        ("idle:>60 type:professional", &|seat| {
            is_reclaimable(seat, 61, now()) && seat.seat_type == SeatType::Professional
        }),
        ("idle:30..59", &|seat| {
            is_reclaimable(seat, 30, now()) && !is_reclaimable(seat, 60, now())
        }),
        ("idle:never", &|seat| Use::of(seat).is_never_used()),
        ("state:quarantined", &|seat| seat.quarantined.is_some()),
        ("state:excess", &|seat| seat.excess),
        ("state:deleted", &|seat| seat.holder.is_none()),
        ("state:allocated type:analyzer", &|seat| {
            seat.quarantined.is_none() && seat.seat_type == SeatType::Analyzer
        }),
        ("dept:sales", &|seat| department(seat) == Some(Some("Sales"))),
        ("prop:UNIT=r&d dir:corp", &|seat| {
            department(seat) == Some(Some("R&D")) && is_in(seat, "corp")
        }),
        ("prop:\"unit=(without)\"", &|seat| department(seat) == Some(None)),
        ("dept:R&D idle:>=60 type:professional", &|seat| {
            department(seat) == Some(Some("R&D"))
                && is_reclaimable(seat, 60, now())
                && seat.seat_type == SeatType::Professional
        }),
        ("ÿLVA", &|seat| named(seat, "ÿlva")),
        ("anna user0 dir:corp", &|seat| {
            named(seat, "anna") && named(seat, "user0") && is_in(seat, "corp")
        }),
    ];
    for (q, means) in filters {
        let wanted = count(means);
        assert!(wanted > 0, "{q} finds something");
        let digits = wanted.to_string();
        let grouped = match digits.len() {
            4.. => format!("{},{}", &digits[..digits.len() - 3], &digits[digits.len() - 3..]),
            _ => digits,
        };
        assert_eq!(found(&served.found(q).await), grouped, "{q}");
    }
    assert!(served.found("zzz").await.text.contains("No seat is like that"));
    let none = served.found("dept:Finance").await.words().replace("&#38;", "&");
    assert!(none.contains("nobody who was read has it; there are (without), r&d, sales"), "{none}");

    // Each row once, in every order, whatever page it is on.
    for sort in ["idle", "used", "allocated", "person"] {
        let mut path = format!("/site/default/seats?q=idle:100..120+dir:corp&sort={sort}");
        let (mut pages, mut people) = (0, Vec::new());
        loop {
            let page = get(&served.base, &path).await;
            pages += 1;
            let rows = page.text.split("<tbody>").nth(1).unwrap().split("</tbody>").next().unwrap();
            for row in rows.split("<tr>").skip(1) {
                let cells: Vec<_> = row.split("<td").map(super::words).collect();
                people.push((links(row).pop().unwrap(), cells[1..].join("|")));
            }
            let next = page
                .text
                .split("rel=\"next\"")
                .next()
                .filter(|_| page.text.contains("rel=\"next\""));
            let Some(before) = next else { break };
            path = links(before).pop().unwrap();
        }
        let wanted = count(&|seat| {
            is_reclaimable(seat, 100, now())
                && !is_reclaimable(seat, 121, now())
                && is_in(seat, "corp")
        });
        assert_eq!((people.len(), pages), (wanted, wanted.div_ceil(50)), "{sort}");
        let all: HashSet<_> = people.iter().collect();
        assert!(all.len() * 2 > people.len(), "rows of two pages are not the same");
        if sort == "idle" {
            let days = |row: &str| -> i64 {
                row.split('|')
                    .nth(4)
                    .unwrap()
                    .split(" d")
                    .next()
                    .unwrap()
                    .rsplit('>')
                    .next()
                    .unwrap()
                    .trim()
                    .parse()
                    .unwrap()
            };
            let days: Vec<_> = people.iter().map(|(_, row)| days(row)).collect();
            assert!(days.is_sorted_by(|a, b| a >= b), "{days:?}");
        }
    }

    let csv = get(&served.base, "/site/default/seats.csv?q=type:professional").await;
    assert_eq!(csv.header("bursar-total"), "2500");
    assert_eq!(csv.text.lines().count(), 2_501);
    assert!(csv.text.contains("\"'=HYPERLINK") && !csv.text.contains("\n=HYPERLINK"));
    let page = get(&served.base, "/site/default/seats?q=onerror").await;
    assert!(page.text.contains("&#60;img src=x") && !page.text.contains("<img"), "text stays text");
    for wrong in
        ["sort=luck", "after=x", "after=n.analyzer.0.0", &format!("q={}", "a".repeat(2_100))]
    {
        let page = get(&served.base, &format!("/site/default/seats?{wrong}")).await;
        assert_eq!(page.status, 400, "{wrong}");
    }
    served.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_named_unless_the_settings_say_so() {
    let seats: Vec<Seat> = (0..400).map(seat).collect();
    let served = serve(&seats, false).await;
    let person = format!("/site/default/person/{}", Uuid::from_u128(1_000_001));
    for path in [
        "/site/default/seats",
        "/site/default/seats?q=dir:corp",
        "/site/default/seats.csv",
        &person,
    ] {
        let page = get(&served.base, path).await;
        assert_eq!(page.status, 200, "{path}");
        for name in ["Anna", "user00", "HYPERLINK", "gone0", "Ylva", "Ÿlva"] {
            assert!(!page.text.contains(name), "{path} names {name}");
        }
        assert!(path.ends_with("csv") || page.words().contains("operators who log in"), "{path}");
    }
    let said = served.found("anna").await;
    assert!(said.words().contains("can't be looked for by name"), "{}", said.words());
    assert_eq!(found(&said), "", "nothing is counted");
    let sorted = get(&served.base, "/site/default/seats?sort=person").await;
    assert_eq!(sorted.status, 400);
    served.end().await;
    let served = serve(&seats, true).await;
    assert!(
        get(&served.base, &person).await.text.contains("user0000"),
        "with the setting they are"
    );
    served.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_are_listed_sent_and_made_where_people_are_named() {
    let seats: Vec<Seat> = (0..20).map(seat).collect();
    let served = serve(&seats, true).await;
    let folder = served.setup.store().parent().unwrap().join("reports");
    std::fs::create_dir(&folder).unwrap();
    for name in ["bursar-report-2026-09.html", "bursar-report-x.exe", "secret.html"] {
        std::fs::write(folder.join(name), "<p>of September").unwrap();
    }
    let page = get(&served.base, "/reports").await;
    assert_sound("/reports", &page);
    let files: Vec<_> =
        links(&page.text).into_iter().filter(|link| link.starts_with("/reports/")).collect();
    assert_eq!(files, ["/reports/bursar-report-2026-09.html"]);
    let file = get(&served.base, &files[0]).await;
    assert_eq!((file.status.as_u16(), file.text.as_str()), (200, "<p>of September"));
    let as_file = "attachment; filename=\"bursar-report-2026-09.html\"";
    assert_eq!(file.header("content-disposition"), as_file);
    assert_eq!(file.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(file.header("cache-control"), "no-store");
    for none in
        ["secret.html", "bursar-report-x.exe", "..%2Fbursar.db", "..%2freports%2Fsecret.html"]
    {
        assert_eq!(get(&served.base, &format!("/reports/{none}")).await.status, 404, "{none}");
    }
    let made = get(&served.base, "/report?period=2026-10&format=md").await;
    assert_eq!(
        made.header("content-disposition"),
        "attachment; filename=\"bursar-report-2026-10.md\""
    );
    assert!(made.text.starts_with("# ") && made.text.contains("2026"), "{}", made.text);
    for (wrong, said) in [
        ("period=soon", "is no period"),
        ("format=exe", "write one of html, md, csv, json"),
        ("site=nowhere", "no such site"),
    ] {
        let page = get(&served.base, &format!("/report?{wrong}")).await;
        assert!(page.status.is_client_error(), "{wrong}: {}", page.status);
        assert!(page.words().contains(said), "{wrong}: {}", page.words());
    }
    served.end().await;

    let served = serve(&seats, false).await;
    let page = get(&served.base, "/reports").await;
    assert_sound("/reports", &page);
    assert!(page.words().contains("Reports name people, and pages don't"), "{}", page.words());
    for hidden in ["/report?period=2026-10", "/reports/bursar-report-2026-09.html"] {
        let page = get(&served.base, hidden).await;
        assert_eq!(page.status, 403, "{hidden}");
        assert!(page.text.contains("<h1>Not shown</h1>"), "{hidden}: {}", page.text);
    }
    served.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_not_modified_until_something_is_written() {
    let seats: Vec<Seat> = (0..200).map(seat).collect();
    let served = serve(&seats, true).await;
    let path = "/site/default/seats?q=type:analyzer";
    let ask = async |tag: &str| get_with(&served.base, path, &[("if-none-match", tag)]).await;
    let first = get(&served.base, path).await;
    let tag = first.header("etag").to_owned();
    let again = ask(&tag).await;
    assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
    assert_eq!(again.header("etag"), tag);
    let head: usize = again.headers.iter().map(|(n, v)| n.as_str().len() + v.len() + 4).sum();
    assert!(head + 30 < 500, "{head} bytes");
    assert_eq!(ask("W/\"other\"").await.status, 200);
    let elsewhere = "/site/default/seats?q=dir:CORP";
    let other = get_with(&served.base, elsewhere, &[("if-none-match", &tag)]).await;
    assert_eq!(other.status, 200, "of another address");

    let less = reading(&seats[..100], now() - TimeDelta::minutes(1));
    served.store.keep_seats("default", less, Vec::new()).await.unwrap();
    let then = ask(&tag).await;
    assert_eq!(then.status, 200, "fewer seats are there now");
    assert_ne!(found(&then), found(&first));
    served.end().await;
}
