//! `bursar man`: manual pages.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::CommandFactory;

use super::{Arguments, Exit};
use crate::output::{self, Existing};

/// Print the manual page of a command, or write those of all
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar man > bursar.1\n  bursar man release plan | man -l -\n  bursar man --folder /usr/local/share/man/man1"
)]
pub(crate) struct Man {
    /// Words of the command, such as release plan [default: the program]
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
    /// Write a page for each command into this folder, which has to be there
    #[arg(long, value_name = "DIR", conflicts_with = "words")]
    folder: Option<PathBuf>,
}

impl Man {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let mut program = Arguments::command();
        program.build();
        if let Some(folder) = &self.folder {
            write(&program, "bursar", folder)?;
            return Ok(Exit::Ok);
        }
        let (mut command, mut name) = (&program, "bursar".to_owned());
        for word in &self.words {
            let Some(found) = command.find_subcommand(word) else {
                errln!("bursar: there is no command {}", crate::plain::one_line(word));
                return Ok(Exit::Unusable);
            };
            command = found;
            name = format!("{name}-{}", found.get_name());
        }
        std::io::stdout().write_all(&page(command, &name)?)?;
        Ok(Exit::Ok)
    }
}

fn page(command: &clap::Command, name: &str) -> anyhow::Result<Vec<u8>> {
    // The name that man looks for; `usage` has it in words.
    let called: &'static str = Box::leak(name.to_owned().into_boxed_str());
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone().name(called).display_name(called)).render(&mut text)?;
    Ok(text)
}

/// The page of a command, and those of all below it.
fn write(command: &clap::Command, name: &str, folder: &Path) -> anyhow::Result<()> {
    let file = folder.join(format!("{name}.1"));
    output::write_file(&file, Existing::Replace, &page(command, name)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    for below in command.get_subcommands() {
        if below.get_name() != "help" && !below.is_hide_set() {
            write(below, &format!("{name}-{}", below.get_name()), folder)?;
        }
    }
    Ok(())
}
