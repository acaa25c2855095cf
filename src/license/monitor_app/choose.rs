//! Which app is the License Monitor, and which task reloads it, where a site has several.

use std::cmp::Reverse;

use uuid::Uuid;

use super::{App, MONITORING_STREAM, Task};

/// What the settings say of the app and its task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub app_name: String,
    /// Names the app for certain.
    pub app_id: Option<Uuid>,
    pub task_name: String,
}

/// What was chosen, and what a person should know of the choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice<T> {
    pub chosen: T,
    pub notes: Vec<String>,
}

/// Where an app stands, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Monitoring,
    OtherStream,
    Unpublished,
}

impl App {
    fn place(&self) -> Place {
        match &self.stream {
            Some(stream) if self.published => {
                let by_id = stream.id == Some(MONITORING_STREAM);
                if by_id || stream.name.eq_ignore_ascii_case("Monitoring apps") {
                    Place::Monitoring
                } else {
                    Place::OtherStream
                }
            }
            _ => Place::Unpublished,
        }
    }

    /// Where it stands, in words.
    pub fn whereabouts(&self) -> String {
        match (&self.stream, self.place()) {
            (Some(stream), Place::Monitoring | Place::OtherStream) => {
                format!("in the stream \"{}\"", stream.name)
            }
            _ => "unpublished".to_owned(),
        }
    }
}

/// Picks among apps of the wanted name: one in the stream of the monitoring apps before one in
/// another stream before an unpublished copy; among equals the one that was reloaded last.
pub fn choose_app(mut apps: Vec<App>, wanted: &Wanted) -> Option<Choice<App>> {
    apps.sort_by_key(|app| (app.place(), Reverse(app.last_reload.at()), app.id));
    let mut rest = apps.into_iter();
    let chosen = rest.next()?;
    let others: Vec<App> = rest.collect();
    let mut notes = Vec::new();
    if !others.is_empty() {
        let why = match others.first() {
            Some(next) if next.place() == chosen.place() => "it was reloaded last",
            _ if chosen.place() == Place::Monitoring => "that is where monitoring apps belong",
            _ => "the others are not published",
        };
        let listed: Vec<_> = others.iter().take(5).map(App::whereabouts).collect();
        let more = if others.len() > 5 { ", ..." } else { "" };
        notes.push(format!(
            "{} apps are called \"{}\": the one {} was taken ({}), because {why}; the others are \
             {}{more}; set appId to look at another",
            others.len() + 1,
            wanted.app_name,
            chosen.whereabouts(),
            chosen.id,
            listed.join(", "),
        ));
    }
    match chosen.place() {
        Place::Monitoring => {}
        Place::OtherStream => notes.push(format!(
            "the app is {}, not in \"Monitoring apps\" where Qlik Sense puts it",
            chosen.whereabouts()
        )),
        Place::Unpublished => {
            notes.push("the app is not published: only its owner sees it".to_owned());
        }
    }
    Some(Choice { chosen, notes })
}

/// Picks among the tasks of an app: the one of the wanted name, then one that is switched on, then
/// the one that ran last.
pub fn choose_task(mut tasks: Vec<Task>, wanted: &Wanted) -> Option<Choice<Task>> {
    let named = |task: &Task| task.name.to_lowercase() == wanted.task_name.to_lowercase();
    tasks.sort_by_key(|task| (!named(task), !task.enabled, Reverse(task.last.start.at()), task.id));
    let count = tasks.len();
    let chosen = tasks.into_iter().next()?;
    let mut notes = Vec::new();
    if count > 1 {
        let why = if named(&chosen) {
            "it has the name of taskName"
        } else if chosen.enabled {
            "it is switched on and ran last"
        } else {
            "it ran last"
        };
        notes.push(format!(
            "{count} tasks reload the app: \"{}\" was taken, because {why}",
            chosen.name
        ));
    }
    Some(Choice { chosen, notes })
}

#[cfg(test)]
mod tests {
    use super::super::{Execution, Stream, TaskStatus};
    use super::*;
    use crate::license::Moment;

    fn wanted() -> Wanted {
        Wanted {
            app_name: "License Monitor".into(),
            app_id: None,
            task_name: "Reload License Monitor".into(),
        }
    }

    fn at(text: &str) -> Moment {
        Moment::At(text.parse().unwrap())
    }

    fn app(id: u128, stream: Option<(u128, &str)>, reloaded: &str) -> App {
        App {
            id: Uuid::from_u128(id),
            name: "License Monitor".into(),
            published: stream.is_some(),
            stream: stream
                .map(|(id, name)| Stream { id: Some(Uuid::from_u128(id)), name: name.into() }),
            last_reload: at(reloaded),
        }
    }

    fn task(id: u128, name: &str, enabled: bool, started: &str) -> Task {
        let last = Execution {
            id: None,
            status: TaskStatus(7),
            start: at(started),
            stop: Moment::Never,
            milliseconds: None,
            node: None,
            file: None,
            messages: Vec::new(),
        };
        let id = Uuid::from_u128(id);
        Task { id, name: name.into(), app: None, enabled, last, next: Moment::Never }
    }

    #[test]
    fn the_stream_decides_before_the_reload() {
        let monitoring = MONITORING_STREAM.as_u128();
        let old = app(1, Some((monitoring, "Überwachung")), "2026-01-01T00:00:00Z");
        let elsewhere = app(2, Some((7, "Finance")), "2026-01-09T00:00:00Z");
        let copy = app(3, None, "2026-01-10T00:00:00Z");
        let pick = |apps: Vec<App>| choose_app(apps, &wanted()).unwrap();
        // By its id, whatever its name is.
        let choice = pick(vec![copy.clone(), elsewhere.clone(), old.clone()]);
        assert_eq!(choice.chosen.id.as_u128(), 1);
        insta::assert_snapshot!(choice.notes.join("\n"), @r#"3 apps are called "License Monitor": the one in the stream "Überwachung" was taken (00000000-0000-0000-0000-000000000001), because that is where monitoring apps belong; the others are in the stream "Finance", unpublished; set appId to look at another"#);
        // By its name.
        let named = app(4, Some((8, "Monitoring Apps")), "2025-01-01T00:00:00Z");
        assert_eq!(pick(vec![elsewhere.clone(), named]).chosen.id.as_u128(), 4);

        let choice = pick(vec![copy.clone(), elsewhere.clone()]);
        assert_eq!((choice.chosen.id.as_u128(), choice.notes.len()), (2, 2));
        assert!(choice.notes[1].contains("not in \"Monitoring apps\""), "{:?}", choice.notes);
        let choice = pick(vec![copy]);
        assert_eq!(choice.notes, ["the app is not published: only its owner sees it"]);
        let choice = pick(vec![old.clone()]);
        assert_eq!(choice.notes, Vec::<String>::new());
        assert_eq!(choose_app(Vec::new(), &wanted()), None);
    }

    #[test]
    fn among_equals_the_last_reload_decides_in_any_order() {
        let monitoring = MONITORING_STREAM.as_u128();
        let stream = Some((monitoring, "Monitoring apps"));
        let a = app(1, stream, "2026-01-01T00:00:00Z");
        let b = app(2, stream, "2026-01-02T00:00:00Z");
        let mut never = app(3, stream, "2026-01-02T00:00:00Z");
        never.last_reload = Moment::Never;
        for apps in [vec![a.clone(), b.clone(), never.clone()], vec![never, b, a]] {
            let choice = choose_app(apps, &wanted()).unwrap();
            assert_eq!(choice.chosen.id.as_u128(), 2);
            assert!(choice.notes[0].contains("because it was reloaded last"));
        }
    }

    #[test]
    fn a_published_app_without_a_stream_is_no_published_one() {
        let mut odd = app(1, None, "2026-01-01T00:00:00Z");
        odd.published = true;
        assert_eq!(odd.whereabouts(), "unpublished");
    }

    #[test]
    fn the_task_of_the_name_before_others() {
        let named = task(1, "reload license monitor", false, "2026-01-01T00:00:00Z");
        let on = task(2, "hourly", true, "2026-01-02T00:00:00Z");
        let off = task(3, "weekly", false, "2026-01-03T00:00:00Z");
        let pick = |tasks: &[&Task]| {
            let tasks = tasks.iter().map(|task| (*task).clone()).collect();
            let choice = choose_task(tasks, &wanted()).unwrap();
            (choice.chosen.id.as_u128(), choice.notes.concat())
        };
        assert_eq!(
            pick(&[&off, &on, &named]),
            (
                1,
                "3 tasks reload the app: \"reload license monitor\" was taken, because it has the \
                 name of taskName"
                    .into()
            )
        );
        assert_eq!(pick(&[&off, &on]).0, 2);
        assert!(pick(&[&off, &on]).1.ends_with("it is switched on and ran last"));
        assert_eq!(pick(&[&off]), (3, String::new()));
    }
}
