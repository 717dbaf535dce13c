//! Keeps what is needed to come back, without holding up the session's thread: files are written on
//! threads of the runtime, one after another, and only the newest state that waits.

use std::path::PathBuf;

use tessera_transport::pairing::Ticket;
use tokio::task::JoinSet;

use crate::Error;
use crate::kept::Kept;

/// Writes a session's file.
pub(crate) struct Keeper {
    data_dir: PathBuf,
    newest: Option<Kept>,
    is_dirty: bool,
    writing: JoinSet<(Ticket, Result<(), Error>)>,
}

impl Keeper {
    /// Keeps a session in `data_dir`.
    pub(crate) fn new(data_dir: PathBuf) -> Self {
        Self { data_dir, newest: None, is_dirty: false, writing: JoinSet::new() }
    }

    /// What is to be kept from now on.
    pub(crate) fn keep(&mut self, kept: Kept) {
        if self.newest.as_ref() != Some(&kept) {
            self.newest = Some(kept);
            self.is_dirty = true;
            self.write_if_idle();
        }
    }

    /// The state given last.
    pub(crate) const fn newest(&self) -> Option<&Kept> {
        self.newest.as_ref()
    }

    /// Waits until the newest ticket is in the file, or could not be written; for ever while there is
    /// nothing to wait for.
    pub(crate) async fn written(&mut self) -> Result<(), Error> {
        loop {
            let Some(finished) = self.writing.join_next().await else {
                return std::future::pending().await;
            };
            self.write_if_idle();
            match finished {
                Ok((ticket, result)) => {
                    if self.newest.as_ref().is_some_and(|newest| newest.ticket == ticket) {
                        return result;
                    }
                }
                // A write that panicked has written nothing.
                Err(error) => {
                    let (path, cause) = (self.data_dir.clone(), error.to_string());
                    return Err(Error::Kept { path, cause });
                }
            }
        }
    }

    /// The session is over: nothing stays behind.
    pub(crate) async fn forget(mut self) {
        while self.writing.join_next().await.is_some() {}
        if let Err(error) = Kept::forget(&self.data_dir) {
            tracing::warn!(%error, "the session that is over was not forgotten");
        }
    }

    fn write_if_idle(&mut self) {
        if !self.is_dirty || !self.writing.is_empty() {
            return;
        }
        self.is_dirty = false;
        if let Some(kept) = self.newest.clone() {
            let data_dir = self.data_dir.clone();
            self.writing.spawn_blocking(move || (kept.ticket.clone(), kept.write(&data_dir)));
        }
    }
}
