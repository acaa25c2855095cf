//! Names of MQTT, proxies of webhooks, tokens of mail.

use bursar::destination::http::Proxy;
use bursar::destination::mqtt::settings::{Mqtt, StatusTopic};
use bursar::destination::registry::Configured;

use super::{environment, load, warnings, working};

fn text(section: &str) -> String {
    working(&format!(
        "      destination: {{mqtt: {{enable: true, sendAlert: {{enable: true}}}}, webhook: {{enable: true, sendAlert: {{enable: true}}}}, email: {{enable: true, sendAlert: {{enable: true}}}}}}\n  {section}\n"
    ))
}

fn destinations(section: &str) -> Configured {
    let loaded = load(&text(section), &environment());
    loaded.unwrap_or_else(|problems| panic!("{problems}\n{section}")).settings.destinations
}

/// What is said of these destinations, without the file's name and of nothing else.
fn said(section: &str) -> String {
    let all = match load(&text(section), &environment()) {
        Ok(loaded) => warnings(&loaded),
        Err(problems) => format!("{problems}\n"),
    };
    let ours = |line: &&str| !line.contains("nothing is sent");
    all.replace("conf/x.yaml:", "").lines().filter(ours).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_status_topic_follows_the_root_of_the_configured_topics() {
    let mqtt = |more: &str| -> Mqtt {
        destinations(&format!("mqttConfig: {{enable: true, brokerHost: b{more}}}")).mqtt.unwrap()
    };
    let below = |root: &str| StatusTopic::Below(root.to_owned());
    let named = |topic: &str| StatusTopic::Named(topic.to_owned());
    for (more, status) in [
        ("", below("bursar")),
        (", qlikSenseServerLicenseTopic: qliksense/butler/license", below("qliksense/butler")),
        (", bursarAlertTopic: acme/alerts", below("acme")),
        (", statusTopic: acme/up", named("acme/up")),
        (", statusTopic: ''", StatusTopic::Off),
        (", bursarStatusTopic: acme/old", named("acme/old")),
        (", bursarStatusTopic: acme/old, statusTopic: acme/up", named("acme/up")),
    ] {
        assert_eq!(mqtt(more).status, status, "{more}");
    }
    assert_eq!(mqtt("").client_id, None);
    assert_eq!(mqtt(", clientId: mine").client_id.as_deref(), Some("mine"));
    let both =
        "mqttConfig: {enable: true, brokerHost: b, bursarStatusTopic: a/b, statusTopic: a/c}";
    insta::assert_snapshot!(said(both), @"18:64: warning: Butler.mqttConfig.bursarStatusTopic: statusTopic is written, too, and wins; remove this key");
    insta::assert_snapshot!(said("mqttConfig: {enable: true, brokerHost: b, statusTopic: a/#}"), @r#"18:58: Butler.mqttConfig.statusTopic: "a/#" can't be published to; write a topic without + and #"#);
}

#[test]
fn a_webhook_may_have_a_proxy_of_its_own() {
    let section = |proxy: &str| {
        format!(
            "webhookNotification: {{enable: true, qlikSenseServerLicenseExpiryAlert: {{webhooks: [{{webhookURL: 'https://a.example', proxy: '{proxy}'}}]}}}}"
        )
    };
    let proxy = |text: &str| destinations(&section(text)).webhooks.remove(0).proxy;
    assert_eq!(proxy(""), Proxy::Environment);
    assert_eq!(proxy("none"), Proxy::Direct);
    let address = "http://me:s3cret@proxy.example:3128";
    assert_eq!(proxy(address), Proxy::At(address.parse().unwrap()));
    for wrong in ["ftp://me:s3cret@proxy.example", "proxy:3128"] {
        assert!(!said(&section(wrong)).contains("s3cret"));
    }
    insta::assert_snapshot!(said(&section("ftp://me:s3cret@proxy.example")), @"18:127: Butler.webhookNotification.qlikSenseServerLicenseExpiryAlert.webhooks[0].proxy: ftp:// is not HTTP; write https:// or http:// in front");
    insta::assert_snapshot!(said(&section("proxy.example:3128")), @"18:127: Butler.webhookNotification.qlikSenseServerLicenseExpiryAlert.webhooks[0].proxy: the address has no scheme; write https:// or http:// in front");
}

#[test]
fn a_token_file_takes_the_place_of_a_password() {
    let section = |more: &str| {
        format!(
            "email: {{enable: true, host: smtp.example.com, from: a@example.com, to: [b@example.com]{more}}}"
        )
    };
    let token = ", username: a@example.com, oauth2TokenFile: /run/token";
    let email = destinations(&section(token)).email.unwrap();
    let oauth2 = email.oauth2.unwrap();
    assert_eq!(oauth2.username, "a@example.com");
    assert_eq!(oauth2.token_file, std::path::Path::new("/run/token"));
    assert_eq!(email.auth, None);
    insta::assert_snapshot!(said(&section(", oauth2TokenFile: /run/token, password: s3cret")), @"
    18:10: Butler.email.username: this is missing; write the address of the mailbox that the token is for
    18:108: Butler.email.oauth2TokenFile: there is a password, too; keep one of them
    ");
    insta::assert_snapshot!(said(&section(&format!("{token}, security: none"))), @"18:155: warning: Butler.email.security: the token goes over the network unencrypted; set it to starttls or tls");
}

/// A switch has three parts, and one of them alone sends nothing.
#[test]
fn a_switch_that_sends_nothing_is_warned_of() {
    let of = |switch: &str| {
        let more = format!(
            "      destination: {{email: {{{switch}}}}}\n  email: {{enable: true, host: mail, from: a@b.example, to: [c@d.example]}}\n"
        );
        warnings(&load(&working(&more), &environment()).unwrap_or_else(|e| panic!("{e}")))
    };
    let off = of("enable: true");
    assert!(
        off.contains("email.enable: nothing is sent: sendRecurring.enable and sendAlert"),
        "{off}"
    );
    let beside = of("sendRecurring: {enable: true}");
    assert!(
        beside.contains("destination.email: nothing is sent: enable is not written"),
        "{beside}"
    );
    for fine in
        ["enable: true, sendAlert: {enable: true}", "enable: false, sendAlert: {enable: true}", ""]
    {
        let said = of(fine);
        assert!(!said.contains("nothing is sent"), "{fine}: {said}");
    }
}
