//! The settings: the shipped files, a whole Butler file, and what is said about broken ones.

use std::path::{Path, PathBuf};

use bursar::config::{FixedEnvironment, Loaded, Problems, load_text};

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn environment() -> FixedEnvironment {
    FixedEnvironment { now: "2026-11-24T12:00:00Z".parse().unwrap(), ..Default::default() }
}

fn read(name: &str) -> Result<Loaded, Problems> {
    let text = std::fs::read_to_string(repository().join(name)).unwrap();
    load_text(&text, Path::new(name), &environment())
}

fn warnings(loaded: &Loaded) -> String {
    loaded.warnings.iter().map(|w| format!("{w}\n")).collect()
}

#[test]
fn the_short_config_loads() {
    let loaded = read("config/bursar.yaml").unwrap();
    assert_eq!(warnings(&loaded), "");
    let site = &loaded.settings.sites[0];
    assert_eq!(site.connection.tls_server_name.as_deref(), Some("qlik.example.com"));
    assert!(site.server_license.is_some() && site.access_license.is_some());
}

#[test]
fn the_butler_shaped_config_loads() {
    let loaded = read("config/butler-shaped.yaml").unwrap();
    insta::assert_snapshot!(warnings(&loaded), @"config/butler-shaped.yaml:169:25: warning: Butler.configQRS.rejectUnauthorized: the server's certificate is not verified: anybody in between can read and change what is sent; set it to true, and tlsServerName to the name in the server's certificate");
    let settings = &loaded.settings;
    assert!(settings.influxdb.is_some() && settings.mqtt.is_some());
    assert_eq!(settings.webhooks.len(), 3);
    assert_eq!(settings.unimplemented, Vec::<String>::new());
}

/// Compares a committed file with what the code makes of it, or writes it.
fn generated(name: &str, text: &str) {
    let path = repository().join(name);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(
        committed == text,
        "{name} is not what the code makes; write it anew with: \
         UPDATE_GENERATED=1 cargo test --test it config::"
    );
}

#[test]
fn the_reference_page_is_up_to_date() {
    generated("docs/configuration.md", &bursar::config::reference_markdown());
}

#[test]
fn the_schema_is_up_to_date() {
    generated("config/bursar.schema.json", &bursar::config::json_schema());
}

#[test]
fn the_annotated_example_loads() {
    let text = bursar::config::default_yaml();
    let loaded = load_text(&text, Path::new("default.yaml"), &environment());
    let loaded = loaded.unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert!(!loaded.settings.sites.is_empty());
}
