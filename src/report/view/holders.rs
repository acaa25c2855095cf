//! Who holds a seat at the end of the period.

use super::super::{Report, SiteReport};
use super::{Block, Section, Table, count, local, name};
use crate::insight::words;

pub(crate) fn holders(report: &Report, site: &SiteReport) -> Option<Section> {
    let l = report.locale;
    let title = "Who holds a seat at the end".to_owned();
    if site.holders.is_empty() {
        let text = "Not known: the lists of seats and their changes were not recorded by then.";
        return Some(Section {
            title,
            blocks: vec![Block::Note(text.to_owned())],
            own_page: false,
        });
    }
    let mut counts =
        Table::new("Seats that somebody held", &["License", ">Held", ">Quarantined", "As of"]);
    for of_type in &site.holders {
        counts.row([
            name(of_type.seat_type),
            count(l, of_type.held),
            count(l, of_type.quarantined),
            local(report, of_type.as_of),
        ]);
    }
    let mut blocks = vec![Block::Table(counts)];
    let is_named = site.holders.iter().any(|of_type| of_type.people.is_some());
    if !is_named {
        let text = "Nobody is named in this report, nor below among changes, releases and alerts: bursar report --names, or Butler.report.names, names everybody.";
        blocks.push(Block::Text(text.to_owned()));
    }
    if is_named {
        let text = "Last used: by the lists as they were read last, which may be after the end of the period; not \
                    known of a seat that is not on them any more.";
        blocks.push(Block::Text(text.to_owned()));
        blocks.extend(next_run(report, site).map(Block::Text));
    }
    for of_type in &site.holders {
        let Some(people) = &of_type.people else { continue };
        if people.is_empty() {
            continue;
        }
        blocks.push(Block::Heading(name(of_type.seat_type)));
        let caption = format!("Who holds {}", name(of_type.seat_type));
        let names = ["User", "Name", "Since", "Last used", "State", "Next run"];
        let mut table = Table::list(caption, &names, "bursar insight activity");
        for person in people {
            let since = person.since.map(|since| local(report, since));
            table.row([
                person.user.clone(),
                person.name.clone(),
                since.unwrap_or_else(|| "not known".to_owned()),
                match (person.last_used, person.never_used) {
                    (Some(time), _) => local(report, time),
                    (None, true) => "never".to_owned(),
                    (None, false) => "not known".to_owned(),
                },
                if person.quarantined { "quarantined" } else { "held" }.to_owned(),
                person.next_run_in_words.clone().unwrap_or_else(|| "–".to_owned()),
            ]);
        }
        blocks.push(Block::Table(table));
    }
    Some(Section { title, blocks, own_page: false })
}

/// Of which lists it is what the next run does, and whether runs release anything.
fn next_run(report: &Report, site: &SiteReport) -> Option<String> {
    let known = site.types.iter().filter_map(|of| of.seats.as_ref());
    let read = known.clone().map(|seats| seats.as_of).min()?;
    let mut why: Vec<_> =
        known.filter_map(|seats| words::not_released(seats.limits.releasing)).collect();
    why.dedup();
    let why = if why.is_empty() { String::new() } else { format!(" But {}.", why.join("; ")) };
    Some(format!(
        "Next run: what the release rules do with the seat in it, by the lists of {}, as if none went in the 22 hours \
         before.{why}",
        local(report, read)
    ))
}
