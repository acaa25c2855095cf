//! Rows that are found by id and by a place that never changes.

use std::collections::HashMap;

use uuid::Uuid;

/// Rows in the order they were added. A removed row leaves its place empty.
#[derive(Debug)]
pub(super) struct Table<T> {
    rows: Vec<Option<T>>,
    places: HashMap<Uuid, usize>,
    version: u64,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), places: HashMap::new(), version: 0 }
    }
}

impl<T> Table<T> {
    pub(crate) fn add(&mut self, id: Uuid, row: T) -> usize {
        self.version += 1;
        self.places.insert(id, self.rows.len());
        self.rows.push(Some(row));
        self.rows.len() - 1
    }

    pub(crate) fn remove(&mut self, id: Uuid) -> Option<T> {
        self.version += 1;
        let place = self.places.remove(&id)?;
        self.rows[place].take()
    }

    pub(crate) fn place(&self, id: Uuid) -> Option<usize> {
        self.places.get(&id).copied()
    }

    pub(crate) fn at(&self, place: usize) -> Option<&T> {
        self.rows.get(place)?.as_ref()
    }

    pub(crate) fn at_mut(&mut self, place: usize) -> Option<&mut T> {
        self.version += 1;
        self.rows.get_mut(place)?.as_mut()
    }

    pub(crate) fn get(&self, id: Uuid) -> Option<&T> {
        self.at(self.place(id)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().flatten()
    }

    /// The rows at these places; all of them without places.
    pub(crate) fn among<'a>(
        &'a self,
        places: Option<&'a [usize]>,
    ) -> Box<dyn Iterator<Item = &'a T> + 'a> {
        match places {
            None => Box::new(self.iter()),
            Some(places) => Box::new(places.iter().filter_map(|place| self.at(*place))),
        }
    }

    /// Places given out so far, empty ones included.
    pub(crate) fn capacity(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Changes whenever a row may have changed.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }
}
