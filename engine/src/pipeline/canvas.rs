//! A screen that a program draws itself: a framebuffer whose changes are shared like a desktop's.
//!
//! The program draws into a [`Canvas`] and says what it drew; the other end, a [`CanvasSource`], is
//! what a [`Sharer`](super::Sharer) captures. Pixels are copied once more than from an X server,
//! since the program goes on drawing while the former state is read.

use std::convert::Infallible;
use std::time::Duration;

use mio::{Events, Poll, Token};
use tessera_capture::{CaptureError, Monitor, ScreenSource, SourceEvent, SourceWaker, Wake};
use tessera_codec::{Frame, Rect, Region, Size};

use super::pictures::{Reader, Writer, pictures};

/// The drawing program's end.
pub struct Canvas {
    frame: Frame,
    drawn: Region,
    pictures: Writer<()>,
    waker: SourceWaker,
}

/// The sharing end of a [`Canvas`].
pub struct CanvasSource {
    pictures: Reader<()>,
    poll: Poll,
    polled: Events,
    waker: SourceWaker,
    monitors: [Monitor; 1],
    size: Size,
    untouched: bool,
}

impl Canvas {
    /// A black canvas of `size` and its source.
    ///
    /// # Errors
    /// When the system refuses an event queue.
    pub fn new(size: Size) -> Result<(Self, CanvasSource), CaptureError> {
        let refused = |source| CaptureError::System { what: "an event queue", source };
        let poll = Poll::new().map_err(refused)?;
        let waker = SourceWaker::new(poll.registry(), Token(0))?;
        let (writer, reader) = pictures(size);
        let monitor = Monitor { name: "canvas".to_owned(), rect: size.rect(), primary: true };
        let source = CanvasSource {
            pictures: reader,
            poll,
            polled: Events::with_capacity(4),
            waker: waker.clone(),
            monitors: [monitor],
            size,
            untouched: true,
        };
        let drawn = Region::empty(size);
        Ok((Self { frame: Frame::black(size), drawn, pictures: writer, waker }, source))
    }

    /// The framebuffer, for drawing. What is drawn is shared by the next [`Self::share`].
    pub const fn frame_mut(&mut self) -> &mut Frame {
        &mut self.frame
    }

    /// Shares what was drawn within `drawn`; pixels outside the canvas are ignored.
    pub fn share(&mut self, drawn: Rect) {
        self.drawn.clear();
        self.drawn.add(drawn);
        let frame = &self.frame;
        let copied: Result<bool, Infallible> = self.pictures.write(
            &self.drawn,
            |tiles, picture| {
                for rect in tiles.rects() {
                    picture.copy_rect(frame.view(), rect);
                }
                Ok(())
            },
            |()| {},
        );
        match copied {
            Ok(is_shown) => {
                debug_assert!(is_shown, "of three pictures the reader holds two at most");
                self.waker.wake();
            }
            Err(never) => match never {},
        }
    }
}

impl ScreenSource for CanvasSource {
    fn size(&self) -> Size {
        self.size
    }

    fn monitors(&self) -> &[Monitor] {
        &self.monitors
    }

    fn waker(&self) -> SourceWaker {
        self.waker.clone()
    }

    fn wait(
        &mut self,
        timeout: Option<Duration>,
        damage: &mut Region,
        _events: &mut Vec<SourceEvent>,
    ) -> Result<Wake, CaptureError> {
        if damage.grid().size() != self.size {
            *damage = Region::full(self.size);
        }
        if std::mem::take(&mut self.untouched) {
            damage.fill();
            self.pictures.advance();
            return Ok(Wake::Activity);
        }
        match self.poll.poll(&mut self.polled, timeout) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                return Err(CaptureError::System { what: "an event queue", source: error });
            }
            _ => {}
        }
        let woken = !self.polled.is_empty();
        if self.pictures.advance() {
            if let Some(picture) = self.pictures.current() {
                damage.merge(&picture.changed);
            }
            return Ok(Wake::Activity);
        }
        Ok(if woken { Wake::Woken } else { Wake::TimedOut })
    }

    fn read(&mut self, region: &Region, into: &mut Frame) -> Result<(), CaptureError> {
        if region.grid().size() != self.size || into.size() != self.size {
            return Err(CaptureError::SizeChanged);
        }
        match self.pictures.current() {
            Some(picture) => {
                for rect in region.rects() {
                    into.copy_rect(picture.frame.view(), rect);
                }
            }
            None => into.data_mut().fill(0),
        }
        Ok(())
    }
}

impl std::fmt::Debug for Canvas {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Canvas").field("frame", &self.frame).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for CanvasSource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("CanvasSource").field("size", &self.size).finish_non_exhaustive()
    }
}
