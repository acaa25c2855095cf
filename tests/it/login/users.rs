//! Users and tokens, made by commands beside the daemon.

use bursar::store::Role;
use reqwest::{Method, StatusCode};

use super::{Browser, CHANGES, FORM, PASSWORD, Pages, command, said, setup};
use crate::support::process::Process;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_of_the_command_logs_in_until_the_password_changes() {
    let setup = setup().await;
    let pages = Pages::with(&setup, "", "").await;
    let folder = setup.folder.path();
    let user = |args: &[&str], input: &str| {
        let args: Vec<_> = ["user"].iter().chain(args).copied().collect();
        command(folder, &args, input)
    };
    let add = ["add", "anna", "--role", "operator", "--password-file", "-"];
    for (input, why) in [
        ("short\n", "12 to 256 characters, and this one has 5"),
        ("", "12 to 256 characters, and this one has 0"),
    ] {
        let output = user(&add, input);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(why), "{}", said(&output));
    }
    let output = user(&["add", "anna"], "");
    assert!(said(&output).contains("there is nobody to ask here"), "{}", said(&output));
    let output = user(&["add", "anna", "--site", "oslo", "--password-file", "-"], PASSWORD);
    assert!(said(&output).contains("there is no site oslo"), "{}", said(&output));
    let output = user(&add, &format!("{PASSWORD}\r\nsecond line\n"));
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("anna can log in: operator of all"), "{}", said(&output));
    let again = user(&add, PASSWORD);
    assert!(said(&again).contains("there is a user anna already"), "{}", said(&again));

    let shown = pages.get("/", "").await;
    assert!(shown.text.contains("<a class=\"who\" href=\"/login\">Log in</a>"), "it can be found");
    assert!(pages.get("/login", "").await.text.contains("name=\"password\""));
    let wrong = pages.try_log_in("anna", "correct horse batterx").await;
    let unknown = pages.try_log_in("nobody", PASSWORD).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        (wrong.status, &wrong.text),
        (unknown.status, &unknown.text),
        "nobody is told who there is"
    );
    assert_eq!((wrong.header("set-cookie"), unknown.header("set-cookie")), ("", ""));
    let right = pages.try_log_in("anna", PASSWORD).await;
    assert_eq!((right.status, right.header("location")), (StatusCode::SEE_OTHER, "/"));
    let set = right.header("set-cookie");
    let (secret, rest) = set.strip_prefix("bursar=").unwrap().split_once(';').unwrap();
    assert_eq!((secret.len(), rest), (64, " Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"));
    let cookie = right.cookie();
    let home = pages.get("/", &cookie).await;
    assert!(home.text.contains("anna (operator)") && home.text.contains(">Log out</button>"));
    let stored = std::fs::read(setup.store()).unwrap();
    let log = std::fs::read(format!("{}-wal", setup.store().display())).unwrap_or_default();
    for secret in [secret, PASSWORD] {
        let is_in = |bytes: &[u8]| bytes.windows(secret.len()).any(|of| of == secret.as_bytes());
        assert!(!is_in(&stored) && !is_in(&log), "only hashes are stored");
    }
    let listed: serde_json::Value =
        serde_json::from_slice(&user(&["list", "--json"], "").stdout).unwrap();
    assert_eq!(listed[0]["name"], "anna");
    assert_eq!(listed[0]["role"], "operator");
    assert_eq!(listed[0]["sessions"], 1);
    assert!(!listed.to_string().contains("argon2"), "{listed}");

    let out = pages.post("/logout", &cookie, &[]).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    assert!(out.header("set-cookie").starts_with("bursar=; Path=/; Max-Age=0;"));
    let replayed = pages.get("/", &cookie).await;
    assert!(
        !replayed.text.contains("anna (operator)"),
        "the session is over, whoever has its secret"
    );

    let cookie = pages.log_in("anna").await;
    let output = user(&["password", "anna", "--password-file", "-"], "another long password");
    assert!(output.status.success(), "{}", said(&output));
    assert!(!pages.get("/", &cookie).await.text.contains("anna (operator)"));
    assert_eq!(pages.try_log_in("anna", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    let cookie = pages.try_log_in("anna", "another long password").await.cookie();
    assert!(pages.get("/", &cookie).await.text.contains("anna (operator)"));
    let output = user(&["remove", "anna"], "");
    assert!(output.status.success(), "{}", said(&output));
    assert!(!pages.get("/", &cookie).await.text.contains("anna (operator)"));
    let output = user(&["remove", "anna"], "");
    assert!(said(&output).contains("there is no user anna"), "{}", said(&output));
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_reads_everything_and_changes_nothing() {
    let setup = setup().await;
    let pages = Pages::with(&setup, "requireLogin: true", "").await;
    let token = |args: &[&str]| {
        let args: Vec<_> = ["token"].iter().chain(args).copied().collect();
        command(setup.folder.path(), &args, "")
    };
    let output = token(&["add", "grafana", "--role", "operator", "--days", "30"]);
    assert!(output.status.success(), "{}", said(&output));
    let secret = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert_eq!(secret.len(), 64, "{secret}");
    let listed = said(&token(&["list"]));
    assert!(listed.contains("grafana") && !listed.contains(&secret), "{listed}");
    let bearer = format!("Bearer {secret}");
    for path in
        ["/", "/api/status", "/site/default", "/site/default/seats.csv", "/daemon", "/alerts"]
    {
        let got = pages.ask(Method::GET, path, &[("authorization", &bearer)], "").await;
        assert_eq!(got.status, 200, "{path}: {}", got.text);
        for wrong in ["Bearer ", "Bearer 0000", &format!("Basic {secret}"), &bearer.to_uppercase()]
        {
            let got = pages.ask(Method::GET, path, &[("authorization", wrong)], "").await;
            assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{path} {wrong}");
            assert!(got.header("www-authenticate").starts_with("Bearer"), "{path}");
        }
    }
    for (path, fields) in CHANGES {
        let headers = [("authorization", bearer.as_str()), ("sec-fetch-site", "same-origin"), FORM];
        let got = pages.ask(Method::POST, path, &headers, &super::form(fields)).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{path}: {}", got.text);
    }
    assert!(token(&["remove", "grafana"]).status.success());
    let got = pages.ask(Method::GET, "/api/status", &[("authorization", &bearer)], "").await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED, "it is removed");
    pages.stop().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_typed_as_a_password_is_not_shown() {
    use crate::support::terminal::typed_on_terminal;
    let setup = setup().await;
    let pages = Pages::with(&setup, "", "").await;
    let folder = setup.folder.path();
    let typed = |again: &str| {
        let mut command =
            crate::support::process::bursar(&["user", "add", "anna", "-c", "bursar.yaml"]);
        command.current_dir(folder);
        typed_on_terminal(command, &[("New password: ", PASSWORD), ("The same again: ", again)])
    };
    let (status, shown) = typed("correct horse batterx");
    assert_eq!(status.code(), Some(2), "{shown}");
    assert!(shown.contains("these are two passwords"), "{shown}");
    let (status, shown) = typed(PASSWORD);
    assert!(status.success(), "{shown}");
    assert!(!shown.contains("horse"), "{shown}");
    let cookie = pages.log_in("anna").await;
    assert!(pages.get("/", &cookie).await.text.contains("anna (viewer)"));
    assert!(pages.daemon.store().users().await.unwrap()[0].access.role == Role::Viewer);
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looks_at_names_is_told_to_the_log_once() {
    let setup = setup().await;
    setup.write(&setup.yaml("every 24 hours", "  web: {port: 0}\n"));
    let folder = setup.folder.path();
    let mut daemon = Process::start(&["run", "-c", "bursar.yaml"], folder);
    let line = daemon.wait_for("status page at http://");
    let browser = Browser::of(&line[line.find("http://").unwrap()..]);
    for (name, role) in [("olga", "operator"), ("bert", "viewer")] {
        let made = ["user", "add", name, "--role", role, "--password-file", "-"];
        let made = command(folder, &made, PASSWORD);
        assert!(made.status.success(), "{}", said(&made));
        let cookie = browser.log_in(name).await;
        for page in ["/site/default", "/site/default/changes", "/site/default/changes"] {
            assert_eq!(browser.get(page, &cookie).await.status, 200, "{page}");
        }
        browser.post("/logout", &cookie, &[]).await;
        daemon.wait_for(&format!("{name} logged out"));
    }
    let lines = daemon.kill();
    let looks: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("pages that name people are looked at by"))
        .collect();
    assert_eq!(looks.len(), 1, "{looks:?}");
    assert!(
        looks[0].contains("olga, logged in") && looks[0].contains("site=\"default\""),
        "{looks:?}"
    );
    assert!(!lines.iter().any(|line| line.contains(PASSWORD)));
}
