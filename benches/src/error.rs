//! What can go wrong, as sentences.

use std::path::PathBuf;

/// Why a measurement stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// No clip was found where one was named.
    #[error(
        "{path} holds no clip: name a NAME.json beside NAME.bgrx.zst, a video file, or a folder of them",
        path = .0.display()
    )]
    NoClip(PathBuf),
    /// A clip cannot be read.
    #[error("the clip {path} cannot be read: {1}", path = .0.display())]
    Clip(PathBuf, String),
    /// A file of coded frames breaks its own format.
    #[error("{path} is not a file that tessera-bench encode wrote: {1}", path = .0.display())]
    Coded(PathBuf, &'static str),
    /// A line of results cannot be read.
    #[error("{path}, line {1}: {2}; name a file of what codec --json printed", path = .0.display())]
    Results(PathBuf, usize, String),
    /// Recording stopped in the middle.
    #[error("the clip {0} could not be written to its end; is the disk full?")]
    Recording(String),
    /// An update is too long for an input of a fuzz target.
    #[error(
        "an update has {0} bytes, more than the 65535 of an input; take a smaller part of the clip"
    )]
    Seed(usize),
    /// The display cannot be recorded.
    #[error(transparent)]
    Capture(#[from] tessera_capture::CaptureError),
    /// Our decoder refused what our encoder made, or the pictures differ.
    #[error("frame {frame}: {what}; this is a defect of the codec, please report it with the clip")]
    Ours {
        /// Number of the frame in the clip, from 0.
        frame: usize,
        /// What went wrong.
        what: String,
    },
    /// A rival did not run.
    #[error("{0} failed; leave the rivals out with --only ours")]
    Rival(&'static str),
    /// The simulated network did not work.
    #[error("{0} could not be made on the simulated network")]
    Simulated(&'static str),
    /// The viewers of a share did not do their part.
    #[error("the viewers {0}; take a clip of more pictures, and try again")]
    Viewers(&'static str),
    /// A share or a connection of it failed.
    #[error(transparent)]
    Share(#[from] tessera::Error),
    /// QOI refused a picture.
    #[error("QOI: {0}")]
    Qoi(#[from] qoi::Error),
    /// libjpeg-turbo refused a picture.
    #[error("libjpeg-turbo: {0}")]
    Jpeg(#[from] turbojpeg::Error),
    /// A display, or a program on it, did not do its part.
    #[error(transparent)]
    Witness(#[from] tessera_witness::error::Error),
    /// The network could not be made.
    #[error(transparent)]
    Network(#[from] tessera_netlab::NetlabError),
    /// Reading or writing failed.
    #[error("reading or writing failed: {0}")]
    Io(#[from] std::io::Error),
}
