//! Images of windows and pixmaps, brought over from the X server.
//!
//! The server writes each rectangle into shared memory (MIT-SHM 1.2, a passed file descriptor),
//! packed; without shared memory it comes as a plain `GetImage` reply.

use tessera_codec::{BYTES_PER_PIXEL, Size};
use x11rb::cookie::Cookie;
use x11rb::errors::ReplyError;
use x11rb::protocol::ErrorKind;
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{ConnectionExt as _, Drawable, GetImageReply, ImageFormat};
use x11rb::rust_connection::RustConnection;

use super::connection::Display;
use super::shared_memory::SharedMemory;
use crate::{CaptureError, SharedMemoryAbsent};

/// Bytes of each half of the shared memory. Half of what a core's own cache has on today's machines,
/// or less; a row of the widest screen fits many times.
pub(super) const HALF_BYTES: usize = 512 << 10;

const ALL_PLANES: u32 = !0;

#[derive(Debug)]
struct Segment {
    id: shm::Seg,
    memory: SharedMemory,
}

/// Asks for images and hands out their pixels.
#[derive(Debug)]
pub(super) struct Images {
    segment: Option<Segment>,
}

/// An image that was asked for.
pub(super) struct Requested<'c> {
    offset: usize,
    reply: Reply<'c>,
}

enum Reply<'c> {
    Shared(Cookie<'c, RustConnection, shm::GetImageReply>),
    Copied(Cookie<'c, RustConnection, GetImageReply>),
}

/// An image that has come: rows without gaps.
pub(super) enum Pixels<'m> {
    /// In the memory, from this byte on.
    Shared(&'m SharedMemory, usize),
    Copied(Vec<u8>),
}

impl Images {
    /// Shares memory with the server; the second value says why that cannot be, and images be slow.
    pub(super) fn open(
        display: &Display,
    ) -> Result<(Self, Option<SharedMemoryAbsent>), CaptureError> {
        match attach(display)? {
            Ok(segment) => Ok((Self { segment: Some(segment) }, None)),
            Err(reason) => Ok((Self { segment: None }, Some(SharedMemoryAbsent { reason }))),
        }
    }

    /// Asks for a rectangle of `drawable`, which the server may write from byte `offset` of the
    /// memory on; the whole memory has twice [`HALF_BYTES`].
    pub(super) fn request<'c>(
        &self,
        display: &'c Display,
        drawable: Drawable,
        (x, y): (i16, i16),
        size: Size,
        offset: usize,
    ) -> Result<Requested<'c>, CaptureError> {
        let conn = &display.conn;
        let format = ImageFormat::Z_PIXMAP;
        let Size { width, height } = size;
        let reply = match &self.segment {
            Some(Segment { id, .. }) => conn
                .shm_get_image(
                    drawable,
                    x,
                    y,
                    width,
                    height,
                    ALL_PLANES,
                    format.into(),
                    *id,
                    offset as u32,
                )
                .map(Reply::Shared),
            None => {
                conn.get_image(format, drawable, x, y, width, height, ALL_PLANES).map(Reply::Copied)
            }
        };
        Ok(Requested { offset, reply: reply.map_err(|error| display.lost(error))? })
    }

    /// Waits for an image.
    ///
    /// # Errors
    /// [`CaptureError::SizeChanged`] when the drawable has gone or shrunk since it was asked for.
    pub(super) fn receive(
        &self,
        display: &Display,
        requested: Requested<'_>,
    ) -> Result<Pixels<'_>, CaptureError> {
        let failed = |error: ReplyError| match error {
            ReplyError::X11Error(error)
                if matches!(
                    error.error_kind,
                    ErrorKind::Match | ErrorKind::Drawable | ErrorKind::Pixmap | ErrorKind::Window
                ) =>
            {
                CaptureError::SizeChanged
            }
            error => display.no_reply("an image of the screen")(error),
        };
        match (requested.reply, &self.segment) {
            (Reply::Shared(cookie), Some(segment)) => {
                cookie.reply().map_err(failed)?;
                Ok(Pixels::Shared(&segment.memory, requested.offset))
            }
            (Reply::Shared(cookie), None) => {
                cookie.reply().map_err(failed)?;
                Err(CaptureError::SizeChanged)
            }
            (Reply::Copied(cookie), _) => Ok(Pixels::Copied(cookie.reply().map_err(failed)?.data)),
        }
    }
}

impl Pixels<'_> {
    /// Copies pixels that begin `start` bytes into the image.
    pub(super) fn copy_to(&self, start: usize, into: &mut [u8]) {
        match self {
            Self::Shared(memory, offset) => memory.copy_to(offset + start, into),
            // A reply too short for its rectangle breaks the protocol; its pixels stay old.
            Self::Copied(data) => {
                if let Some(pixels) = data.get(start..start + into.len()) {
                    into.copy_from_slice(pixels);
                }
            }
        }
    }
}

/// Bytes of an image of this size.
pub(super) const fn bytes(size: Size) -> usize {
    size.area() * BYTES_PER_PIXEL
}

/// Shares memory with the server; the inner error says why it cannot be.
fn attach(display: &Display) -> Result<Result<Segment, String>, CaptureError> {
    let conn = &display.conn;
    if !display.has(shm::X11_EXTENSION_NAME)? {
        return Ok(Err("it has no MIT-SHM extension".into()));
    }
    let version = conn
        .shm_query_version()
        .map_err(|e| display.lost(e))?
        .reply()
        .map_err(display.no_reply("the version of MIT-SHM"))?;
    if (version.major_version, version.minor_version) < (1, 2) {
        return Ok(Err("its MIT-SHM is older than 1.2".into()));
    }
    let (memory, file) = match SharedMemory::new(2 * HALF_BYTES) {
        Ok(shared) => shared,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let id = display.id()?;
    let attached = match conn.shm_attach_fd(id, file, false) {
        Ok(cookie) => cookie.check(),
        Err(error) => Err(error.into()),
    };
    match attached {
        Ok(()) => Ok(Ok(Segment { id, memory })),
        Err(ReplyError::X11Error(error)) => Ok(Err(format!("{:?}", error.error_kind))),
        Err(ReplyError::ConnectionError(x11rb::errors::ConnectionError::FdPassingFailed)) => {
            Ok(Err("it is not on this machine".into()))
        }
        Err(error) => Err(display.no_reply("shared memory")(error)),
    }
}
