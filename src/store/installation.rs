//! Which installation this is: a short random id, in a file beside the store. It stays with the store
//! through restarts and updates; a copy of the store alone, made elsewhere, gets another.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::input;

/// Letters of the id: 16 million of them.
const LETTERS: usize = 6;

/// The id that is kept, if there is one.
pub fn known(store: &Path) -> Option<String> {
    let mut text = String::new();
    let file = input::open(&beside(store), input::SMALL).ok()?;
    file.take(64).read_to_string(&mut text).ok()?;
    let id = text.trim();
    let fits = id.len() == LETTERS && id.chars().all(|c| c.is_ascii_hexdigit());
    fits.then(|| id.to_owned())
}

/// Makes one where there is none. Only for the daemon, of which there is one per store.
///
/// # Errors
/// The folder can't be written to, or something else lies there under that name.
pub fn make(store: &Path) -> io::Result<()> {
    if known(store).is_some() {
        return Ok(());
    }
    let path = beside(store);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut file = options.open(&path).map_err(named)?;
    let id = uuid::Uuid::new_v4().simple().to_string();
    writeln!(file, "{}", &id[..LETTERS]).map_err(named)
}

fn beside(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push("-id");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_made_once_and_stays() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ids = [&here, &there].map(|folder| {
            let store = folder.path().join("bursar.db");
            assert_eq!(known(&store), None);
            make(&store).unwrap();
            let id = known(&store);
            make(&store).unwrap();
            assert_eq!(known(&store), id);
            id.unwrap()
        });
        assert_ne!(ids[0], ids[1]);
        assert!(ids.iter().all(|id| id.len() == LETTERS), "{ids:?}");
    }

    #[test]
    fn what_else_lies_there_is_no_id_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("bursar.db");
        std::fs::write(beside(&store), "something else\n").unwrap();
        assert_eq!(known(&store), None);
        assert!(make(&store).unwrap_err().to_string().contains("bursar.db-id"));
        assert_eq!(std::fs::read_to_string(beside(&store)).unwrap(), "something else\n");
    }
}
