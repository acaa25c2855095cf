//! Who holds a seat at the end of the period.

use super::super::{Report, SiteReport};
use super::{Block, Section, Table, count, local, name};

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
    }
    for of_type in &site.holders {
        let Some(people) = &of_type.people else { continue };
        if people.is_empty() {
            continue;
        }
        blocks.push(Block::Heading(name(of_type.seat_type)));
        let caption = format!("Who holds {}", name(of_type.seat_type));
        let names = ["User", "Name", "Since", "Last used", "State"];
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
            ]);
        }
        blocks.push(Block::Table(table));
    }
    Some(Section { title, blocks, own_page: false })
}
