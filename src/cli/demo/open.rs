//! Shows an address in the browser of whoever sits here.

use std::process::{Command, Stdio};

/// What the system opens addresses with.
#[cfg(target_os = "macos")]
const OPENER: (&str, &[&str]) = ("open", &[]);
#[cfg(windows)]
const OPENER: (&str, &[&str]) = ("cmd", &["/c", "start", ""]);
#[cfg(not(any(windows, target_os = "macos")))]
const OPENER: (&str, &[&str]) = ("xdg-open", &[]);

/// Opens it beside what goes on here; says so when that doesn't work.
pub(super) fn open(address: &str) {
    let (program, args) = OPENER;
    let failed = move |address: &str, why: &str| {
        errln!("bursar: no browser could be opened ({program}: {why}); open {address} yourself");
    };
    let quiet = || Stdio::null();
    let mut command = Command::new(program);
    command.args(args).arg(address).stdin(quiet()).stdout(quiet()).stderr(quiet());
    match command.spawn() {
        Err(error) => failed(address, &error.to_string()),
        // Some openers last as long as the browser.
        Ok(mut opener) => {
            let address = address.to_owned();
            std::thread::spawn(move || match opener.wait() {
                Ok(status) if status.success() => {}
                Ok(status) => failed(&address, &status.to_string()),
                Err(error) => failed(&address, &error.to_string()),
            });
        }
    }
}
