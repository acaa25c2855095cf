//! Users, sessions, tokens and orders, as time goes by.

use super::*;
use crate::store::{Access, NewPageOrder, Ordered, Placed, Role};

fn operator() -> Access {
    Access { role: Role::Operator, sites: Some(vec!["oslo".to_owned()]) }
}

async fn begin(store: &Store, secret: &str, before: Option<&str>) -> bool {
    let before = before.map(str::to_owned);
    store
        .begin_session("anna", "hash", secret.to_owned(), before, "10.0.0.5".to_owned())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_session_ends_idle_or_after_its_whole_time() {
    let bench = Bench::new(10).await;
    let store = &bench.store;
    assert!(store.add_user("anna", operator(), "hash".to_owned()).await.unwrap());
    assert!(begin(store, "s", None).await);
    let is_there =
        async || store.session("s").await.unwrap() == Some(("anna".to_owned(), operator()));
    bench.advance_by(2 * 3600 - 1);
    assert!(is_there().await);
    bench.advance_by(2 * 3600 - 1);
    assert!(is_there().await, "it was used meanwhile");
    bench.advance_by(2 * 3600 + 1);
    assert!(!is_there().await, "nobody used it for two hours");
    assert!(begin(store, "s", None).await, "what is over makes place");
    for _ in 0..11 {
        bench.advance_by(3600);
        assert!(is_there().await);
    }
    bench.advance_by(3601);
    assert!(!is_there().await, "twelve hours are all");
}

#[tokio::test]
async fn sessions_end_with_another_login_the_password_and_the_user() {
    let bench = Bench::new(10).await;
    let store = &bench.store;
    assert!(!begin(store, "s", None).await, "there is no such user");
    store.add_user("anna", operator(), "hash".to_owned()).await.unwrap();
    assert!(!store.add_user("anna", operator(), "other".to_owned()).await.unwrap());
    assert!(begin(store, "first", None).await);
    assert!(begin(store, "second", Some("first")).await);
    assert_eq!(store.session("first").await.unwrap(), None);
    assert!(store.set_password("anna", "new".to_owned()).await.unwrap());
    assert_eq!(store.session("second").await.unwrap(), None);
    assert!(!begin(store, "third", None).await, "it was compared with the password of before");
    store.set_password("anna", "hash".to_owned()).await.unwrap();
    for n in 0..30 {
        bench.advance_by(1);
        assert!(begin(store, &n.to_string(), None).await);
    }
    assert_eq!(store.users().await.unwrap()[0].sessions, 20, "the oldest make place");
    assert_eq!(store.session("9").await.unwrap(), None);
    assert!(store.session("10").await.unwrap().is_some());
    assert!(store.remove_user("anna").await.unwrap());
    assert_eq!(store.session("29").await.unwrap(), None);
    assert!(!store.remove_user("anna").await.unwrap());
    let left: i64 =
        bench.other().query_row("SELECT count(*) FROM page_session", [], |r| r.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_token_ends_at_its_time() {
    let bench = Bench::new(10).await;
    let (store, until) = (&bench.store, at(0) + chrono::TimeDelta::hours(1));
    assert!(store.add_token("grafana", operator(), "t".to_owned(), Some(until)).await.unwrap());
    assert!(store.add_token("other", operator(), "u".to_owned(), None).await.unwrap());
    assert_eq!(store.token("t").await.unwrap(), Some(("grafana".to_owned(), operator())));
    bench.set_now(until);
    assert_eq!(store.token("t").await.unwrap(), None);
    assert!(store.token("u").await.unwrap().is_some());
    assert_eq!(store.tokens().await.unwrap().len(), 2, "it is listed, as over");
}

#[tokio::test]
async fn an_order_is_taken_up_once() {
    let bench = Bench::new(10).await;
    let store = &bench.store;
    let order = |site: &str, form: &str| NewPageOrder {
        site: site.to_owned(),
        form: form.to_owned(),
        what: Ordered::Apply,
        run: "run".to_owned(),
        digest: Some("digest".to_owned()),
        by: "anna, logged in".to_owned(),
        peer: "10.0.0.5".to_owned(),
    };
    let Placed::New(id) = store.place_order(order("oslo", "a")).await.unwrap() else { panic!() };
    assert_eq!(store.place_order(order("oslo", "a")).await.unwrap(), Placed::Again(id));
    assert_eq!(store.place_order(order("oslo", "b")).await.unwrap(), Placed::Full);
    assert!(matches!(store.place_order(order("bergen", "c")).await.unwrap(), Placed::New(_)));
    let taken = store.take_order("oslo").await.unwrap().unwrap();
    assert_eq!((taken.id, taken.what, taken.by.as_str()), (id, Ordered::Apply, "anna, logged in"));
    assert_eq!(store.take_order("oslo").await.unwrap(), None, "nobody else gets it");
    let cut = store.cut_orders("oslo").await.unwrap();
    assert_eq!(cut.iter().map(|of| of.id).collect::<Vec<_>>(), [id]);
    store.end_order(id, Some("done".to_owned()), "well".to_owned()).await.unwrap();
    store.end_order(id, None, "again".to_owned()).await.unwrap();
    let orders = store.orders("oslo", 10).await.unwrap();
    assert_eq!(orders.len(), 1);
    let (done, outcome) = (orders[0].done.as_deref(), orders[0].outcome.as_deref());
    assert_eq!((done, outcome), (Some("done"), Some("well")), "what it ended with stays");
    assert_eq!(store.cut_orders("oslo").await.unwrap(), []);
    assert!(matches!(store.place_order(order("oslo", "b")).await.unwrap(), Placed::New(_)));
}
