//! Frames of film on their way to the thread that codes or decodes them, and back.

use tessera_codec::{FilmToCode, FilmToDecode};

use super::aside::Job;
use super::decode::Received;

/// Names of the threads.
pub(super) const CODER: &str = "tessera-film";
pub(super) const DECODER: &str = "tessera-unfilm";

/// A frame of a line's film.
pub(super) struct ToCode {
    /// Names the line.
    pub(super) line: u64,
    pub(super) film: Box<FilmToCode>,
}

impl Job for ToCode {
    fn run(&mut self) {
        self.film.code();
    }
}

/// A frame of film that was received.
pub(super) struct ToDecode {
    pub(super) received: Received,
    pub(super) film: Box<FilmToDecode>,
}

impl Job for ToDecode {
    fn run(&mut self) {
        self.film.decode(&self.received.bytes);
    }
}
