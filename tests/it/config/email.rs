//! `email`: what is wrong with the settings of the mail server.

use bursar::destination::email::settings::{Email, EmailSecurity};

use super::{environment, load, warnings, working};

fn with_email(email: &str) -> String {
    let mut text = working(
        "      destination: {email: {enable: true, sendAlert: {enable: true}}}\n  email:\n",
    );
    for line in email.lines() {
        text.push_str(&format!("    {line}\n"));
    }
    text
}

const WORKING: &str = "enable: true\nhost: smtp.example.com\nfrom: Bursar <bursar@example.com>\n\
                       to: ['Ada <ada@example.com>', bob@münchen.example]";

fn email(more: &str) -> Email {
    let text = with_email(&format!("{WORKING}\n{more}"));
    load(&text, &environment())
        .unwrap_or_else(|e| panic!("{e}\n{text}"))
        .settings
        .destinations
        .email
        .unwrap()
}

/// Warnings or errors, without the file's name.
fn said(email: &str) -> String {
    let all = match load(&with_email(email), &environment()) {
        Ok(loaded) => warnings(&loaded),
        Err(problems) => format!("{problems}\n"),
    };
    all.replace("conf/x.yaml:", "")
}

#[test]
fn the_port_follows_the_encryption() {
    let port = |more: &str| (email(more).security, email(more).port);
    assert_eq!(port(""), (EmailSecurity::StartTls, 587));
    assert_eq!(port("security: tls"), (EmailSecurity::Tls, 465));
    assert_eq!(port("security: none"), (EmailSecurity::None, 25));
    assert_eq!(port("port: 2525"), (EmailSecurity::StartTls, 2525));
}

#[test]
fn addresses_may_have_names_and_other_letters_in_the_domain() {
    let to = email("").to;
    assert_eq!(to[0].name.as_deref(), Some("Ada"));
    assert_eq!(to[1].email.to_string(), "bob@xn--mnchen-3ya.example");
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    insta::assert_snapshot!(said("enable: true"), @"
    19:5: Butler.email.host: this is missing; write the server's name or IP address
    19:5: Butler.email.from: this is missing; write an address that the mail server lets you send as
    19:5: Butler.email.to: nobody gets the mail; write at least one address
    ");
    insta::assert_snapshot!(said("enable: false"), @"17:37: warning: Butler.qlikSenseLicense.serverLicenseMonitor.destination.email.enable: nothing is sent: Butler.email is off; set Butler.email.enable: true, or this to false");
    let wrong = "enable: true\nhost: smtp://mail\nsecurity: ssl\npassword: s3cret\nfrom: me\n\
                 to: [ada, ödön@example.com]\nhelloName: a b";
    let text = said(wrong);
    assert!(!text.contains("s3cret"), "{text}");
    insta::assert_snapshot!(text, @r#"
    19:5: Butler.email.username: there is a password but no user name; write the user's name, or remove the password
    20:11: Butler.email.host: "smtp://mail" is not a name or address; write the name or IP address alone, without scheme and path
    21:15: Butler.email.security: "ssl" is not one of the choices; write starttls, tls or none
    23:11: Butler.email.from: this is not an e-mail address; write it as name@example.com or Some Name <name@example.com>
    24:10: Butler.email.to[0]: this is not an e-mail address; write it as name@example.com or Some Name <name@example.com>
    24:15: Butler.email.to[1]: the part before the @ holds letters that most mail servers do not take; write an address with English letters only
    25:16: Butler.email.helloName: "a b" is not the name of a machine; write letters, digits, dots and - only
    "#);
    insta::assert_snapshot!(said(&format!("{WORKING}\nusername: me")), @"19:5: Butler.email.password: there is a user name but no password; write the password, as ${env:NAME} or ${file:/path}, or remove the user name");
    insta::assert_snapshot!(
        said(&format!("{WORKING}\nsecurity: none\nusername: me\npassword: s3cret")), @"23:15: warning: Butler.email.security: the password goes over the network unencrypted; set it to starttls or tls");
    insta::assert_snapshot!(
        said(&format!("{WORKING}\nrejectUnauthorized: false\ncc: [ada@example.com, ada@example.com]")), @"
        23:25: warning: Butler.email.rejectUnauthorized: the mail server's certificate is not verified: anybody in between can read the password; set it to true, and certCA to the mail server's certificate authority
        24:27: warning: Butler.email.cc[1]: this address is there already; keep one of them
        ");
    insta::assert_snapshot!(said(&format!("{WORKING}\ntextTemplate: 'Hi {{{{alert.title}}}}'")), @r#"23:19: Butler.email.textTemplate: line 1, column 4 of the template: it fails on serverLicenseStatus (expiring): there is no "alert.title" in this event; did you mean alert? or write {{default NAME ""}} or {{#if (has NAME)}} for what not every event has; all names are in docs/templates-reference.md"#);
    insta::assert_snapshot!(
        said(&format!("{WORKING}\nsubjectTemplate: '{{{{#if alert}}}}{{{{alert.title}}}}{{{{/if}}}}'")), @"");
}
