//! Keeps what is needed to come back, without holding up the session's thread: files are written on
//! threads of the runtime, one after another, and only the newest state that waits.

use std::path::PathBuf;

use tokio::task::JoinSet;

use crate::Error;
use crate::kept::Kept;

/// Writes a session's file.
pub(crate) struct Keeper {
    data_dir: PathBuf,
    newest: Option<Kept>,
    is_dirty: bool,
    writing: JoinSet<Result<(), Error>>,
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

    /// Waits until the newest state is in the file, or could not be written; for ever while there is
    /// nothing to wait for.
    pub(crate) async fn written(&mut self) -> Result<(), Error> {
        loop {
            match self.writing.join_next().await {
                None => std::future::pending().await,
                Some(result) => {
                    self.write_if_idle();
                    if self.writing.is_empty() {
                        // A write that panicked has written nothing.
                        return result.unwrap_or_else(|error| {
                            Err(Error::Kept {
                                path: self.data_dir.clone(),
                                cause: error.to_string(),
                            })
                        });
                    }
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
            self.writing.spawn_blocking(move || kept.write(&data_dir));
        }
    }
}
