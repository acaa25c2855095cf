//! `email`.

use std::str::FromStr;

use lettre::Address;
use lettre::message::Mailbox;

use super::raw;
use super::settings::{Email, EmailSecurity, OAuth2};
use crate::destination::http::is_this_machine;
use crate::destination::settings::BasicAuth;
use crate::destination::template::Source;
use crate::destination::template::validate as template;
use crate::secret::Secret;
use crate::settings::{At, Check, MISSING};

pub(crate) fn settings(check: &Check<'_>, at: &At<'_>) -> Option<Email> {
    let raw: raw::Email = at.read();
    if !raw.enable {
        return None;
    }
    let host = check.host(&at.get("host"), &raw.host, "port");
    let security = match raw.security {
        raw::EmailSecurity::StartTls => EmailSecurity::StartTls,
        raw::EmailSecurity::Tls => EmailSecurity::Tls,
        raw::EmailSecurity::None => EmailSecurity::None,
    };
    let usual_port = match security {
        EmailSecurity::StartTls => 587,
        EmailSecurity::Tls => 465,
        EmailSecurity::None => 25,
    };
    let oauth2 = oauth2(check, at, &raw);
    let auth = if raw.oauth2_token_file.trim().is_empty() { auth(check, at, &raw) } else { None };
    let logs_in = auth.is_some() || oauth2.is_some();
    if security == EmailSecurity::None && logs_in && !is_this_machine(&host) {
        check.warn(
            &at.get("security"),
            match oauth2 {
                Some(_) => "the token goes over the network unencrypted",
                None => "the password goes over the network unencrypted",
            },
            "set it to starttls or tls",
        );
    }
    if security != EmailSecurity::None && !raw.reject_unauthorized {
        check.warn(
            &at.get("rejectUnauthorized"),
            "the mail server's certificate is not verified: anybody in between can read the password",
            "set it to true, and certCA to the mail server's certificate authority",
        );
    }
    let from = sender(check, &at.get("from"), raw.from.trim());
    let to = recipients(check, &at.get("to"), &raw.to);
    let cc = recipients(check, &at.get("cc"), &raw.cc);
    if raw.to.is_empty() && raw.cc.is_empty() {
        check.error(&at.get("to"), "nobody gets the mail", "write at least one address");
    }
    Some(Email {
        host,
        port: raw.port.map_or(usual_port, |port| check.port(port)),
        security,
        ca_cert: check.optional_path(&raw.cert_ca),
        reject_unauthorized: raw.reject_unauthorized,
        server_name: check.server_name(&at.get("serverName"), &raw.server_name),
        auth,
        oauth2,
        hello_name: hello_name(check, &at.get("helloName"), raw.hello_name.trim()),
        from: from?,
        to,
        cc,
        timeout: check.seconds(raw.timeout_seconds),
        subject: words(check, at, "subjectTemplate", &raw.subject_template, "", "text/plain"),
        text: words(
            check,
            at,
            "textTemplate",
            &raw.text_template,
            &raw.text_template_file,
            "text/plain",
        ),
        html: words(
            check,
            at,
            "htmlTemplate",
            &raw.html_template,
            &raw.html_template_file,
            "text/html",
        ),
    })
}

/// A template, tried on every kind of event: which monitors send mail is up to each site.
fn words(
    check: &Check<'_>,
    at: &At<'_>,
    key: &str,
    text: &str,
    file: &str,
    content_type: &str,
) -> Option<Source> {
    let written = template::Written { key, text, file, content_type, values: &[] };
    template::source(check, at, &written, |_| true)
}

fn auth(check: &Check<'_>, at: &At<'_>, raw: &raw::Email) -> Option<BasicAuth> {
    let username = raw.username.trim().to_owned();
    match (username.is_empty(), raw.password.0.is_empty()) {
        (true, true) => None,
        (true, false) => {
            check.error(
                &at.get("username"),
                "there is a password but no user name",
                "write the user's name, or remove the password",
            );
            None
        }
        (false, true) => {
            check.error(
                &at.get("password"),
                "there is a user name but no password",
                "write the password, as ${env:NAME} or ${file:/path}, or remove the user name",
            );
            None
        }
        (false, false) => {
            Some(BasicAuth { username, password: Secret::new(raw.password.0.clone()) })
        }
    }
}

fn oauth2(check: &Check<'_>, at: &At<'_>, raw: &raw::Email) -> Option<OAuth2> {
    let token_file = check.optional_path(&raw.oauth2_token_file)?;
    if !raw.password.0.is_empty() {
        check.error(&at.get("oauth2TokenFile"), "there is a password, too", "keep one of them");
    }
    let username = check.required(
        &at.get("username"),
        &raw.username,
        "write the address of the mailbox that the token is for",
    );
    Some(OAuth2 { username, token_file })
}

fn hello_name(check: &Check<'_>, at: &At<'_>, name: &str) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if !name.chars().all(fits) {
        let what = format!("{} is not the name of a machine", at.quoted(name));
        check.error(at, what, "write letters, digits, dots and - only");
    }
    Some(name.to_owned())
}

fn sender(check: &Check<'_>, at: &At<'_>, text: &str) -> Option<Mailbox> {
    if text.is_empty() {
        check.error(at, MISSING, "write an address that the mail server lets you send as");
        return None;
    }
    address(check, at, text)
}

/// Each address once: a mail server would send it twice to the same person.
fn recipients(check: &Check<'_>, at: &At<'_>, list: &[String]) -> Vec<Mailbox> {
    let mut found: Vec<Mailbox> = Vec::new();
    for (text, at) in list.iter().zip(at.items()) {
        let Some(mailbox) = address(check, &at, text.trim()) else { continue };
        if found.iter().any(|other| other.email == mailbox.email) {
            check.warn(&at, "this address is there already", "keep one of them");
        } else {
            found.push(mailbox);
        }
    }
    found
}

/// The domain in ASCII, so that every mail server takes it.
fn address(check: &Check<'_>, at: &At<'_>, text: &str) -> Option<Mailbox> {
    const FIX: &str = "write it as name@example.com or Some Name <name@example.com>";
    let Ok(mailbox) = Mailbox::from_str(text) else {
        check.error(at, "this is not an e-mail address", FIX);
        return None;
    };
    let (user, domain) = (mailbox.email.user(), mailbox.email.domain());
    if !user.is_ascii() {
        check.error(
            at,
            "the part before the @ holds letters that most mail servers do not take",
            "write an address with English letters only",
        );
        return None;
    }
    let domain = match domain.is_ascii() {
        true => domain.to_owned(),
        false => url::Host::parse(domain).map(|host| host.to_string()).unwrap_or_default(),
    };
    match Address::new(user, domain) {
        Ok(email) => Some(Mailbox { name: mailbox.name, email }),
        Err(_) => {
            check.error(at, "this is not an e-mail address", FIX);
            None
        }
    }
}
