//! Files that a person names and that are none: an error at once, in every command.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use bursar::simulator::Scenario;

use crate::support::process;
use crate::support::setup::Setup;

/// Things that are no file, with what is said of them.
fn no_files(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    let socket = folder.join("socket");
    std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let pipe = folder.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let link = folder.join("link");
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    let large = folder.join("large");
    // A file with a hole takes no room.
    std::fs::File::create(&large).unwrap().set_len(600 << 20).unwrap();
    vec![
        ("/dev/zero".into(), "it is a device, not a regular file"),
        (link, "it is a device, not a regular file"),
        (pipe, "it is a pipe, not a regular file"),
        (socket, "it is a socket, not a regular file"),
        (folder.into(), "it is a folder"),
        ("/proc/kmsg".into(), "it is made by the kernel while it is read"),
        (large, "it has more than"),
    ]
}

/// Runs a command, which has to end by itself and soon.
#[track_caller]
fn run(args: &[&str], folder: &Path) -> Output {
    let began = Instant::now();
    let output = process::bursar(args).current_dir(folder).output().unwrap();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(30), "{args:?} took {took:?}");
    output
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

#[tokio::test]
async fn what_is_no_file_is_an_error_at_once() {
    let setup = Setup::new(Scenario::default()).await;
    let yaml = setup.yaml("every 6 hours", "");
    let folder = setup.folder.path().to_owned();
    let certificates = folder.join("certificates");
    let names = ["client.pem", "client_key.pem", "root.pem"];
    let whole = move || {
        for (path, expected) in no_files(&folder) {
            let name = path.to_str().unwrap();
            // Who may not read the kernel's messages is told that.
            let refused = "denied";
            let check = |what: &str, output: Output| {
                let said = said(&output);
                assert!(!output.status.success(), "{what} {name}: {said}");
                let told = said.contains(expected) || said.contains(refused);
                assert!(told, "{what} {name}: {said}");
            };
            check("-c", run(&["check", "-c", name], &folder));
            for file in names {
                let at = certificates.join(file);
                let yaml = yaml.replace(at.to_str().unwrap(), name);
                std::fs::write(folder.join("bursar.yaml"), yaml).unwrap();
                check(file, run(&["config", "check", "-c", "bursar.yaml"], &folder));
            }
            let secret = yaml.replace("logLevel: info", &format!("logLevel: ${{file:{name}}}"));
            std::fs::write(folder.join("bursar.yaml"), secret).unwrap();
            check("${file:}", run(&["config", "check", "-c", "bursar.yaml"], &folder));
            std::fs::write(folder.join("bursar.yaml"), &yaml).unwrap();
            check(
                "a plan",
                run(&["release", "apply", "-c", "bursar.yaml", name, "--yes"], &folder),
            );
            if !expected.starts_with("it has more") {
                check("an archive", run(&["audit", "verify", "--file", name], &folder));
                let store = yaml.replace(setup.store().to_str().unwrap(), name);
                std::fs::write(folder.join("bursar.yaml"), store).unwrap();
                check("the store", run(&["status", "-c", "bursar.yaml"], &folder));
                check("the store", run(&["check", "-c", "bursar.yaml"], &folder));
            }
        }
    };
    tokio::task::spawn_blocking(whole).await.unwrap();
}

/// Both were slow once: 3.6 s for a page of aliases, and time by the square of the unknown keys.
#[tokio::test]
async fn hostile_settings_are_refused_at_once() {
    let setup = Setup::new(Scenario::default()).await;
    let folder = setup.folder.path().to_owned();
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for i in 1..12 {
        let last = format!("*a{}", i - 1);
        bomb += &format!("a{i}: &a{i} [{}]\n", vec![last; 9].join(","));
    }
    let mut unknown = setup.yaml("every 6 hours", "");
    for n in 0..20_000 {
        unknown += &format!("  notASetting{n}: 1\n");
    }
    let whole = move || {
        std::fs::write(folder.join("bomb.yaml"), bomb).unwrap();
        let output = run(&["check", "-c", "bomb.yaml"], &folder);
        assert_eq!(output.status.code(), Some(2));
        let said = said(&output);
        assert!(said.contains("bomb.yaml:"), "{said}");
        assert!(said.contains("its aliases repeat more than any settings file needs"), "{said}");

        std::fs::write(folder.join("unknown.yaml"), unknown).unwrap();
        let output = run(&["check", "-c", "unknown.yaml"], &folder);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.matches("this is not a setting").count(), 20_000);
    };
    tokio::task::spawn_blocking(whole).await.unwrap();
}
