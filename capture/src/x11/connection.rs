//! The connection to an X server, and whether its screen is one that can be read.

use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::{ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::xproto::{ImageOrder, Screen, VisualClass, Window};
use x11rb::rust_connection::RustConnection;

use crate::CaptureError;

/// What every screen must have for its pixels to be BGRX without conversion.
const NEEDED_VISUAL: &str = "a little-endian TrueColor screen of depth 24 at 32 bits a pixel";

/// A connection with the name that people know it by.
#[derive(Debug)]
pub(super) struct Display {
    pub(super) conn: RustConnection,
    pub(super) root: Window,
    name: String,
    screen: usize,
}

impl Display {
    /// Connects to `name`, or to the display of the environment.
    pub(super) fn open(name: Option<&str>) -> Result<Self, CaptureError> {
        let Some(shown) = name.map(str::to_owned).or_else(|| std::env::var("DISPLAY").ok()) else {
            return Err(CaptureError::NoDisplay {
                display: "$DISPLAY".to_owned(),
                reason: "the variable is not set".to_owned(),
            });
        };
        let no_display =
            |reason: String| CaptureError::NoDisplay { display: shown.clone(), reason };
        let (conn, screen) =
            RustConnection::connect(name).map_err(|error| no_display(error.to_string()))?;
        let root = conn
            .setup()
            .roots
            .get(screen)
            .map(|screen| screen.root)
            .ok_or_else(|| no_display(format!("it has no screen {screen}")))?;
        Ok(Self { conn, root, name: shown, screen })
    }

    /// Bits a pixel of the root window has.
    pub(super) fn depth(&self) -> u8 {
        self.conn.setup().roots[self.screen].root_depth
    }

    /// Fails unless the server has the extension.
    pub(super) fn require(&self, extension: &'static str) -> Result<(), CaptureError> {
        match self.has(extension)? {
            true => Ok(()),
            false => Err(CaptureError::MissingExtension { display: self.name.clone(), extension }),
        }
    }

    /// Whether the server has the extension.
    pub(super) fn has(&self, extension: &'static str) -> Result<bool, CaptureError> {
        let found = self.conn.extension_information(extension).map_err(|e| self.lost(e))?;
        Ok(found.is_some())
    }

    /// Fails unless pixels of the root window are BGRX in memory.
    pub(super) fn require_bgrx(&self) -> Result<(), CaptureError> {
        let setup = self.conn.setup();
        let screen = &setup.roots[self.screen];
        match unreadable(screen, setup.image_byte_order, &setup.pixmap_formats) {
            None => Ok(()),
            Some(found) => Err(self.unsupported(found, NEEDED_VISUAL)),
        }
    }

    pub(super) fn unsupported(&self, found: String, needed: &'static str) -> CaptureError {
        CaptureError::Unsupported { display: self.name.clone(), found, needed }
    }

    /// The error for a connection that broke.
    #[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
    pub(super) fn lost(&self, error: ConnectionError) -> CaptureError {
        CaptureError::Lost { display: self.name.clone(), reason: error.to_string() }
    }

    /// The error for a reply that did not come.
    pub(super) fn no_reply(&self, request: &'static str) -> impl Fn(ReplyError) -> CaptureError {
        let display = self.name.clone();
        move |error| match error {
            ReplyError::ConnectionError(error) => {
                CaptureError::Lost { display: display.clone(), reason: error.to_string() }
            }
            ReplyError::X11Error(error) => CaptureError::Refused {
                display: display.clone(),
                request,
                reason: format!("{:?}", error.error_kind),
            },
        }
    }

    /// A fresh resource id.
    pub(super) fn id(&self) -> Result<u32, CaptureError> {
        self.conn.generate_id().map_err(|error| match error {
            ReplyOrIdError::IdsExhausted => CaptureError::Refused {
                display: self.name.clone(),
                request: "a resource id",
                reason: "all are taken".into(),
            },
            ReplyOrIdError::ConnectionError(error) => self.lost(error),
            ReplyOrIdError::X11Error(error) => {
                self.no_reply("a resource id")(ReplyError::X11Error(error))
            }
        })
    }
}

/// What keeps the screen's pixels from being read as BGRX, if anything does.
fn unreadable(
    screen: &Screen,
    order: ImageOrder,
    formats: &[x11rb::protocol::xproto::Format],
) -> Option<String> {
    let depth = screen.root_depth;
    if !matches!(depth, 24 | 32) {
        return Some(format!("depth {depth}"));
    }
    let visual = screen
        .allowed_depths
        .iter()
        .flat_map(|depth| &depth.visuals)
        .find(|visual| visual.visual_id == screen.root_visual);
    let Some(visual) = visual else { return Some("an unnamed visual".into()) };
    if visual.class != VisualClass::TRUE_COLOR {
        return Some(format!("a {:?} visual", visual.class));
    }
    let masks = (visual.red_mask, visual.green_mask, visual.blue_mask);
    if masks != (0xff_0000, 0xff00, 0xff) {
        return Some(format!("colour masks {:x}, {:x}, {:x}", masks.0, masks.1, masks.2));
    }
    if order != ImageOrder::LSB_FIRST {
        return Some("big-endian pixels".into());
    }
    match formats.iter().find(|format| format.depth == depth).map(|f| f.bits_per_pixel) {
        Some(32) => None,
        Some(bits) => Some(format!("{bits} bits a pixel")),
        None => Some(format!("no pixel format for depth {depth}")),
    }
}
