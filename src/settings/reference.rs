//! `${env:NAME}`, `${file:/path}` and `${credential:NAME}` in texts.
//!
//! They are resolved after the YAML is parsed, so a value can't break out of its place.

use std::path::Path;

use super::environment::Environment;

/// Why a reference can't be resolved. The value never shows in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unresolved {
    pub(crate) what: String,
    pub(crate) fix: String,
    /// It is written as it has to be, and what it leads to isn't there (yet).
    pub(crate) absent: bool,
}

/// The text with its references replaced, and the references as written.
pub(crate) fn resolve(
    text: &str,
    env: &dyn Environment,
) -> Result<(String, Vec<String>), Vec<Unresolved>> {
    let mut out = String::with_capacity(text.len());
    let mut references = Vec::new();
    let mut unresolved = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        if let Some(before) = rest[..start].strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = &rest[start + 2..];
            continue;
        }
        out.push_str(&rest[..start]);
        let Some(length) = rest[start..].find('}') else {
            unresolved.push(Unresolved {
                what: "\"${\" is not closed by \"}\"".to_owned(),
                fix: "close it, or write $${ for the two signs themselves".to_owned(),
                absent: false,
            });
            rest = "";
            break;
        };
        let reference = &rest[start..=start + length];
        match look_up(&reference[2..reference.len() - 1], env) {
            Ok(value) => out.push_str(&value),
            Err(problem) => unresolved.push(problem),
        }
        references.push(reference.to_owned());
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    if unresolved.is_empty() { Ok((out, references)) } else { Err(unresolved) }
}

fn look_up(inner: &str, env: &dyn Environment) -> Result<String, Unresolved> {
    let unresolved = |what: String, fix: String| Err(Unresolved { what, fix, absent: false });
    let absent = |what: String, fix: String| Err(Unresolved { what, fix, absent: true });
    match inner.split_once(':') {
        Some(("env", name)) => env.variable(name).map_or_else(
            || {
                absent(
                    format!("the environment variable {name} is not set"),
                    format!("set {name} for the process that runs bursar"),
                )
            },
            Ok,
        ),
        Some(("file", path)) => read(Path::new(path), env),
        Some(("credential", name)) => {
            if name.is_empty() || name.contains(['/', '\\']) {
                return unresolved(
                    format!("\"{name}\" is not the name of a credential"),
                    "write the name alone, as in LoadCredential=NAME:/path".to_owned(),
                );
            }
            match env.variable("CREDENTIALS_DIRECTORY") {
                Some(folder) => read(&Path::new(&folder).join(name), env),
                None => absent(
                    format!("the credential {name} is not there: CREDENTIALS_DIRECTORY is not set"),
                    format!("add LoadCredential={name}:/path/to/file to the systemd unit"),
                ),
            }
        }
        _ => unresolved(
            format!("${{{inner}}} is not a reference"),
            "write ${env:NAME}, ${file:/path} or ${credential:NAME}, \
             or $${ for the two signs themselves"
                .to_owned(),
        ),
    }
}

/// A secret's file usually ends in a line break that isn't part of the secret.
fn read(path: &Path, env: &dyn Environment) -> Result<String, Unresolved> {
    match env.read(path) {
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(error) => Err(Unresolved {
            what: format!("cannot read {}: {error}", path.display()),
            fix: "create the file, or let the user that runs bursar read it".to_owned(),
            absent: true,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::environment::FixedEnvironment;
    use super::*;

    fn env() -> FixedEnvironment {
        let mut env = FixedEnvironment::default();
        env.variables.insert("A".into(), "one".into());
        env.variables.insert("CREDENTIALS_DIRECTORY".into(), "/run/credentials/x".into());
        env.files.insert("/run/credentials/x/token".into(), "t0k\r\n".into());
        env.files.insert("/etc/pw".into(), "p w\n\n".into());
        env
    }

    #[test]
    fn references_are_replaced_and_listed() {
        let text = "<${env:A}|${file:/etc/pw}|${credential:token}|$${env:A}|$5>";
        let (out, references) = resolve(text, &env()).unwrap();
        assert_eq!(out, "<one|p w|t0k|${env:A}|$5>");
        assert_eq!(references, ["${env:A}", "${file:/etc/pw}", "${credential:token}"]);
    }

    #[test]
    fn what_is_missing_is_said_all_at_once() {
        let text = "${env:NOPE} ${file:/nope} ${credential:../x} ${ENV:A} ${env:A";
        let problems = resolve(text, &env()).unwrap_err();
        let lines: Vec<String> =
            problems.iter().map(|p| format!("{}; {}", p.what, p.fix)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
    the environment variable NOPE is not set; set NOPE for the process that runs bursar
    cannot read /nope: entity not found; create the file, or let the user that runs bursar read it
    "../x" is not the name of a credential; write the name alone, as in LoadCredential=NAME:/path
    ${ENV:A} is not a reference; write ${env:NAME}, ${file:/path} or ${credential:NAME}, or $${ for the two signs themselves
    "${" is not closed by "}"; close it, or write $${ for the two signs themselves
    "#);
    }
}
