//! An X client: grabs pixels, moves the pointer, presses buttons and keys, finds windows.
//!
//! Plain `GetImage` on purpose: nothing is shared with the programs under test, not even a way of reading.

use x11rb::connection::{Connection, RequestConnection};
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _, CoordMode,
    CreateGCAux, ImageFormat, ImageOrder, Keysym, Pixmap, Point, StackMode, SubwindowMode, Window,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use crate::error::Error;
use crate::picture::Picture;

/// Event codes that XTEST's `FakeInput` takes, from the X protocol.
const KEY_PRESS: u8 = 2;
const KEY_RELEASE: u8 = 3;
const BUTTON_PRESS: u8 = 4;
const BUTTON_RELEASE: u8 = 5;
const MOTION_NOTIFY: u8 = 6;

/// The most bytes one property read may bring; window lists and class names are far smaller.
const PROPERTY_WORDS: u32 = 4096;

/// Bytes of a `PutImage` request besides the pixels.
const PUT_IMAGE_HEADER_BYTES: usize = 28;

/// A rectangle of a screen, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Its first column.
    pub x: u16,
    /// Its first row.
    pub y: u16,
    /// How many columns it has.
    pub width: u16,
    /// How many rows it has.
    pub height: u16,
}

impl Area {
    /// The pixel in the middle.
    pub fn middle(self) -> (u16, u16) {
        (self.x + self.width / 2, self.y + self.height / 2)
    }
}

/// Pixels of an area, four bytes each: blue, green, red, and one without meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grab {
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// The pixels, rows without gaps.
    pub bgrx: Vec<u8>,
}

impl Grab {
    /// Blue, green and red of every pixel, row by row.
    pub fn pixels(&self) -> impl Iterator<Item = [u8; 3]> + '_ {
        self.bgrx.chunks_exact(4).map(|pixel| [pixel[0], pixel[1], pixel[2]])
    }
}

/// A connection to an X display's first screen.
#[derive(Debug)]
pub struct Display {
    connection: RustConnection,
    root: Window,
    depth: u8,
    width: u16,
    height: u16,
}

impl Display {
    /// Connects to `name`, as in `:7`.
    pub fn connect(name: &str) -> Result<Self, Error> {
        let (connection, screen) = RustConnection::connect(Some(name))
            .map_err(|source| Error::Connect { display: name.into(), source })?;
        let setup = connection.setup();
        let screen = &setup.roots[screen];
        let (root, depth) = (screen.root, screen.root_depth);
        let (width, height) = (screen.width_in_pixels, screen.height_in_pixels);
        let four_bytes =
            setup.pixmap_formats.iter().any(|it| it.depth == depth && it.bits_per_pixel == 32);
        if depth != 24 || !four_bytes || setup.image_byte_order != ImageOrder::LSB_FIRST {
            return Err(Error::Unmet(format!(
                "display {name} does not have 24-bit colour in little-endian words; use another"
            )));
        }
        Ok(Self { connection, root, depth, width, height })
    }

    /// The connection, for requests that only one place makes.
    pub fn connection(&self) -> &RustConnection {
        &self.connection
    }

    /// The root window.
    pub fn root(&self) -> Window {
        self.root
    }

    /// Bits of colour in a pixel.
    pub fn depth(&self) -> u8 {
        self.depth
    }

    /// The whole screen.
    pub fn area(&self) -> Area {
        Area { x: 0, y: 0, width: self.width, height: self.height }
    }

    /// The pixels of `area`; the server leaves the pointer's picture out.
    pub fn grab(&self, area: Area) -> Result<Grab, Error> {
        let Area { x, y, width, height } = area;
        let reply = self
            .connection
            .get_image(
                ImageFormat::Z_PIXMAP,
                self.root,
                x.cast_signed(),
                y.cast_signed(),
                width,
                height,
                !0,
            )?
            .reply()?;
        let expected_bytes = usize::from(width) * usize::from(height) * 4;
        if reply.data.len() != expected_bytes {
            return Err(Error::X(format!(
                "it sent {} bytes for {width}x{height} pixels",
                reply.data.len()
            )));
        }
        Ok(Grab { width, height, bgrx: reply.data })
    }

    /// Changes the lowest bit of the blue of one pixel, over whatever window shows there.
    pub fn spoil_pixel(&self, x: u16, y: u16) -> Result<(), Error> {
        let before = self.grab(Area { x, y, width: 1, height: 1 })?;
        let [blue, green, red] = before.pixels().next().unwrap_or_default();
        let colour = u32::from_le_bytes([blue ^ 1, green, red, 0]);
        let gc = self.connection.generate_id()?;
        let values = CreateGCAux::new()
            .foreground(colour)
            .graphics_exposures(0)
            .subwindow_mode(SubwindowMode::INCLUDE_INFERIORS);
        self.connection.create_gc(gc, self.root, &values)?;
        let point = Point { x: x.cast_signed(), y: y.cast_signed() };
        self.connection.poly_point(CoordMode::ORIGIN, self.root, gc, &[point])?;
        self.connection.free_gc(gc)?;
        self.sync()
    }

    /// Puts the pointer on a pixel.
    pub fn move_pointer(&self, x: u16, y: u16) -> Result<(), Error> {
        let (x, y) = (x.cast_signed(), y.cast_signed());
        self.connection.xtest_fake_input(MOTION_NOTIFY, 0, 0, self.root, x, y, 0)?;
        Ok(self.connection.flush()?)
    }

    /// Where the pointer is.
    pub fn pointer(&self) -> Result<(i16, i16), Error> {
        let reply = self.connection.query_pointer(self.root)?.reply()?;
        Ok((reply.root_x, reply.root_y))
    }

    /// Presses and releases a button: 1 is the left one, 5 turns the wheel down.
    pub fn click(&self, button: u8) -> Result<(), Error> {
        self.connection.xtest_fake_input(BUTTON_PRESS, button, 0, self.root, 0, 0, 0)?;
        self.connection.xtest_fake_input(BUTTON_RELEASE, button, 0, self.root, 0, 0, 0)?;
        Ok(self.connection.flush()?)
    }

    /// Presses or releases the key with this code.
    pub fn key(&self, keycode: u8, pressed: bool) -> Result<(), Error> {
        let kind = if pressed { KEY_PRESS } else { KEY_RELEASE };
        self.connection.xtest_fake_input(kind, keycode, 0, self.root, 0, 0, 0)?;
        Ok(self.connection.flush()?)
    }

    /// The key that makes `keysym`, and whether shift has to be held for it.
    pub fn keycode(&self, keysym: Keysym) -> Result<(u8, bool), Error> {
        let setup = self.connection.setup();
        let count = setup.max_keycode - setup.min_keycode + 1;
        let map = self.connection.get_keyboard_mapping(setup.min_keycode, count)?.reply()?;
        let per_key = usize::from(map.keysyms_per_keycode).max(1);
        for (keycode, keysyms) in (setup.min_keycode..).zip(map.keysyms.chunks(per_key)) {
            if let Some(level) = keysyms.iter().take(2).position(|it| *it == keysym) {
                return Ok((keycode, level == 1));
            }
        }
        Err(Error::Unmet(format!("no key of this display's layout makes the keysym {keysym:#x}")))
    }

    /// Whether a window manager has taken charge of the screen.
    pub fn has_window_manager(&self) -> Result<bool, Error> {
        Ok(!self.windows_in("_NET_SUPPORTING_WM_CHECK", AtomEnum::WINDOW.into())?.is_empty())
    }

    /// The window manager's windows whose class contains `class` in any case.
    pub fn windows_of_class(&self, class: &str) -> Result<Vec<Window>, Error> {
        let mut found = Vec::new();
        for window in self.windows_in("_NET_CLIENT_LIST", AtomEnum::WINDOW.into())? {
            let reply = self
                .connection
                .get_property(
                    false,
                    window,
                    AtomEnum::WM_CLASS,
                    AtomEnum::STRING,
                    0,
                    PROPERTY_WORDS,
                )?
                .reply();
            // The window may be gone since it was listed.
            let Ok(reply) = reply else { continue };
            if String::from_utf8_lossy(&reply.value).to_lowercase().contains(class) {
                found.push(window);
            }
        }
        Ok(found)
    }

    /// The window that gets the keys, as the window manager says.
    pub fn active_window(&self) -> Result<Option<Window>, Error> {
        Ok(self
            .windows_in("_NET_ACTIVE_WINDOW", AtomEnum::WINDOW.into())?
            .first()
            .copied()
            .filter(|window| *window != x11rb::NONE))
    }

    /// Asks the window manager to put a window somewhere, on top.
    pub fn place(&self, window: Window, area: Area) -> Result<(), Error> {
        let values = ConfigureWindowAux::new()
            .x(i32::from(area.x))
            .y(i32::from(area.y))
            .width(u32::from(area.width))
            .height(u32::from(area.height))
            .stack_mode(StackMode::ABOVE);
        self.connection.configure_window(window, &values)?;
        self.sync()
    }

    /// Where a window's content is on the screen, cut to the screen.
    pub fn area_of(&self, window: Window) -> Result<Area, Error> {
        let size = self.connection.get_geometry(window)?.reply()?;
        let origin = self.connection.translate_coordinates(window, self.root, 0, 0)?.reply()?;
        let cut = |start: i16, length: u16, limit: u16| {
            let begin = i32::from(start).clamp(0, i32::from(limit));
            let end = (i32::from(start) + i32::from(length)).clamp(begin, i32::from(limit));
            // Both lie between 0 and a u16.
            (begin as u16, (end - begin) as u16)
        };
        let (x, width) = cut(origin.dst_x, size.width, self.width);
        let (y, height) = cut(origin.dst_y, size.height, self.height);
        Ok(Area { x, y, width, height })
    }

    /// Waits until the server has carried out everything asked so far.
    pub fn sync(&self) -> Result<(), Error> {
        self.connection.get_input_focus()?.reply()?;
        Ok(())
    }

    fn windows_in(&self, property: &str, kind: u32) -> Result<Vec<Window>, Error> {
        let atom = self.connection.intern_atom(false, property.as_bytes())?.reply()?.atom;
        let reply = self
            .connection
            .get_property(false, self.root, atom, kind, 0, PROPERTY_WORDS)?
            .reply()?;
        Ok(reply.value32().map(Iterator::collect).unwrap_or_default())
    }

    /// Brings a picture into a pixmap of the server's, in as many requests as its limit asks for.
    pub fn upload(&self, picture: &Picture) -> Result<Pixmap, Error> {
        let (pixmap, gc) = (self.connection.generate_id()?, self.connection.generate_id()?);
        let Picture { width, height, .. } = *picture;
        self.connection.create_pixmap(self.depth, pixmap, self.root, width, height)?;
        self.connection.create_gc(gc, pixmap, &CreateGCAux::new())?;
        let row_bytes = usize::from(width) * 4;
        let limit_bytes =
            self.connection.maximum_request_bytes().saturating_sub(PUT_IMAGE_HEADER_BYTES);
        let rows = (limit_bytes / row_bytes).clamp(1, usize::from(height));
        let mut y = 0;
        for strip in picture.bgrx.chunks(rows * row_bytes) {
            // At most the picture's height.
            let strip_rows = (strip.len() / row_bytes) as u16;
            let format = ImageFormat::Z_PIXMAP;
            self.connection
                .put_image(format, pixmap, gc, width, strip_rows, 0, y, 0, self.depth, strip)?;
            y += strip_rows.cast_signed();
        }
        self.connection.free_gc(gc)?;
        self.sync()?;
        Ok(pixmap)
    }

    /// Shows a picture behind all windows.
    pub fn show_wallpaper(&self, picture: &Picture) -> Result<(), Error> {
        let pixmap = self.upload(picture)?;
        let values = ChangeWindowAttributesAux::new().background_pixmap(pixmap);
        self.connection.change_window_attributes(self.root, &values)?;
        self.connection.clear_area(false, self.root, 0, 0, 0, 0)?;
        self.connection.free_pixmap(pixmap)?;
        self.sync()
    }
}
