//! From a picture to the pixels of a real window.

use std::num::NonZeroU32;
use std::rc::Rc;

use softbuffer::{Context, SoftBufferError, Surface};
use tessera::{Rect, Size, view};
use winit::event_loop::{ActiveEventLoop, OwnedDisplayHandle};
use winit::window::Window;

use super::annotation::Over;
use super::canvas::{Canvas, Look};
use super::viewport::Viewport;

/// A window's memory and what is drawn there.
pub(crate) struct Presenter {
    surface: Surface<OwnedDisplayHandle, Rc<Window>>,
    size: Size,
    canvas: Canvas,
    /// Parts that changed in one drawing, kept to save an allocation.
    damage: Vec<Rect>,
    rects: Vec<softbuffer::Rect>,
}

impl Presenter {
    /// Makes memory for `window`.
    pub(crate) fn new(
        event_loop: &ActiveEventLoop,
        window: Rc<Window>,
    ) -> Result<Self, SoftBufferError> {
        let context = Context::new(event_loop.owned_display_handle())?;
        let surface = Surface::new(&context, window)?;
        Ok(Self {
            surface,
            size: Size::default(),
            canvas: Canvas::default(),
            damage: Vec::new(),
            rects: Vec::new(),
        })
    }

    /// Where the picture lies, after the first one.
    pub(crate) const fn viewport(&self) -> Option<Viewport> {
        self.canvas.viewport()
    }

    /// The window has this many pixels now.
    pub(crate) fn resize(&mut self, size: Size) -> Result<(), SoftBufferError> {
        let width = NonZeroU32::new(size.width.into());
        let height = NonZeroU32::new(size.height.into());
        if let (Some(width), Some(height)) = (width, height) {
            self.surface.resize(width, height)?;
            self.size = size;
        }
        Ok(())
    }

    /// Draws `picture` as `look` says, with what is `over` it, and waits until the display has taken it, so that what
    /// the sharer is told to be presented is.
    pub(crate) fn show(
        &mut self,
        picture: view::Picture<'_>,
        over: &mut Over<'_>,
        look: Look<'_>,
    ) -> Result<(), SoftBufferError> {
        if self.size.is_empty() {
            return Ok(());
        }
        let mut buffer = self.surface.buffer_mut()?;
        self.damage.clear();
        self.canvas.draw(&mut buffer, self.size, picture, look, over, &mut self.damage);
        self.rects.clear();
        self.rects.extend(self.damage.iter().filter_map(|&rect| surface_rect(rect)));
        if !self.rects.is_empty() {
            buffer.present_with_damage(&self.rects)?;
            self.wait_until_taken()?;
        }
        Ok(())
    }

    /// Puts the window's memory on the display again, as it is.
    pub(crate) fn repeat(&mut self) -> Result<(), SoftBufferError> {
        if self.canvas.viewport().is_some() {
            self.surface.buffer_mut()?.present()?;
            self.wait_until_taken()?;
        }
        Ok(())
    }

    /// The memory is handed out only after the display has copied it.
    fn wait_until_taken(&mut self) -> Result<(), SoftBufferError> {
        self.surface.buffer_mut().map(drop)
    }
}

fn surface_rect(rect: Rect) -> Option<softbuffer::Rect> {
    Some(softbuffer::Rect {
        x: rect.x.into(),
        y: rect.y.into(),
        width: NonZeroU32::new(rect.width.into())?,
        height: NonZeroU32::new(rect.height.into())?,
    })
}
