//! Whom a person means who names somebody in a command: by account, or by the user id alone.

use super::rules::fold;
use super::run::{Engine, RunError, Undo};
use super::undo;
use crate::license::Holder;

/// `CORP\anna`, or only `anna` in any directory; compared as rules of release are.
pub fn is_named(holder: &Holder, text: &str) -> bool {
    let wanted = fold(text);
    fold(&holder.account()) == wanted || fold(&holder.user_id) == wanted
}

impl Engine {
    /// What is to be undone: a run by its id or the beginning of it, or a user by account or id.
    ///
    /// # Errors
    /// When there is no such thing, or several.
    pub async fn to_undo(&self, text: &str, also: bool) -> Result<Undo, RunError> {
        let text = text.trim();
        if text.contains('\\') {
            return Ok(Undo::User(text.to_owned()));
        }
        let is_run = !self.store.records_of(text).await?.is_empty();
        let mut accounts = undo::accounts_named(self, text).await?;
        let run = || Undo::Run { run: text.to_owned(), also };
        match (is_run, accounts.len()) {
            (true, 0) => Ok(run()),
            (false, 1) => Ok(Undo::User(accounts.remove(0))),
            (false, 0) => Err(RunError::Unusable(format!(
                "there is no run {text}, and the ledger knows no release of a seat of a user \
                 {text} on this site; the runs are listed by `bursar release history`"
            ))),
            (is_run, _) => {
                let run = if is_run { "a run and " } else { "" };
                Err(RunError::Unusable(format!(
                    "{text} may mean {run}{}; write the user as DIRECTORY\\id{}",
                    accounts.join(" and "),
                    if is_run { ", or more of the run's id" } else { "" }
                )))
            }
        }
    }
}
