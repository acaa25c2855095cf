//! A new password: typed twice without being shown, or from a file.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::credential::LENGTHS;
use crate::input;

/// Bytes of a file with a password.
const MOST: u64 = 4096;

#[derive(Debug, clap::Args)]
pub(super) struct From {
    /// File whose first line is the password, - for standard input; without it, it is asked for on the terminal
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl From {
    /// The password, or why it is none.
    ///
    /// # Errors
    /// When it can't be read.
    pub(super) fn read(&self) -> anyhow::Result<Result<String, String>> {
        let password = match &self.password_file {
            Some(file) => match first_line(file)? {
                Some(password) => password,
                None => return Ok(Err("the password is no text in UTF-8".to_owned())),
            },
            None if !std::io::stdin().is_terminal() => {
                let why =
                    "there is nobody to ask here; name a file with the password: --password-file";
                return Ok(Err(why.to_owned()));
            }
            None => {
                let first = asked("New password: ")?;
                if let Err(why) = is_usable(&first) {
                    return Ok(Err(why));
                }
                if asked("The same again: ")? != first {
                    return Ok(Err("these are two passwords: nothing was changed".to_owned()));
                }
                first
            }
        };
        Ok(is_usable(&password).map(|()| password))
    }
}

fn first_line(file: &Path) -> anyhow::Result<Option<String>> {
    let read = if file == Path::new("-") {
        input::read_stream(std::io::stdin().lock(), MOST)
    } else {
        input::read(file, MOST)
    };
    let bytes =
        read.with_context(|| format!("cannot read the password from {}", file.display()))?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Ok(std::str::from_utf8(line).ok().map(str::to_owned))
}

fn is_usable(password: &str) -> Result<(), String> {
    let length = password.chars().count();
    match LENGTHS.contains(&length) {
        true => Ok(()),
        false => Err(format!(
            "a password has {} to {} characters, and this one has {length}",
            LENGTHS.start(),
            LENGTHS.end()
        )),
    }
}

#[cfg(unix)]
fn asked(what: &str) -> anyhow::Result<String> {
    use std::io::BufRead;

    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

    /// Shows again what is typed, however this ends.
    struct Shown(rustix::termios::Termios);

    impl Drop for Shown {
        fn drop(&mut self) {
            // Whoever closed the terminal types nothing more.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
        }
    }

    let before = tcgetattr(std::io::stdin()).context("the terminal can't be asked")?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    let shown = Shown(before);
    tcsetattr(std::io::stdin(), OptionalActions::Flush, &hidden)
        .context("the terminal would show the password")?;
    err!("{what}");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    drop(shown);
    errln!("");
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(windows)]
fn asked(what: &str) -> anyhow::Result<String> {
    err!("{what}");
    Ok(rpassword::read_password()?)
}
