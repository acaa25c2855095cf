//! Nothing leaks: servers that repeat what they were sent, and texts that want to be more than text.

mod echo;
#[cfg(unix)]
mod exposed;
mod hostile;
mod rights;
