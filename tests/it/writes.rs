//! Who may change a site: read from the sources, so that it stays true.

use std::path::{Path, PathBuf};

/// The text of every source file below a folder, without its tests, by its path below `src`.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                sources.push((name, code(&std::fs::read_to_string(&path).unwrap())));
            }
        }
    }
    assert!(sources.len() > 100, "{} files", sources.len());
    sources
}

/// Without comments and without what comes after `#[cfg(test)]` at the beginning of a line.
fn code(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

/// The files that hold one of the words.
fn files_with(words: &[&str], among: impl Fn(&str) -> bool) -> Vec<String> {
    let mut files: Vec<String> = sources()
        .into_iter()
        .filter(|(name, text)| among(name) && words.iter().any(|word| text.contains(word)))
        .map(|(name, _)| name)
        .collect();
    files.sort();
    files
}

#[test]
fn only_release_uses_the_writer() {
    let names_it = |text: &str| {
        let imports = text.split("qrs::").skip(1).map(|rest| match rest.strip_prefix('{') {
            Some(list) => list.split_once("};").map_or(list, |(list, _)| list),
            None => rest.split(|c: char| !c.is_alphanumeric() && c != '*').next().unwrap(),
        });
        let words = imports.flat_map(|import| {
            import.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '*')))
        });
        words.into_iter().any(|word| matches!(word, "write" | "Writer" | "*"))
    };
    for (text, expected) in [
        ("use crate::qrs::write::Writer;", true),
        ("use crate::qrs::{self, Client, write};", true),
        ("use crate::qrs::{\n    Client,\n    write::{Deleted, Writer},\n};", true),
        ("use crate::qrs::*;", true),
        ("let w = bursar::qrs::write::Writer::new(client);", true),
        ("use crate::qrs::{self, Client};\nwrite();", false),
        ("use crate::qrs::Client;\nstd::fs::write(a, b);", false),
    ] {
        assert_eq!(names_it(text), expected, "{text}");
    }
    let users: Vec<String> = sources()
        .into_iter()
        // The history has a writer of its own.
        .filter(|(name, text)| {
            names_it(text) || name.starts_with("qrs/") && text.contains("write::Writer")
        })
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with("release/"))
        .collect();
    assert_eq!(users, Vec::<String>::new());
}

#[test]
fn only_the_writer_sends_anything_but_get_to_a_site() {
    let in_qrs = |name: &str| name.starts_with("qrs/");
    let sending = ["Method::", "reqwest::Method", ".post(", ".put(", ".delete(", ".patch("];
    assert_eq!(files_with(&sending, in_qrs), ["qrs/transport.rs", "qrs/write.rs"]);
    assert_eq!(
        files_with(&["transport.send(", ".transport\n            .send("], in_qrs),
        ["qrs/write.rs"]
    );
    // The transport itself sends what it is told, or GET.
    let transport = sources().into_iter().find(|(name, _)| name == "qrs/transport.rs").unwrap().1;
    let mut methods = transport.split("Method::").skip(1).map(|rest| &rest[..3]);
    assert!(methods.all(|method| method == "GET"));
    assert_eq!(transport.matches("self.send(").count(), 1, "with GET, by `found`");
    assert_eq!(files_with(&[".request("], in_qrs), ["qrs/transport.rs"]);
    assert_eq!(transport.matches(".request(").count(), 1);
    // Nobody else makes a client for a site: it takes a site's certificates or its address.
    let clients = files_with(&["reqwest::Client"], |name| !in_qrs(name));
    for file in clients {
        assert!(
            file.starts_with("destination/") || file.starts_with("cli/healthcheck"),
            "{file} talks to somebody"
        );
    }
}

#[test]
fn the_writer_repeats_nothing() {
    let writer = sources().into_iter().find(|(name, _)| name == "qrs/write.rs").unwrap().1;
    for word in ["loop", "while ", "for ", "Tries", "retry", "client.get"] {
        assert!(!writer.contains(word), "qrs/write.rs has {word:?}");
    }
    let client = sources().into_iter().find(|(name, _)| name == "qrs/http.rs").unwrap().1;
    for setting in ["retry::never()", "http1_only()", "redirect::Policy::none()"] {
        assert!(client.contains(setting), "the client is built without {setting}");
    }
}
