//! Text from outside, made fit to be shown on a line of a terminal, a log or a page.

/// The text on one line and without characters that could recolour a terminal, hide what stands
/// before them, show letters in another order than they have, or forge a line of a log.
pub fn one_line(text: &str) -> String {
    let blank = |c: char| if c.is_control() || misleads(c) { ' ' } else { c };
    let text: String = text.chars().map(blank).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Marks that take no room and change the order of what is shown.
fn misleads(c: char) -> bool {
    matches!(
        c,
        '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_line_ends_become_blanks() {
        assert_eq!(one_line("31\u{1b}[31m X\r\nY\u{7}\u{9b}1m"), "31 [31m X Y 1m");
        assert_eq!(one_line(" plain  ä "), "plain ä");
        assert_eq!(one_line("a\u{202e}nna\u{2066}\u{200b}x"), "a nna x");
    }
}
