//! Small charts for a terminal: bars, sparklines, and lines with a band, in braille or plain ASCII.

use crate::cli::text::Paint;
use crate::words::Locale;

/// How output looks: with colours or not, with block and braille characters or plain ASCII.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub paint: Paint,
    pub ascii: bool,
    /// How numbers and days are written.
    pub locale: Locale,
}

impl Style {
    /// Colours for a terminal only; ASCII as [`terminal`](crate::terminal::is_ascii) has it.
    pub fn new(no_color: bool) -> Self {
        let paint = if no_color { Paint::off() } else { Paint::for_stdout() };
        Self { paint, ascii: crate::terminal::is_ascii(), locale: Locale::default() }
    }

    /// No colours.
    pub fn plain(ascii: bool) -> Self {
        Self { paint: Paint::off(), ascii, locale: Locale::default() }
    }

    /// A bar of so many cells, filled by a share of 0 to 1.
    pub fn bar(&self, share: f64, width: usize) -> String {
        let share = if share.is_finite() { share } else { 0.0 };
        let bar = crate::cli::text::bar(share, width);
        if self.ascii { bar.replace('█', "#").replace('░', ".") } else { bar }
    }

    /// As [`bar`](Self::bar), green, yellow from 80 % on, red from 95 % on.
    pub fn gauge(&self, percent: f64, width: usize) -> String {
        let bar = self.bar(percent / 100.0, width);
        match percent {
            ..80.0 => self.paint.good(&bar),
            80.0..95.0 => self.paint.warn(&bar),
            _ => self.paint.bad(&bar),
        }
    }

    /// A character per value, from the lowest to the highest; a blank for none.
    pub fn sparkline(&self, values: &[Option<f64>]) -> String {
        self.sparkline_of(values, 0.0)
    }

    /// The same, where the whole height is `least` or more: what differs by less doesn't fill it.
    pub fn sparkline_of(&self, values: &[Option<f64>], least: f64) -> String {
        let steps: &[char] = if self.ascii {
            &['_', '.', '-', '=', '^']
        } else {
            &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
        };
        let known = || values.iter().flatten().copied().filter(|value| value.is_finite());
        let (low, high) = (known().fold(f64::MAX, f64::min), known().fold(f64::MIN, f64::max));
        let step = |value: f64| {
            // What differs by rounding only is the same.
            let same = high - low <= high.abs() * 1e-9;
            let height = (high - low).max(least);
            let middle = low / 2.0 + high / 2.0;
            let share = if same { 0.5 } else { 0.5 + (value - middle) / height };
            let last = steps.len() - 1;
            steps[((share * last as f64).round() as usize).min(last)]
        };
        values.iter().map(|value| value.filter(|v| v.is_finite()).map_or(' ', step)).collect()
    }
}

/// Points over time. `x` and `y` in any units; `x` from left to right.
#[derive(Debug, Clone, Default)]
pub struct Plot {
    /// What was: drawn as a line.
    pub line: Vec<(f64, f64)>,
    /// What may come, `(x, low, high)`: its edges are drawn with gaps.
    pub band: Vec<(f64, f64, f64)>,
    /// The limit over time: drawn as a thin line.
    pub limit: Vec<(f64, f64)>,
}

impl Plot {
    /// Lines of the chart, with the values of the highest and the lowest row at the left.
    pub fn draw(&self, style: &Style, width: usize, height: usize) -> Vec<String> {
        let xs = || {
            let line = self.line.iter().chain(&self.limit).map(|point| point.0);
            line.chain(self.band.iter().map(|point| point.0))
        };
        let ys = || {
            let line = self.line.iter().chain(&self.limit).map(|point| point.1);
            line.chain(self.band.iter().flat_map(|point| [point.1, point.2]))
        };
        let (left, right) = (xs().fold(f64::MAX, f64::min), xs().fold(f64::MIN, f64::max));
        let (bottom, top) = (ys().fold(f64::MAX, f64::min), ys().fold(f64::MIN, f64::max));
        if left > right || bottom > top || width == 0 || height == 0 {
            return Vec::new();
        }
        // Room above and below, and never below zero: seats aren't.
        let margin = ((top - bottom) * 0.06).max(1.0);
        let (bottom, top) = ((bottom - margin).max(0.0), top + margin);
        let mut canvas = Canvas::new(width, height, style.ascii);
        let (columns, rows) = (canvas.columns() as f64, canvas.rows() as f64);
        let column = |x: f64| (x - left) / (right - left).max(f64::MIN_POSITIVE) * (columns - 1.0);
        let row = |y: f64| (top - y) / (top - bottom) * (rows - 1.0);
        let stroke = |canvas: &mut Canvas, points: &[(f64, f64)], every: usize, kind: Kind| {
            for pair in points.windows(2) {
                let (from, to) =
                    ((column(pair[0].0), row(pair[0].1)), (column(pair[1].0), row(pair[1].1)));
                canvas.stroke(from, to, every, kind);
            }
        };
        let low: Vec<_> = self.band.iter().map(|(x, low, _)| (*x, *low)).collect();
        let high: Vec<_> = self.band.iter().map(|(x, _, high)| (*x, *high)).collect();
        let thin = if style.ascii { 2 } else { 4 };
        stroke(&mut canvas, &self.limit, thin, Kind::Limit);
        stroke(&mut canvas, &low, 2, Kind::Band);
        stroke(&mut canvas, &high, 2, Kind::Band);
        stroke(&mut canvas, &self.line, 1, Kind::Line);
        let label = |n: usize| {
            let value = top - (top - bottom) * n as f64 / (height - 1).max(1) as f64;
            if n.is_multiple_of(3) || n + 1 == height {
                format!("{value:.0}")
            } else {
                String::new()
            }
        };
        let edge = if style.ascii { '|' } else { '│' };
        let lines = canvas.lines(style);
        lines
            .into_iter()
            .enumerate()
            .map(|(n, line)| format!("{:>7} {edge}{line}", label(n)))
            .collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Limit,
    Band,
    Line,
}

/// Dots of the characters: eight each in braille, one in ASCII.
struct Canvas {
    width: usize,
    height: usize,
    ascii: bool,
    dots: Vec<u8>,
    kinds: Vec<Option<Kind>>,
}

/// Bits of the braille dots by row and column, as Unicode numbers them.
const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

impl Canvas {
    fn new(width: usize, height: usize, ascii: bool) -> Self {
        let cells = width * height;
        Self { width, height, ascii, dots: vec![0; cells], kinds: vec![None; cells] }
    }

    fn columns(&self) -> usize {
        if self.ascii { self.width } else { self.width * 2 }
    }

    fn rows(&self) -> usize {
        if self.ascii { self.height } else { self.height * 4 }
    }

    /// A straight line; of its columns only every so many-th is dotted.
    fn stroke(&mut self, from: (f64, f64), to: (f64, f64), every: usize, kind: Kind) {
        let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()).ceil().max(1.0);
        for step in 0..=steps as usize {
            let share = step as f64 / steps;
            let x = (from.0 + (to.0 - from.0) * share).round() as usize;
            let y = (from.1 + (to.1 - from.1) * share).round() as usize;
            if x.is_multiple_of(every) {
                self.dot(x, y, kind);
            }
        }
    }

    fn dot(&mut self, x: usize, y: usize, kind: Kind) {
        let (x, y) = (x.min(self.columns() - 1), y.min(self.rows() - 1));
        let (cell, bit) = if self.ascii {
            (y * self.width + x, 1)
        } else {
            (y / 4 * self.width + x / 2, BITS[y % 4][x % 2])
        };
        self.dots[cell] |= bit;
        self.kinds[cell] = self.kinds[cell].max(Some(kind));
    }

    fn lines(&self, style: &Style) -> Vec<String> {
        let mut lines = Vec::with_capacity(self.height);
        for row in 0..self.height {
            let mut line = String::new();
            for cell in row * self.width..(row + 1) * self.width {
                let Some(kind) = self.kinds[cell] else {
                    line.push(' ');
                    continue;
                };
                let character = match (self.ascii, kind) {
                    (true, Kind::Line) => '*',
                    (true, Kind::Band) => '.',
                    (true, Kind::Limit) => '-',
                    (false, _) => {
                        char::from_u32(0x2800 + u32::from(self.dots[cell])).unwrap_or(' ')
                    }
                };
                let text = character.to_string();
                line.push_str(&match kind {
                    Kind::Line => text,
                    Kind::Band => style.paint.warn(&text),
                    Kind::Limit => style.paint.bad(&text),
                });
            }
            lines.push(line.trim_end().to_owned());
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_has_a_character_per_value() {
        let values = [Some(0.0), None, Some(5.0), Some(10.0), Some(f64::NAN)];
        assert_eq!(Style::plain(false).sparkline(&values), "▁ ▅█ ");
        assert_eq!(Style::plain(true).sparkline(&values), "_ -^ ");
        assert_eq!(Style::plain(true).sparkline(&[Some(3.0), Some(3.0)]), "--");
        assert_eq!(Style::plain(true).sparkline(&[]), "");
    }

    #[test]
    fn tenths_of_a_seat_do_not_fill_the_height() {
        let style = Style::plain(false);
        let season = |values: &[f64]| {
            style.sparkline_of(&values.iter().copied().map(Some).collect::<Vec<_>>(), 5.0)
        };
        assert_eq!(season(&[0.1, 0.0, -0.1]), "▅▅▄");
        assert_eq!(season(&[6.0, 0.0, -6.0]), "█▅▁");
    }

    #[test]
    fn a_plot_is_as_large_as_asked_and_never_larger() {
        let plot = Plot {
            line: vec![(0.0, 20.0), (10.0, 30.0)],
            band: vec![(10.0, 30.0, 30.0), (20.0, 30.0, 60.0)],
            limit: vec![(0.0, 50.0), (20.0, 50.0)],
        };
        let lines = plot.draw(&Style::plain(true), 21, 9);
        insta::assert_snapshot!(lines.join("\n"), @r"
        62 |                    .
           |                  .
           |- - - - - - - - - - -
        46 |                .
           |              .
           |            .
        29 |       **** . . . . .
           | ******
        18 |*
        ");
        let braille = plot.draw(&Style::plain(false), 21, 9);
        assert_eq!(braille.len(), 9);
        assert!(braille.iter().all(|line| line.chars().count() <= 30), "{braille:?}");
        assert!(Plot::default().draw(&Style::plain(true), 20, 5).is_empty());
        let point = Plot { line: vec![(1.0, 1.0)], ..Plot::default() };
        assert_eq!(point.draw(&Style::plain(true), 5, 2).len(), 2);
    }
}
