//! Help as a terminal shows it: each line of an example stays a command when it is pasted.

use clap::builder::StyledStr;

use crate::plain::width;
use crate::terminal;

/// As wide as help is where nobody says how wide the terminal is.
const USUAL: usize = 100;

/// The command and all below it, with examples that fit the terminal.
pub(super) fn fitted(command: clap::Command) -> clap::Command {
    let said = || std::env::var("COLUMNS").ok()?.parse().ok();
    let columns = terminal::columns().or_else(said).unwrap_or(USUAL).clamp(40, USUAL);
    fitted_to(command.term_width(columns), columns)
}

fn fitted_to(mut command: clap::Command, columns: usize) -> clap::Command {
    if let Some(after) = command.get_after_help().map(StyledStr::to_string) {
        command = command.after_help(examples(&after, columns));
    }
    command.mut_subcommands(|below| fitted_to(below, columns))
}

/// What a command does stands behind `#`, and a command that is longer than a line goes on behind a backslash.
fn examples(text: &str, columns: usize) -> String {
    let mut out = Vec::new();
    let whole = text.replace(" \\\n      ", " ");
    for line in whole.split('\n') {
        if !line.starts_with("  bursar ") && !line.starts_with("  curl ") {
            out.push(line.to_owned());
            continue;
        }
        let (command, says) = parted(line);
        match says {
            Some(says) if width(command) + width(says) + 5 <= columns => {
                let place = line.len() - says.len();
                // In the column where its neighbours have theirs, as far as there is room.
                let gap = (place.saturating_sub(command.len())).max(3) - 2;
                let room = columns.saturating_sub(width(command) + 2 + width(says)).max(1);
                out.push(format!("{command}{}# {says}", " ".repeat(gap.min(room))));
            }
            Some(says) => {
                out.extend(comment(says, columns));
                out.extend(folded(command, columns));
            }
            None => out.extend(folded(command, columns)),
        }
    }
    out.join("\n")
}

/// A command, and what is said of it: behind two blanks at least, in words.
fn parted(line: &str) -> (&str, Option<&str>) {
    let blanks = line.match_indices("  ").filter(|(at, _)| *at > 0);
    let says = blanks.map(|(at, _)| (at, line[at..].trim_start()));
    let is_said = |(_, rest): &(usize, &str)| rest.starts_with(|sign: char| sign.is_alphabetic());
    match says.into_iter().find(is_said) {
        Some((at, says)) => (line[..at].trim_end(), Some(says)),
        None => (line, None),
    }
}

/// What is said of a command that has no room beside it: above it.
fn comment(says: &str, columns: usize) -> Vec<String> {
    let mut lines = vec!["  #".to_owned()];
    for word in says.split(' ') {
        if lines.last().is_some_and(|line| width(line) + 1 + width(word) > columns) {
            lines.push("  #".to_owned());
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines
}

/// A command on as many lines as it takes, each but the last with a backslash at its end. It is parted at blanks outside of
/// quotes.
fn folded(command: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words(command.trim_start()) {
        let Some(line) = lines.last_mut() else { break };
        let indent = if line.is_empty() { "  " } else { " " };
        // Room for the backslash.
        if width(line) + 1 + width(word) + 2 > columns && !line.trim().is_empty() {
            line.push_str(" \\");
            lines.push(format!("      {word}"));
        } else {
            line.push_str(indent);
            line.push_str(word);
        }
    }
    lines
}

fn words(command: &str) -> Vec<&str> {
    let (mut words, mut start, mut quote) = (Vec::new(), 0, None);
    for (at, sign) in command.char_indices() {
        match (sign, quote) {
            ('\'' | '"', None) => quote = Some(sign),
            (sign, Some(open)) if sign == open => quote = None,
            (' ', None) => {
                words.push(&command[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&command[start..]);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_that_are_longer_than_a_line_stay_commands() {
        let text = "Examples:\n  bursar a -c b.yaml                 plan now, show it\n  bursar silence -c bursar.yaml --rule seatsLow --why 'the order is placed'\n  bursar undo -c b.yaml 0199c2f4-1a2b-7c3d    a run, as `release history` shows it";
        insta::assert_snapshot!(examples(text, 50), @r"
        Examples:
          bursar a -c b.yaml           # plan now, show it
          bursar silence -c bursar.yaml --rule seatsLow \
              --why 'the order is placed'
          # a run, as `release history` shows it
          bursar undo -c b.yaml 0199c2f4-1a2b-7c3d
        ");
        for line in examples(text, 50).lines() {
            assert!(width(line) <= 50, "{line}");
        }
    }
}
