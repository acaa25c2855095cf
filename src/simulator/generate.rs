//! Users and seats made from a seed: believable, and the same for the same seed.

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;

use super::people::{Seat, SeatKind, User};
use super::scenario::Population;
use super::wire::id_from;

const GIVEN: &[&str] = &[
    "Anna",
    "Erik",
    "Maria",
    "Lars",
    "Sofia",
    "Johan",
    "Emma",
    "Nils",
    "Ingrid",
    "Karl",
    "Elsa",
    "Oskar",
    "Priya",
    "Arjun",
    "Mei",
    "Wei",
    "Yuki",
    "Hiro",
    "Fatima",
    "Omar",
    "Layla",
    "Yusuf",
    "Chiara",
    "Luca",
    "Giulia",
    "Marco",
    "Camille",
    "Louis",
    "Amelie",
    "Jules",
    "Hannah",
    "Jonas",
    "Lena",
    "Felix",
    "Olivia",
    "Noah",
    "Grace",
    "Henry",
    "Zoe",
    "Samuel",
    "Ana",
    "Diego",
    "Lucia",
    "Mateo",
    "Katarzyna",
    "Piotr",
    "Zofia",
    "Jan",
    "Aisha",
    "Kwame",
    "Thandi",
    "Sipho",
    "Mary",
    "James",
    "Ruth",
    "David",
    "Helena",
    "Victor",
    "Irina",
    "Pavel",
    "Tuuli",
    "Mikko",
    "Aino",
    "Otso",
];

const FAMILY: &[&str] = &[
    "Andersson",
    "Berg",
    "Lindqvist",
    "Nyström",
    "Holm",
    "Dahl",
    "Ek",
    "Sandberg",
    "Sharma",
    "Patel",
    "Iyer",
    "Chen",
    "Wang",
    "Li",
    "Tanaka",
    "Sato",
    "Haddad",
    "Aziz",
    "Rossi",
    "Bianchi",
    "Ferrari",
    "Moreau",
    "Laurent",
    "Bernard",
    "Müller",
    "Schmidt",
    "Fischer",
    "Wagner",
    "Smith",
    "Jones",
    "Taylor",
    "Brown",
    "Clark",
    "Hughes",
    "García",
    "Fernández",
    "López",
    "Silva",
    "Costa",
    "Kowalski",
    "Nowak",
    "Wójcik",
    "Mensah",
    "Okafor",
    "Dlamini",
    "Nkosi",
    "Murphy",
    "O'Brien",
    "Kelly",
    "Novák",
    "Horváth",
    "Ivanov",
    "Petrov",
    "Virtanen",
    "Korhonen",
    "Mäkinen",
    "Jansen",
    "de Vries",
    "van Dijk",
    "Peeters",
    "Dubois",
    "Nielsen",
    "Hansen",
    "Larsen",
];

const DEPARTMENTS: &[&str] =
    &["Sales", "Finance", "Operations", "Logistics", "HR", "IT", "Marketing", "Legal", "R&D"];

/// The service accounts of a site.
const SERVICE_ACCOUNTS: &[&str] = &[
    "sa_api",
    "sa_converter",
    "sa_engine",
    "sa_hub",
    "sa_printing",
    "sa_proxy",
    "sa_reporting",
    "sa_repository",
    "sa_scheduler",
];

/// Makes users and seats, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Generator {
    rng: Rng,
    /// Users made so far: their user ids are numbered where names repeat.
    made: usize,
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), made: 0 }
    }

    pub(crate) fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    pub(crate) fn service_accounts(&mut self, now: DateTime<Utc>) -> Vec<User> {
        let created = now - TimeDelta::days(1500);
        SERVICE_ACCOUNTS
            .iter()
            .map(|account| User {
                id: super::wire::named_id("user", account),
                directory: "INTERNAL".to_owned(),
                user_id: (*account).to_owned(),
                name: (*account).to_owned(),
                created,
                modified: created,
                roles: Vec::new(),
                inactive: false,
                removed_externally: false,
                blacklisted: false,
                tags: Vec::new(),
                custom_properties: Vec::new(),
                groups: Vec::new(),
            })
            .collect()
    }

    /// A user who has been there for a while.
    pub(crate) fn user(&mut self, population: &Population, now: DateTime<Utc>) -> User {
        let rng = &mut self.rng;
        let given = GIVEN[rng.usize(..GIVEN.len())];
        let family = FAMILY[rng.usize(..FAMILY.len())];
        let number = self.made;
        self.made += 1;
        let directory = match population.directories.len() {
            0 => "CORP",
            // Three of four in the first.
            n if n == 1 || rng.f64() < 0.75 => &population.directories[0],
            n => &population.directories[rng.usize(1..n)],
        };
        let fate = rng.f64();
        let removed = fate < population.removed_share;
        let inactive = fate < population.removed_share + population.inactive_share;
        let department = DEPARTMENTS[rng.usize(..DEPARTMENTS.len())];
        let mut tags = Vec::new();
        if rng.f64() < population.tagged_share {
            tags.push("License do not release".to_owned());
        }
        let created = back(now, rng.f64() * 1800.0);
        User {
            id: id_from(rng.u128(..)),
            directory: directory.to_owned(),
            user_id: user_id(given, family, number),
            name: format!("{given} {family}"),
            created,
            modified: created + (now - created) / 2,
            roles: Vec::new(),
            inactive,
            removed_externally: removed,
            blacklisted: false,
            tags,
            custom_properties: vec![("Department".to_owned(), department.to_owned())],
            groups: vec![department.to_lowercase(), "staff".to_owned()],
        }
    }

    /// A seat for a user, with a history.
    pub(crate) fn seat(
        &mut self,
        population: &Population,
        kind: SeatKind,
        (place, user): (usize, &User),
        now: DateTime<Utc>,
    ) -> Seat {
        let rng = &mut self.rng;
        let id = id_from(rng.u128(..));
        let age_days = (now - user.created).num_minutes() as f64 / 1440.0;
        let created = back(now, age_days * rng.f64());
        let seat_days = (now - created).num_minutes() as f64 / 1440.0;
        let kept = rng.f64();
        let idle_days = if kept < population.never_used_share {
            None
        } else if kept < population.never_used_share + population.idle_share {
            Some(30.0 + 1065.0 * rng.f64().powi(3))
        } else {
            // Most people of a working site were there within a few days.
            Some(30.0 * rng.f64().powi(4))
        };
        let last_used = idle_days.map(|days| back(now, days.min(seat_days)));
        let quarantined = rng.f64() < population.quarantined_share && last_used.is_some();
        let quarantined_until =
            quarantined.then(|| now + TimeDelta::minutes((rng.f64() * 7.0 * 1440.0) as i64));
        Seat {
            id,
            kind,
            user: Some(user.id),
            created,
            modified: last_used.map_or(created, |used| used + TimeDelta::milliseconds(16)),
            modified_by: if last_used.is_some() {
                user.full_name()
            } else {
                "CORP\\admin01".to_owned()
            },
            last_used,
            excess: false,
            quarantined_until,
            deleted_user: None,
            user_place: Some(place),
        }
    }
}

fn back(now: DateTime<Utc>, days: f64) -> DateTime<Utc> {
    now - TimeDelta::milliseconds((days * 86_400_000.0) as i64)
}

/// First letter and family name without accents, with a number once names must repeat.
fn user_id(given: &str, family: &str, number: usize) -> String {
    let plain =
        |text: &str| -> String { text.to_lowercase().chars().filter_map(without_accent).collect() };
    let (given, family) = (plain(given), plain(family));
    let initial = given.get(..1).unwrap_or_default();
    format!("{initial}{family}{number}")
}

fn without_accent(c: char) -> Option<char> {
    Some(match c {
        'a'..='z' => c,
        'ä' | 'á' | 'å' => 'a',
        'é' => 'e',
        'í' => 'i',
        'ö' | 'ó' => 'o',
        'ü' | 'ú' => 'u',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn make(seed: u64, count: usize) -> (Vec<User>, Vec<Seat>) {
        let now: DateTime<Utc> = "2026-01-10T08:00:00Z".parse().unwrap();
        let population = Population { quarantined_share: 0.02, ..Population::default() };
        let mut generator = Generator::new(seed);
        let users: Vec<User> = (0..count).map(|_| generator.user(&population, now)).collect();
        let seats = users
            .iter()
            .enumerate()
            .map(|user| generator.seat(&population, SeatKind::Analyzer, user, now))
            .collect();
        (users, seats)
    }

    #[test]
    fn the_same_seed_makes_the_same_site() {
        assert_eq!(make(7, 50), make(7, 50));
        assert_ne!(make(7, 50), make(8, 50));
    }

    #[test]
    fn people_and_seats_are_believable() {
        let now: DateTime<Utc> = "2026-01-10T08:00:00Z".parse().unwrap();
        let (users, seats) = make(1, 5000);
        let ids: HashSet<_> = users.iter().map(|user| user.id).collect();
        let names: HashSet<_> = users.iter().map(User::full_name).collect();
        assert_eq!((ids.len(), names.len()), (5000, 5000));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        assert!(users.iter().all(|user| user.user_id.chars().all(plain)));
        assert!(users.iter().all(|user| !user.removed_externally || user.inactive));
        for (user, seat) in users.iter().zip(&seats) {
            assert!(user.created <= seat.created && seat.created <= now, "{seat:?}");
            assert!(seat.last_used.is_none_or(|used| seat.created <= used && used <= now));
        }
        let share = |count: usize| count as f64 / 5000.0;
        let never = share(seats.iter().filter(|seat| seat.last_used.is_none()).count());
        assert!((0.05..0.07).contains(&never), "{never}");
        let removed = share(users.iter().filter(|user| user.removed_externally).count());
        assert!((0.04..0.06).contains(&removed), "{removed}");
        let recent = |seat: &&Seat| seat.last_used.is_some_and(|t| now - t < TimeDelta::days(30));
        let recent = share(seats.iter().filter(recent).count());
        assert!((0.65..0.95).contains(&recent), "{recent}");
    }
}
