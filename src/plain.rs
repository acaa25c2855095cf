//! Text from outside, made fit to be shown on a line of a terminal, a log or a page.

/// The text on one line and without control characters, which could recolour a terminal, hide what
/// stands before them, or forge a line of a log.
pub fn one_line(text: &str) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.chars().map(blank).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_line_ends_become_blanks() {
        assert_eq!(one_line("31\u{1b}[31m X\r\nY\u{7}\u{9b}1m"), "31 [31m X Y 1m");
        assert_eq!(one_line(" plain  ä "), "plain ä");
    }
}
