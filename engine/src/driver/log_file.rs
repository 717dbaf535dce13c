//! The file of a consent log, which only grows: lines are written in order on threads of the runtime, so that the session's
//! thread never waits for a disk.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tessera_transport::Fingerprint;
use tessera_transport::pairing::Number;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::clock;
use crate::session::log::{Line, Report, verify};

/// Folder of the logs in the data folder.
const FOLDER: &str = "consent";

/// How a log's file name ends.
const SUFFIX: &str = "jsonl";

/// Lines that may wait for the disk. A session writes a few in a minute.
const QUEUE: usize = 256;

/// Characters of a key in a file's name: enough to tell a session's participants apart.
const KEY_CHARS: usize = 16;

/// Largest file that is read when a program is started anew within a session.
const MAX_BYTES: u64 = 16 << 20;

/// A file that lines are added to.
pub(crate) struct LogFile {
    queue: mpsc::Sender<Vec<u8>>,
    writer: JoinHandle<()>,
}

impl LogFile {
    /// A new file for what `customer` agrees to in a session.
    pub(crate) fn create(data_dir: &Path, session: Number, customer: Fingerprint) -> Self {
        let began_s = clock::now_us() / 1_000_000;
        let name = format!("{began_s}-{}.{SUFFIX}", ending(session, customer));
        Self::at(data_dir.join(FOLDER).join(name))
    }

    /// The newest file of this customer and session, and what it holds so far; a new one if there is none.
    pub(crate) fn reopen(
        data_dir: &Path,
        session: Number,
        customer: Fingerprint,
    ) -> (Self, Report) {
        let ending = format!("-{}.{SUFFIX}", ending(session, customer));
        let names = std::fs::read_dir(data_dir.join(FOLDER)).into_iter().flatten().flatten();
        let newest = names
            .map(|entry| entry.path())
            .filter(|path| path.to_str().is_some_and(|path| path.ends_with(&ending)))
            .max();
        let Some(path) = newest else {
            return (Self::create(data_dir, session, customer), Report::default());
        };
        let is_small = std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() <= MAX_BYTES);
        let content = is_small.then(|| std::fs::read(&path).unwrap_or_default());
        let report = verify(&content.unwrap_or_default(), Some(customer));
        (Self::at(path), report)
    }

    fn at(path: PathBuf) -> Self {
        let (queue, mut lines) = mpsc::channel::<Vec<u8>>(QUEUE);
        let writer = tokio::task::spawn_blocking(move || {
            let mut file: Option<std::fs::File> = None;
            while let Some(line) = lines.blocking_recv() {
                let written = match &mut file {
                    Some(file) => file.write_all(&line),
                    None => open(&path).and_then(|opened| file.insert(opened).write_all(&line)),
                };
                if let Err(error) = written {
                    tracing::error!(path = %path.display(), %error, "the consent log is not written: check the data folder");
                }
            }
            // The system has each line at once, so that a killed program loses none; a loss of power may cost those of
            // a session that goes on, and the other side's file has them.
            if let Some(Err(error)) = file.map(|file| file.sync_all()) {
                tracing::error!(path = %path.display(), %error, "the consent log may be incomplete: check the disk");
            }
        });
        Self { queue, writer }
    }

    /// Adds a line.
    pub(crate) fn append(&self, line: &Line) {
        if self.queue.try_send(line.to_bytes()).is_err() {
            tracing::error!("the consent log lacks a line: the disk is too slow");
        }
    }

    /// Waits until every line is in the file.
    pub(crate) async fn finish(self) {
        drop(self.queue);
        let _ = self.writer.await;
    }
}

fn ending(session: Number, customer: Fingerprint) -> String {
    let digits: String = session.to_string().chars().filter(char::is_ascii_digit).collect();
    let key: String = customer.to_string().chars().take(KEY_CHARS).collect();
    format!("{digits}-{key}")
}

fn open(path: &Path) -> std::io::Result<std::fs::File> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}
