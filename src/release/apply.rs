//! One seat at a time: read again, compare, intent, DELETE, read again, outcome.
