//! Other people's codecs, each given what suits it best.
//!
//! Still-picture codecs and zstd get only the changed 64x64 tiles of a frame, stacked 64 pixels
//! wide, as any screen sharing program would do for them; finding those tiles is not timed. Video
//! coders get whole frames through ffmpeg with the real-time settings of their manuals.

mod stills;
mod video;

pub(crate) use stills::{measure as measure_still, stills};
pub(crate) use video::{measure as measure_video, video_coders};
