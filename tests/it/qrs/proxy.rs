//! Through a virtual proxy, where the port of the repository service is closed.

use std::collections::BTreeSet;
use std::process::Stdio;

use bursar::simulator::{Proxy, ProxySettings, Scenario};

use crate::support::process::{Process, bursar, output, until};
use crate::support::setup::Setup;

const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJ1c2VySWQiOiJidXJzYXIifQ.c2lnbmVkLW9ubHktaGVyZQ";

fn by_token() -> ProxySettings {
    ProxySettings { token: TOKEN.to_owned(), ..ProxySettings::default() }
}

async fn setup(proxy: ProxySettings) -> Setup {
    Setup::new(Scenario { proxy: Some(proxy), ..Scenario::default() }).await
}

fn proxy(setup: &Setup) -> &Proxy {
    setup.site.proxy().expect("the scenario has one")
}

/// The settings of a site behind its proxy: without a client certificate, and with `how` in `configQRS`.
fn write(setup: &Setup, how: &str) {
    write_with(setup, how, "");
}

fn write_with(setup: &Setup, how: &str, more: &str) {
    let text = setup.yaml("every 1 minute", more);
    let port = format!("    port: {}\n", setup.site.addr().port());
    let own = format!("    port: {}\n", proxy(setup).address().port());
    let text = text.replace(&port, &own).replace("    authentication: certificates\n", how);
    let lines = text.lines().filter(|line| {
        !["clientCert:", "clientCertKey:"].iter().any(|key| line.trim_start().starts_with(key))
    });
    setup.write(&(lines.collect::<Vec<_>>().join("\n") + "\n"));
}

fn jwt(prefix: &str, token: &str) -> String {
    format!("    authentication: jwt\n    virtualProxy: {{prefix: {prefix}, token: {token}}}\n")
}

fn check(setup: &Setup) -> (Option<i32>, String) {
    let output = output(&["check", "-c", "bursar.yaml"], setup.folder.path());
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_session_serves_all_polls_and_is_begun_again_when_it_is_over() {
    let setup = setup(by_token()).await;
    write(&setup, &jwt("api", TOKEN));
    let args = ["run", "-c", "bursar.yaml", "--speed", "600"];
    let mut daemon = Process::start(&args, setup.folder.path());
    daemon.wait_for("access licenses");
    let asked = || setup.site.control().request_count();
    let more = async |count: u64| {
        let before = asked();
        until("it is asked on", async || (asked() > before + count).then_some(())).await;
    };
    more(20).await;
    assert_eq!(proxy(&setup).sessions_begun(), 1);
    for begun in 2..4 {
        proxy(&setup).end_sessions();
        more(20).await;
        assert_eq!(proxy(&setup).sessions_begun(), begun);
    }
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
    let log = log.join("\n");
    assert!(!log.contains("401") && !log.contains("eyJ"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_lets_in_too_and_so_does_a_proxy_of_before_the_key() {
    let header = ProxySettings { header: "X-Bursar".into(), ..ProxySettings::default() };
    let setup = setup(header).await;
    write(&setup, "    authentication: header\n    virtualProxy: {prefix: api}\n");
    let text = std::fs::read_to_string(setup.folder.path().join("bursar.yaml")).unwrap();
    let text = text
        .replace("name: X-Qlik-User", "name: X-Bursar")
        .replace("value: UserDirectory=Internal; UserId=sa_repository", "value: CORP\\svc-bursar");
    setup.write(&text);
    for csrf in [true, false] {
        proxy(&setup).update(|settings| settings.csrf = csrf);
        let (code, said) = check(&setup);
        assert_eq!(code, Some(0), "{csrf}: {said}");
    }
}

/// A proxy that goes by a header begins a session by itself where the old one is over: it is not let go on beside another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_a_header_too_no_sessions_heap_up() {
    let setup =
        setup(ProxySettings { header: "X-Bursar".into(), ..ProxySettings::default() }).await;
    write(&setup, "    authentication: header\n    virtualProxy: {prefix: api}\n");
    let text = std::fs::read_to_string(setup.folder.path().join("bursar.yaml")).unwrap();
    setup.write(&text.replace("name: X-Qlik-User", "name: X-Bursar"));
    let args = ["run", "-c", "bursar.yaml", "--speed", "600"];
    let mut daemon = Process::start(&args, setup.folder.path());
    daemon.wait_for("access licenses");
    for ended in 1..4 {
        proxy(&setup).end_sessions();
        let before = setup.site.control().request_count();
        let asked = async || (setup.site.control().request_count() > before + 20).then_some(());
        until("it is asked on", asked).await;
        // Those that the proxy began for the four requests that may be under way, and the one that is asked for.
        let begun = proxy(&setup).sessions_begun();
        assert!(begun <= 1 + 5 * ended, "{begun} sessions, {ended} ended");
    }
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
}

/// `check` tells which of the ways to be kept out it met, and never the token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tells_what_keeps_it_out() {
    let setup = setup(by_token()).await;
    let other = TOKEN.replace("bm", "Zz");
    let says = |how: String, expected: &str| {
        write(&setup, &how);
        let (code, said) = check(&setup);
        assert_ne!(code, Some(0), "{expected}: {said}");
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(!said.contains("eyJ"), "{said}");
    };
    write(&setup, &jwt("api", TOKEN));
    let (code, said) = check(&setup);
    assert_eq!(code, Some(0), "{said}");
    says(jwt("elsewhere", TOKEN), "set virtualProxy.prefix");
    says(jwt("api", &other), "whether the token is in date");
    proxy(&setup).update(|settings| settings.hosts = vec!["elsewhere.example.com".into()]);
    says(jwt("api", TOKEN), "host allow list");
    // What is wrong in the file is said before anything is asked.
    says(jwt("api", "none"), "this is no token");
    says("    authentication: jwt\n".to_owned(), "write the token");
    says(jwt("'a b'", TOKEN), "can't be the prefix");
}

/// A session that ends in the middle of a run: no seat is asked for twice, and the record says of each what became of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_end_within_a_run_leave_a_true_record() {
    const SEATS: usize = 40;
    let scenario = Scenario { proxy: Some(by_token()), ..crate::reload::idle(SEATS) };
    let setup = Setup::new(scenario).await;
    write_with(&setup, &jwt("api", TOKEN), &crate::reload::releases(false, ""));
    let folder = setup.folder.path();
    let mut command = bursar(&["release", "apply", "--yes", "--real", "-c", "bursar.yaml"]);
    command.current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    let gone = || {
        let requests = setup.site.control().requests();
        let gone = requests.iter().filter(|request| request.method == "DELETE");
        gone.map(|request| request.path.clone()).collect::<Vec<_>>()
    };
    let child = std::cell::RefCell::new(child);
    let ended = std::cell::Cell::new(0);
    until("the command ends", async || {
        if gone().len() > ended.replace(gone().len()) {
            proxy(&setup).end_sessions();
        }
        child.borrow_mut().try_wait().unwrap()
    })
    .await;
    let gone = gone();
    let seats: BTreeSet<_> = gone.iter().collect();
    assert!(gone.len() == seats.len() && gone.len() > 1, "each once: {gone:#?}");
    assert!(proxy(&setup).sessions_begun() > 2);
    let run = |args: &[&str]| output(&[args, &["-c", "bursar.yaml"]].concat(), folder);
    assert!(run(&["audit", "verify"]).status.success());
    let record = run(&["audit", "export", "--format", "jsonl"]).stdout;
    let record = String::from_utf8(record).unwrap();
    let released =
        record.matches(r#"{"kind":"freed"}"#).count().max(record.matches("freed").count());
    assert_eq!(released, gone.len(), "{record}");
}
