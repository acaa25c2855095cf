//! What the rules would have done.

use super::super::{Report, SiteReport};
use super::{Block, Section, Table, later, local, name};
use crate::planning::replay::Bounds;
use crate::words::{Locale, counted};

const TITLE: &str = "What the release rules would have done";

pub(crate) fn simulation(report: &Report, site: &SiteReport) -> Option<Section> {
    if site.left_out {
        return None;
    }
    let Some(simulation) = &site.simulation else {
        let why = "Not known: the lists of seats were not read so far, or hold more than is replayed here.";
        return Some(Section {
            title: TITLE.to_owned(),
            blocks: vec![Block::Note(why.to_owned())],
            own_page: false,
        });
    };
    let l = report.locale;
    let mut blocks: Vec<Block> = later(report, simulation.time).into_iter().collect();
    blocks.push(Block::Text(format!(
        "What one run of the release rules a day would have done from {} to {}, {}. 3-9 means at least 3 \
         and at most 9: of the time before gaps of use were recorded only the last use of a seat is known, so \
         who would have gone and come back before that lies between the two. Who went lately may still come back.",
        l.date(simulation.span.first),
        l.date(simulation.span.last),
        simulation.by
    )));
    for of_type in &simulation.types {
        blocks.push(Block::Heading(name(of_type.seat_type)));
        let off = if of_type.enabled {
            ""
        } else {
            " The settings release none of this type: these are the default rules."
        };
        let recorded = sentence(&of_type.recorded(|time| local(report, time)));
        blocks.push(Block::Text(format!("{recorded}{off}")));
        let caption = format!("{}: what each threshold would have done", name(of_type.seat_type));
        let mut table = Table::new(
            caption,
            &[
                ">Idle for days",
                ">Released",
                ">Back within 14 days",
                ">30 days",
                ">90 days",
                ">More free now",
                ">Saved",
            ],
        );
        let of_site = site.types.iter().find(|of| of.seat_type == of_type.seat_type);
        let in_force = of_site.and_then(|of| Some(of.seats.as_ref()?.threshold_days));
        for threshold in &of_type.thresholds {
            let is_in_force = in_force == Some(threshold.threshold_days);
            if is_in_force {
                table.marked = Some(table.rows.len());
            }
            let [within_14, within_30, within_90] = threshold.back(|of| bounds(l, of));
            let saved = threshold.saved.map(|saved| saved.written(l));
            table.row([
                format!("{}{}", threshold.threshold_days, if is_in_force { " *" } else { "" }),
                bounds(l, threshold.released),
                within_14,
                within_30,
                within_90,
                bounds(l, threshold.out),
                saved.unwrap_or_else(|| threshold.no_amount("–")),
            ]);
        }
        let is_marked = table.marked.is_some();
        blocks.push(Block::Table(table));
        if let Some(days) = in_force {
            let days = counted(l, days.into(), "day", "days");
            blocks.push(Block::Text(match is_marked {
                true => format!("*: the threshold in force, {days} (releaseThresholdDays)."),
                false => {
                    format!("In force are {days} (releaseThresholdDays), which is none of these.")
                }
            }));
        }
        let remarks: Vec<_> =
            of_type.remarks(|day| l.date(day)).iter().map(|r| sentence(r)).collect();
        if !remarks.is_empty() {
            blocks.push(Block::Text(remarks.join(" ")));
        }
    }
    Some(Section { title: TITLE.to_owned(), blocks, own_page: false })
}

/// With a capital letter and a period.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    format!("{}{}.", first.collect::<String>(), letters.as_str())
}

/// `3-9`, or one number.
fn bounds<T: ToString + PartialEq>(l: Locale, of: Bounds<T>) -> String {
    let (least, most) =
        (super::count(l, of.at_least.to_string()), super::count(l, of.at_most.to_string()));
    if least == most { least } else { format!("{least}-{most}") }
}
