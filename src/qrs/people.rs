//! Users in full, by id, many in one request.

use std::collections::{HashMap, HashSet, VecDeque};

use futures_util::stream::StreamExt;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::list::{self, Form, Limits};
use super::user::{Row, UserRow, element};
use super::{Client, Error, Field, Filter, Patience};
use crate::license::PersonRead;
use crate::license::ShapeError;

const ID: Field = Field::new("id");
const DIRECTORY: Field = Field::new("userDirectory");
const USER_ID: Field = Field::new("userId");

/// Longest path and query of a request. The server's own limit is 16 KB a URL; what stands before
/// it may have half of that.
const MAX_URL: usize = 8000;

/// Most users that are asked for one by one, because a list did not have them.
const MAX_SINGLES: usize = 100;

/// So many batches refused one after the other: the rest would be, too.
const MAX_REFUSED: usize = 5;

/// The same of batches that failed in whatever way, for each that is under way at a time: the site
/// is down, and waiting for the rest to fail as well would take hours.
const MAX_FAILED: usize = 5;

/// The smallest batch. A server that refuses even that doesn't know the filter.
const MIN_BATCH: usize = 8;

/// Most bytes of one user: 10,000 groups fit.
const MAX_USER: usize = 4 * 1024 * 1024;

/// Most bytes of text of all users of a reading: 200,000 users of 1 KiB, which is more than is kept of the usual
/// one. Those that come later are not read.
const MAX_TEXT: usize = 256 * 1024 * 1024;

/// Most bytes of a batch: 150 users of 400 KB, when the usual one has 1 to 5.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// What requests for several users brought.
#[derive(Debug, Default)]
struct Batch {
    read: HashMap<Uuid, PersonRead>,
    /// Those that can still be asked for one by one.
    missing: Vec<Uuid>,
}

impl Batch {
    /// Notes people that no list can be had of.
    fn give_up(&mut self, ids: Vec<Uuid>, error: &Error) {
        if may_be_too_long(error) {
            self.missing.extend(ids);
        } else {
            self.read.extend(ids.into_iter().map(|id| (id, PersonRead::Unreadable(error.what()))));
        }
    }
}

impl Client {
    /// One user in full.
    pub async fn person(&self, id: Uuid, patience: Patience) -> PersonRead {
        let path = format!("user/{id}");
        let unreadable = |error: Error| PersonRead::Unreadable(error.what());
        let row: UserRow = match self.get_object(&path, &[], patience).await {
            Ok(row) => row.value,
            Err(Error::NotFound { .. }) => return PersonRead::Gone,
            Err(error) => return unreadable(error),
        };
        let another = ShapeError::new("the user that was asked for", "another user");
        match row.person() {
            Ok(person) if person.id == id => PersonRead::Whole(person),
            Ok(_) => unreadable(Error::shape(&self.shown(&path), another)),
            Err(error) => unreadable(Error::shape(&self.shown(&path), error)),
        }
    }

    /// How many users have this account, `CORP\anna`, or this id, `anna`, in any directory.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn users_named(&self, name: &str, patience: Patience) -> Result<u64, Error> {
        let filter = match name.split_once('\\') {
            Some((directory, id)) => DIRECTORY.eq(directory).and(USER_ID.eq(id)),
            None => USER_ID.eq(name),
        };
        self.count("user", Some(&filter), patience).await
    }

    /// These users in full: an entry for each id that was asked for.
    ///
    /// They are read by `id eq ... or id eq ...`, as many at once as fit into a request. All ids of
    /// a request coming back proves the answer complete, without a count. Those that a list does
    /// not have are read one by one, up to a limit: a single user's 404 is a better proof that they
    /// are gone than a list that security rules may have cut.
    pub async fn people(&self, ids: &[Uuid], patience: Patience) -> HashMap<Uuid, PersonRead> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let mut all = Batch { read: HashMap::with_capacity(ids.len()), ..Batch::default() };
        let mut size = self.batch_size();
        let mut queue: VecDeque<Vec<Uuid>> = ids.chunks(size).map(<[Uuid]>::to_vec).collect();
        // Tasks of their own, so that one is parsed while another comes; they end with this set.
        let mut running = JoinSet::new();
        let (mut refused, mut failed) = (0, 0);
        let max_failed = MAX_FAILED * self.inner.transport.concurrency();
        self.progress().want_people(ids.len());
        // Why no further batch is sent.
        let mut stop: Option<Error> = None;
        let mut text = 0;
        loop {
            while running.len() < self.inner.transport.concurrency()
                && let Some(batch) = queue.pop_front()
            {
                if let Some(error) = &stop {
                    all.give_up(batch, error);
                } else if batch.len() > size {
                    queue.extend(batch.chunks(size).map(<[Uuid]>::to_vec));
                } else {
                    let client = self.clone();
                    running.spawn(async move { client.batch(batch, patience).await });
                }
            }
            let Some(joined) = running.join_next().await else { break };
            let (batch, result) = joined.expect("reading users doesn't panic");
            match result {
                Ok(answer) => {
                    (refused, failed) = (0, 0);
                    self.progress().read_people(batch.len());
                    text += answer.read.values().map(text_of).sum::<usize>();
                    if text > MAX_TEXT {
                        let url = self.shown("user/full");
                        stop.get_or_insert(Error::TooLarge { url, limit: MAX_TEXT });
                    }
                    all.read.extend(answer.read);
                    all.missing.extend(answer.missing);
                }
                // Perhaps the request was too long for something on the way.
                Err(error) if may_be_too_long(&error) && batch.len() > MIN_BATCH => {
                    size = size.min((batch.len() / 4).max(MIN_BATCH));
                    queue.push_back(batch);
                }
                Err(error) => {
                    refused += usize::from(!error.is_transient());
                    failed += 1;
                    self.progress().read_people(batch.len());
                    all.give_up(batch, &error);
                    if refused >= MAX_REFUSED || failed >= max_failed {
                        stop = Some(error);
                    }
                }
            }
            if stop.is_none() && patience.is_over() {
                stop = Some(Error::OutOfTime { url: self.shown("user/full") });
            }
        }
        let why = match stop.filter(may_be_too_long) {
            Some(refusal) => refusal.what(),
            None => format!("{} did not list this user", self.shown("user/full")),
        };
        self.singles(all.missing, why, patience, &mut all.read).await;
        all.read
    }

    /// How many ids fit into a request.
    fn batch_size(&self) -> usize {
        let length = |ids: &[Uuid]| {
            let filter = by_ids(ids).map(|filter| filter.to_string()).unwrap_or_default();
            let url = self.inner.transport.url("user/full", &[("filter", &filter)], &self.xrfkey());
            url[url::Position::BeforePath..].len()
        };
        let (one, two) = (length(&[Uuid::nil()]), length(&[Uuid::nil(); 2]));
        1 + (MAX_URL - one) / (two - one)
    }

    /// One request for several users, and two more if it did not bring them all.
    async fn batch(&self, ids: Vec<Uuid>, patience: Patience) -> (Vec<Uuid>, Result<Batch, Error>) {
        let result = self.batch_of(&ids, patience).await;
        (ids, result)
    }

    async fn batch_of(&self, ids: &[Uuid], patience: Patience) -> Result<Batch, Error> {
        let path = "user/full";
        let filter = by_ids(ids).expect("a batch has users");
        let text = filter.to_string();
        // Twice as many, so that users who are listed twice are found as such; a server that ignores
        // the filter is not read to its end.
        let limits = Limits { bytes: MAX_BODY, element: MAX_USER, rows: 2 * ids.len() };
        let form = Form { parse: element, limits };
        let mut again = true;
        loop {
            let rows = self
                .get(
                    path,
                    &[("filter", &text)],
                    || list::Reader::new(form, self.progress()),
                    patience,
                )
                .await?
                .value;
            let listed = rows.len();
            let batch =
                sorted(ids, rows).map_err(|error| Error::shape(&self.shown(path), error))?;
            let complete = batch.missing.is_empty();
            if complete || !std::mem::take(&mut again) {
                return Ok(batch);
            }
            match self.count("user", Some(&filter), patience).await {
                Ok(counted) if counted > listed as u64 => {}
                // Those that came are whole all the same.
                _ => return Ok(batch),
            }
        }
    }

    /// Reads users one by one, up to a limit. `why` says what became of asking for all at once.
    async fn singles(
        &self,
        mut ids: Vec<Uuid>,
        why: String,
        patience: Patience,
        read: &mut HashMap<Uuid, PersonRead>,
    ) {
        let count = ids.len();
        let why = format!("{why}; {count} such users are too many to ask for each");
        for id in ids.drain(count.min(MAX_SINGLES)..) {
            read.insert(id, PersonRead::Unreadable(why.clone()));
        }
        let people = ids.into_iter().map(async |id| {
            if !patience.is_over() {
                return (id, self.person(id, patience).await);
            }
            let late = Error::OutOfTime { url: self.shown(&format!("user/{id}")) };
            (id, PersonRead::Unreadable(late.what()))
        });
        let mut people =
            futures_util::stream::iter(people).buffer_unordered(self.inner.transport.concurrency());
        while let Some((id, person)) = people.next().await {
            read.insert(id, person);
        }
    }
}

/// The bytes of a user's texts.
fn text_of(person: &PersonRead) -> usize {
    let PersonRead::Whole(person) = person else { return 0 };
    let lists = [person.roles.as_deref(), person.groups.as_deref(), Some(&*person.tags)];
    let listed: usize = lists.into_iter().flatten().flatten().map(|text| text.len()).sum();
    let properties = person.properties.iter().map(|(name, value)| name.len() + value.len());
    listed
        + properties.sum::<usize>()
        + person.directory.len()
        + person.user_id.len()
        + person.name.len()
}

fn by_ids(ids: &[Uuid]) -> Option<Filter> {
    ID.any_of(ids.iter().copied())
}

/// Whether the server, or something before it, may have refused the length of the request.
fn may_be_too_long(error: &Error) -> bool {
    matches!(
        error,
        Error::BadFilter { .. }
            | Error::NotFound { .. }
            | Error::UnexpectedStatus { status: 414 | 431, .. }
    )
}

/// The rows by the ids that were asked for. An answer with a user that was not asked for is no
/// answer to this question.
fn sorted(ids: &[Uuid], rows: Vec<Row>) -> Result<Batch, ShapeError> {
    let asked: HashSet<Uuid> = ids.iter().copied().collect();
    let mut batch = Batch::default();
    for row in rows {
        let (id, person) = match row {
            Row::Whole(person) => (person.id, PersonRead::Whole(person)),
            Row::Odd(Some(id), error) => (id, PersonRead::Unreadable(error.to_string())),
            // No user at all: the one it stands for is missing.
            Row::Odd(None, _) => continue,
        };
        if !asked.contains(&id) {
            return Err(ShapeError::new("the users that were asked for", "another user"));
        }
        let person = match batch.read.contains_key(&id) {
            false => person,
            true => PersonRead::Unreadable("the list holds this user twice".to_owned()),
        };
        batch.read.insert(id, person);
    }
    batch.missing = ids.iter().filter(|id| !batch.read.contains_key(*id)).copied().collect();
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::license::Person;

    fn person(id: Uuid) -> Person {
        Person {
            id,
            directory: "CORP".into(),
            user_id: "anna".into(),
            name: "".into(),
            roles: None,
            groups: None,
            tags: Vec::new(),
            properties: Vec::new(),
            inactive: false,
            blocked: false,
            removed_externally: false,
        }
    }

    #[test]
    fn rows_are_sorted_by_what_was_asked() {
        let ids = [1, 2, 3].map(Uuid::from_u128);
        let row = |id| Row::Whole(person(Uuid::from_u128(id)));
        let odd = |id: Option<u128>| Row::Odd(id.map(Uuid::from_u128), ShapeError::new("a", "b"));
        let batch = sorted(&ids, vec![row(1), odd(Some(2)), odd(None)]).unwrap();
        assert!(matches!(batch.read[&ids[0]], PersonRead::Whole(_)));
        assert_eq!(batch.read[&ids[1]], PersonRead::Unreadable("expected a, found b".into()));
        assert_eq!(batch.missing, [ids[2]]);
        for twice in [vec![row(1), row(1)], vec![row(1), odd(Some(1))], vec![odd(Some(1)), row(1)]]
        {
            let batch = sorted(&ids, twice).unwrap();
            assert!(matches!(batch.read[&ids[0]], PersonRead::Unreadable(_)));
            assert_eq!(batch.missing, ids[1..]);
        }
        for stranger in [row(9), odd(Some(9))] {
            assert!(sorted(&ids, vec![row(1), stranger]).is_err());
        }
    }
}
