//! Charts as SVG that stands in a page: no scripts, no fonts of its own, nothing from outside.

use std::fmt::Write;

use chrono::{Datelike, NaiveDate};

use crate::insight::words;
use crate::words::Locale;

/// A picture.
#[derive(Debug, Clone)]
pub enum Chart {
    Lines(Lines),
    Bars(Bars),
}

/// Values over days.
#[derive(Debug, Clone)]
pub struct Lines {
    pub title: String,
    /// Of the vertical axis.
    pub unit: String,
    pub across: Across,
    pub series: Vec<Series>,
    /// Range of what may come: day, low, high.
    pub band: Vec<(f64, f64, f64)>,
    /// Upright lines with a word.
    pub marks: Vec<(f64, String)>,
    /// Whether the vertical axis begins with 0. If not, and all values are far above, it begins near the least, and
    /// says so.
    pub from_zero: bool,
}

/// What the horizontal axis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Across {
    Days,
    /// Of the days.
    Percent,
}

/// One line. Days are counted as chrono's `num_days_from_ce`.
#[derive(Debug, Clone)]
pub struct Series {
    pub name: &'static str,
    pub points: Vec<(f64, f64)>,
    class: &'static str,
}

impl Series {
    pub fn line(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        Self { name, points, class: "taken" }
    }

    pub fn dashed(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        Self { name, points, class: "ahead" }
    }

    /// Holds its value until the next point.
    pub fn limit(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        let mut steps: Vec<(f64, f64)> = Vec::new();
        for (x, y) in points {
            if let Some((_, before)) = steps.last().copied()
                && before != y
            {
                steps.push((x, before));
            }
            steps.push((x, y));
        }
        Self { name, points: steps, class: "limit" }
    }
}

/// Values side by side.
#[derive(Debug, Clone)]
pub struct Bars {
    pub title: String,
    pub unit: String,
    pub bars: Vec<Bar>,
    /// Name of what the limits are; empty when there are none.
    pub limit: String,
}

#[derive(Debug, Clone)]
pub struct Bar {
    pub label: String,
    pub value: f64,
    pub limit: Option<f64>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 14.0;
/// Where what is drawn begins and ends, from side to side.
pub const ACROSS: (f64, f64) = (LEFT, WIDTH - RIGHT);
const TOP: f64 = 34.0;
const BOTTOM: f64 = 34.0;

/// Room for the word of a mark, and how many stand below one another.
const MARK_WIDTH: f64 = 82.0;
const MARK_LEVELS: f64 = 4.0;

impl Chart {
    pub fn title(&self) -> &str {
        match self {
            Self::Lines(lines) => &lines.title,
            Self::Bars(bars) => &bars.title,
        }
    }

    /// Whether what is to come is at its right side: on a narrow screen that is seen first.
    pub fn looks_ahead(&self) -> bool {
        matches!(self, Self::Lines(lines) if lines.band.len() > 1)
    }

    /// As an `svg` element; `id` is unique in its page.
    pub fn svg(&self, id: &str, l: Locale) -> String {
        match self {
            Self::Lines(lines) => lines.svg(id, l),
            Self::Bars(bars) => bars.svg(id, l),
        }
    }

    /// The same in a sentence, for who can't see it.
    pub fn description(&self, l: Locale) -> String {
        match self {
            Self::Lines(lines) => lines.description(l),
            Self::Bars(bars) => {
                let bars = bars.bars.iter().map(|b| format!("{} {}", b.label, axis(b.value, l)));
                bars.collect::<Vec<_>>().join(", ")
            }
        }
    }
}

fn date(x: f64) -> NaiveDate {
    NaiveDate::from_num_days_from_ce_opt(x.round() as i32).unwrap_or_default()
}

impl Lines {
    fn description(&self, l: Locale) -> String {
        let ends = self.series.iter().filter_map(|series| {
            let ((from, first), (to, last)) = (series.points.first()?, series.points.last()?);
            let at = |x: f64| match self.across {
                Across::Days => format!("on {}", l.date(date(x))),
                Across::Percent => format!("for {} % of the days", axis(x, l)),
            };
            let (first, last) = (axis(*first, l), axis(*last, l));
            Some(format!("{}: {first} {}, {last} {}", series.name, at(*from), at(*to)))
        });
        ends.collect::<Vec<_>>().join("; ")
    }

    fn svg(&self, id: &str, l: Locale) -> String {
        self.svg_with_gaps(id, l, &[])
    }

    /// The least and the most of the horizontal axis; the first is above the second where nothing is drawn.
    pub fn ends(&self) -> (f64, f64) {
        let points = self.series.iter().flat_map(|series| &series.points);
        let xs = || points.clone().map(|p| p.0).chain(self.band.iter().map(|p| p.0));
        (xs().fold(f64::MAX, f64::min), xs().fold(f64::MIN, f64::max))
    }

    /// As [`Chart::svg`], with times shaded of which nothing is known.
    pub fn svg_with_gaps(&self, id: &str, l: Locale, gaps: &[(f64, f64)]) -> String {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let ys = || points().map(|p| p.1).chain(self.band.iter().map(|p| p.2));
        let (left, right) = self.ends();
        let lows = points().map(|p| p.1).chain(self.band.iter().map(|p| p.1));
        let (least, most) = (lows.fold(f64::MAX, f64::min), ys().fold(0.0, f64::max));
        let scale = if self.from_zero { Scale::to(most) } else { Scale::between(least, most) };
        let unit = match scale.bottom > 0.0 {
            true => format!("{}, from {} on", self.unit, axis(scale.bottom, l)),
            false => self.unit.clone(),
        };
        let frame = Frame { left, right: right.max(left + 1.0), scale };
        let mut out = open(id, &self.title, &self.description(l));
        for (from, to) in gaps {
            let (from, to) = (frame.x(*from), frame.x(*to));
            let (width, height) = (to - from, HEIGHT - BOTTOM - TOP);
            let _ = write!(
                out,
                r#"<rect class="gap" x="{from:.1}" y="{TOP}" width="{width:.1}" height="{height}"/>"#
            );
        }
        frame.axis(&mut out, &unit, l);
        match self.across {
            Across::Days if left <= right => frame.months(&mut out),
            Across::Days => {}
            Across::Percent => frame.percent(&mut out),
        }
        if self.band.len() > 1 {
            let high = self.band.iter().map(|(x, _, high)| (*x, *high));
            let low = self.band.iter().rev().map(|(x, low, _)| (*x, *low));
            let path = frame.path(high.chain(low));
            let _ = write!(out, r#"<path class="band" d="{path}Z"/>"#);
        }
        for (x, _) in &self.marks {
            let (x, top, bottom) = (frame.x(*x), TOP, HEIGHT - BOTTOM);
            let _ = write!(
                out,
                r#"<line class="mark" x1="{x:.1}" x2="{x:.1}" y1="{top}" y2="{bottom}"/>"#
            );
        }
        for series in &self.series {
            let path = frame.path(series.points.iter().copied());
            let _ = write!(out, r#"<path class="{}" d="{path}"/>"#, series.class);
        }
        // Above the lines; where marks are near to one another their words stand below one another.
        let (mut level, mut before) = (0.0, f64::MIN);
        for (x, word) in &self.marks {
            let x = frame.x(*x);
            level = if x - before < MARK_WIDTH { (level + 1.0) % MARK_LEVELS } else { 0.0 };
            before = x;
            let (x, y, word) = (x + 4.0, TOP + 10.0 + level * 12.0, escape(word));
            let _ = write!(out, r#"<text class="tick word" x="{x:.1}" y="{y:.1}">{word}</text>"#);
        }
        let mut entries: Vec<(&str, &str)> =
            self.series.iter().map(|series| (series.class, series.name)).collect();
        if self.band.len() > 1 {
            entries.push(("band", "80 % range"));
        }
        legend(&mut out, &entries);
        out + "</svg>"
    }
}

impl Bars {
    fn svg(&self, id: &str, l: Locale) -> String {
        let chart = Chart::Bars(self.clone());
        let mut out = open(id, &self.title, &chart.description(l));
        let most = self.bars.iter().flat_map(|bar| [bar.value, bar.limit.unwrap_or(0.0)]);
        let count = self.bars.len().max(1) as f64;
        let frame = Frame { left: 0.0, right: count, scale: Scale::to(most.fold(0.0, f64::max)) };
        frame.axis(&mut out, &self.unit, l);
        let each = (WIDTH - LEFT - RIGHT) / count;
        let width = (each * 0.62).min(72.0);
        let every = (self.bars.len().div_ceil(9)).max(1);
        for (n, bar) in self.bars.iter().enumerate() {
            let middle = frame.x(n as f64 + 0.5);
            let top = frame.y(bar.value);
            let class =
                if bar.limit.is_some_and(|limit| bar.value >= limit) { "bar full" } else { "bar" };
            let _ = write!(
                out,
                r#"<rect class="{class}" x="{:.1}" y="{top:.1}" width="{width:.1}" height="{:.1}"><title>{}: {}</title></rect>"#,
                middle - width / 2.0,
                (HEIGHT - BOTTOM - top).max(0.0),
                escape(&bar.label),
                axis(bar.value, l)
            );
            if let Some(limit) = bar.limit {
                let y = frame.y(limit);
                let (from, to) = (middle - each / 2.0, middle + each / 2.0);
                let _ = write!(
                    out,
                    r#"<line class="limit" x1="{from:.1}" x2="{to:.1}" y1="{y:.1}" y2="{y:.1}"/>"#
                );
            }
            if n % every == 0 {
                let _ = write!(
                    out,
                    r#"<text class="tick" text-anchor="middle" x="{middle:.1}" y="{:.1}">{}</text>"#,
                    HEIGHT - BOTTOM + 16.0,
                    escape(&bar.label)
                );
            }
        }
        if !self.limit.is_empty() {
            legend(&mut out, &[("bar", "Used"), ("limit", &self.limit)]);
        }
        out + "</svg>"
    }
}

struct Frame {
    left: f64,
    right: f64,
    scale: Scale,
}

impl Frame {
    fn x(&self, x: f64) -> f64 {
        LEFT + (x - self.left) / (self.right - self.left) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, y: f64) -> f64 {
        let Scale { bottom, top, .. } = self.scale;
        HEIGHT - BOTTOM - (y - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM)
    }

    fn path(&self, points: impl Iterator<Item = (f64, f64)>) -> String {
        let mut path = String::new();
        for (n, (x, y)) in points.enumerate() {
            let _ =
                write!(path, "{}{:.1} {:.1}", if n == 0 { 'M' } else { 'L' }, self.x(x), self.y(y));
        }
        path
    }

    /// Lines and values of the vertical axis, and its unit.
    fn axis(&self, out: &mut String, unit: &str, l: Locale) {
        let mut value = self.scale.bottom;
        while value <= self.scale.top * 1.0001 {
            let y = self.y(value);
            let _ = write!(
                out,
                r#"<line class="grid" x1="{LEFT}" x2="{:.1}" y1="{y:.1}" y2="{y:.1}"/><text class="tick" text-anchor="end" x="{:.1}" y="{:.1}">{}</text>"#,
                WIDTH - RIGHT,
                LEFT - 7.0,
                y + 4.0,
                axis(value, l)
            );
            value += self.scale.step;
        }
        let _ = write!(
            out,
            r#"<text class="tick unit" x="4" y="{:.1}">{}</text>"#,
            TOP - 16.0,
            escape(unit)
        );
    }

    /// Shares of the days along the bottom.
    fn percent(&self, out: &mut String) {
        for percent in [0, 20, 40, 60, 80, 100] {
            let x = self.x(f64::from(percent));
            let (anchor, what) = match percent {
                0 => ("start", " of the days"),
                100 => ("end", ""),
                _ => ("middle", ""),
            };
            let text = format!("{percent} %{what}");
            let bottom = HEIGHT - BOTTOM;
            let _ = write!(
                out,
                r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="{bottom}" y2="{:.1}"/><text class="tick" text-anchor="{anchor}" x="{x:.1}" y="{:.1}">{text}</text>"#,
                bottom + 4.0,
                bottom + 17.0
            );
        }
    }

    /// Names of months along the bottom, as many as have room.
    fn months(&self, out: &mut String) {
        let (first, last) = (date(self.left), date(self.right));
        let months = (last.year() - first.year()) * 12 + last.month() as i32 - first.month() as i32;
        let every =
            [1, 2, 3, 6, 12, 24].into_iter().find(|every| months / every <= 13).unwrap_or(60);
        let (mut year, mut month) = (first.year(), first.month() as i32);
        loop {
            if month > 12 {
                (year, month) = (year + 1, month - 12);
            }
            let Some(day) = NaiveDate::from_ymd_opt(year, month.unsigned_abs(), 1) else { return };
            if day > last {
                return;
            }
            let x = self.x(f64::from(day.num_days_from_ce()));
            if day >= first && (month - 1) % every == 0 {
                let short = &words::month(day.month())[..3];
                // The year is said where it begins, and at the first month.
                let text = if month == 1 { format!("{short} {year}") } else { short.to_owned() };
                let anchor = if x > WIDTH - RIGHT - 24.0 { "end" } else { "middle" };
                let bottom = HEIGHT - BOTTOM;
                let _ = write!(
                    out,
                    r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="{bottom}" y2="{:.1}"/><text class="tick" text-anchor="{anchor}" x="{x:.1}" y="{:.1}">{text}</text>"#,
                    bottom + 4.0,
                    bottom + 17.0
                );
            }
            month += 1;
        }
    }
}

/// A vertical axis from 0, or from a round value, to another.
#[derive(Debug, PartialEq)]
struct Scale {
    bottom: f64,
    top: f64,
    step: f64,
}

impl Scale {
    fn to(most: f64) -> Self {
        let most = if most.is_finite() { most.max(1.0) } else { 1.0 };
        let rough = most / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|step| step * power)
            .find(|step| *step >= rough * 0.999)
            .unwrap_or(rough)
            .max(1.0);
        Self { bottom: 0.0, top: (most / step).ceil() * step, step }
    }

    /// From near the least value, where that is more than half of the most.
    fn between(least: f64, most: f64) -> Self {
        let whole = Self::to(most);
        if !least.is_finite() || least < most * 0.5 || least >= most {
            return whole;
        }
        let step = Self::to(most - least).step;
        let bottom = (least / step).floor() * step;
        Self { bottom, top: ((most / step).ceil() * step).max(bottom + step), step }
    }
}

fn open(id: &str, title: &str, description: &str) -> String {
    format!(
        r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{id}-t {id}-d"><title id="{id}-t">{}</title><desc id="{id}-d">{}</desc>"#,
        escape(title),
        escape(description)
    )
}

fn legend(out: &mut String, entries: &[(&str, &str)]) {
    let mut x = WIDTH - RIGHT;
    for (class, name) in entries.iter().rev() {
        x -= crate::plain::width(name) as f64 * 7.8 + 4.0;
        let _ = write!(out, r#"<text class="tick" x="{x:.1}" y="18">{}</text>"#, escape(name));
        x -= 24.0;
        if matches!(*class, "band" | "bar") {
            let _ =
                write!(out, r#"<rect class="{class}" x="{x:.1}" y="9" width="18" height="10"/>"#);
        } else {
            let _ = write!(out, r#"<path class="{class}" d="M{x:.1} 14L{:.1} 14"/>"#, x + 18.0);
        }
        x -= 14.0;
    }
}

/// `1,500`, `12k`, `1.5M`: short enough for an axis.
fn axis(value: f64, l: Locale) -> String {
    let short =
        |value: f64, unit: &str| format!("{}{unit}", l.number((value * 10.0).round() / 10.0));
    if value.abs() >= 1e6 {
        short(value / 1e6, "M")
    } else if value.abs() >= 1e4 {
        short(value / 1e3, "k")
    } else {
        short(value, "")
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // What XML has no way to write.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_value() {
        for (most, top, step) in [
            (0.0, 1.0, 1.0),
            (7.0, 8.0, 2.0),
            (98.0, 100.0, 20.0),
            (220.0, 250.0, 50.0),
            (101.0, 125.0, 25.0),
        ] {
            assert_eq!(Scale::to(most), Scale { bottom: 0.0, top, step }, "{most}");
        }
        assert_eq!(Scale::to(f64::NAN), Scale { bottom: 0.0, top: 1.0, step: 1.0 });
    }

    #[test]
    fn an_axis_that_begins_near_the_least_value_ends_at_a_round_one() {
        let of = |least, most| Scale::between(least, most);
        assert_eq!(of(601.0, 900.0), Scale { bottom: 600.0, top: 900.0, step: 100.0 });
        assert_eq!(of(84.0, 120.0), Scale { bottom: 80.0, top: 120.0, step: 10.0 });
        assert_eq!(of(40.0, 120.0), Scale::to(120.0));
        assert_eq!(of(100.0, 100.0), Scale::to(100.0));
        assert_eq!(of(f64::MAX, 0.0), Scale::to(0.0));
    }

    #[test]
    fn values_of_an_axis_are_short() {
        for (value, text) in
            [(0.0, "0"), (12.5, "12.5"), (9_999.0, "9,999"), (12_000.0, "12k"), (1.5e6, "1.5M")]
        {
            assert_eq!(axis(value, Locale::default()), text);
        }
    }

    #[test]
    fn text_from_outside_is_escaped() {
        let bars = Bars {
            title: "<script>".into(),
            unit: "a&b".into(),
            bars: vec![Bar { label: "\"x\"\u{1}".into(), value: 3.0, limit: None }],
            limit: String::new(),
        };
        let svg = Chart::Bars(bars).svg("c", Locale::default());
        assert!(!svg.contains("<script>") && !svg.contains('\u{1}'), "{svg}");
        assert!(svg.contains("&lt;script&gt;") && svg.contains("a&amp;b"), "{svg}");
    }

    #[test]
    fn a_limit_is_drawn_as_steps() {
        let series = Series::limit("Entitled", vec![(1.0, 5.0), (2.0, 5.0), (3.0, 9.0)]);
        assert_eq!(series.points, [(1.0, 5.0), (2.0, 5.0), (3.0, 5.0), (3.0, 9.0)]);
    }
}
