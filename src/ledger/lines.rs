//! Records in a file: one JSON object a line, with all that is needed to check the chain anywhere.

use super::chain::{Broken, Raw};

/// A record as a line, without a line end.
pub fn write(raw: &Raw) -> String {
    serde_json::to_string(raw).expect("a record has only text keys")
}

/// A record from a line. Only the very text that [`write()`] makes is taken: nothing in the line can
/// be changed unnoticed, not even a space.
///
/// # Errors
/// `place` with what is wrong.
pub fn read(place: &str, line: &str) -> Result<Raw, Broken> {
    let unreadable = |why| Broken::Unreadable { place: place.to_owned(), why };
    let raw: Raw = serde_json::from_str(line).map_err(|e| unreadable(e.to_string()))?;
    if write(&raw) != line {
        return Err(unreadable("it is not written as Bursar writes it".to_owned()));
    }
    Ok(raw)
}
