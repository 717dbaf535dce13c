//! A window over the whole desktop that changes every pixel and says which picture it is.
//!
//! A photo and a page of text take turns, both moving on. The number of each picture stands in two opposite
//! corners, so that a picture counts as seen only when it is there from the first row to the last.

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    ChangeGCAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, EventMask, Gcontext, Pixmap,
    Rectangle, Window, WindowClass,
};

use crate::display::{Area, Display, Grab};
use crate::error::Error;
use crate::picture::photo;

/// Edge of one cell of the number, in pixels: survives the rounding of a lossy picture.
const CELL: u16 = 16;

/// Cells in a row of the number; the second row holds the complement.
const CELLS: u16 = 16;

/// How far beyond the screen the pages reach, so that they can move.
const MARGIN: u16 = 256;

/// The text page's line height in pixels, for the server's own 13-pixel font.
const LINE: u16 = 15;

/// Makes the photo page. Arbitrary.
const PHOTO_SEED: u64 = 0x7e55;

/// What the pages of text say, over and over.
const WORDS: &str = "fn settle(&mut self, tile: TileIndex) -> Result<Exact, Error> { // 0123456789 \
    the quick brown fox jumps over the lazy dog; pack my box with five dozen liquor jugs }";

/// Where the number stands on a screen of this size: in the first and in the last corner.
pub fn number_areas(screen: Area) -> [Area; 2] {
    let (width, height) = (CELL * CELLS, CELL * 2);
    let far_x = screen.width.saturating_sub(width);
    let far_y = screen.height.saturating_sub(height);
    [Area { x: 0, y: 0, width, height }, Area { x: far_x, y: far_y, width, height }]
}

/// The number that a grab of one of [`number_areas`] shows, if it shows one.
pub fn read_number(grab: &Grab) -> Option<u16> {
    let row = |top: u16| {
        (0..CELLS).fold(0_u16, |number, cell| {
            let (x, y) = (cell * CELL + CELL / 2, top + CELL / 2);
            let pixel = (usize::from(y) * usize::from(grab.width) + usize::from(x)) * 4;
            let green = grab.bgrx.get(pixel + 1).copied().unwrap_or_default();
            number << 1 | u16::from(green >= 128)
        })
    };
    let number = row(0);
    (row(CELL) == !number).then_some(number)
}

/// The white cells of a number; every other cell is black.
fn white_cells(number: u16, origin: (u16, u16)) -> Vec<Rectangle> {
    let mut cells = Vec::new();
    for (row, bits) in [(0, number), (1, !number)] {
        for cell in (0..CELLS).filter(|cell| bits >> (CELLS - 1 - cell) & 1 == 1) {
            let (x, y) = (origin.0 + cell * CELL, origin.1 + row * CELL);
            cells.push(rectangle(Area { x, y, width: CELL, height: CELL }));
        }
    }
    cells
}

fn rectangle(area: Area) -> Rectangle {
    Rectangle {
        x: area.x.cast_signed(),
        y: area.y.cast_signed(),
        width: area.width,
        height: area.height,
    }
}

/// The window and the two pages, kept by the X server so that a change costs one copy.
#[derive(Debug)]
pub struct Canvas {
    display: Display,
    window: Window,
    gc: Gcontext,
    photo: Pixmap,
    text: Pixmap,
}

impl Canvas {
    /// Makes the window and the pages on the display called `name`; nothing is shown yet.
    ///
    /// # Errors
    ///
    /// When the display refuses.
    pub fn open(name: &str) -> Result<Self, Error> {
        let display = Display::connect(name)?;
        let Area { width, height, .. } = display.area();
        let connection = display.connection();
        let (window, gc) = (connection.generate_id()?, connection.generate_id()?);
        // Not the window manager's: it has to cover everything, at once, without a frame.
        let values = CreateWindowAux::new().override_redirect(1).event_mask(EventMask::NO_EVENT);
        connection.create_window(
            display.depth(),
            window,
            display.root(),
            0,
            0,
            width,
            height,
            0,
            WindowClass::INPUT_OUTPUT,
            x11rb::COPY_FROM_PARENT,
            &values,
        )?;
        connection.create_gc(gc, window, &CreateGCAux::new().graphics_exposures(0))?;
        let (page_width, page_height) = (width + MARGIN, height + MARGIN);
        let photo = display.upload(&photo(page_width, page_height, PHOTO_SEED))?;
        let text = connection.generate_id()?;
        connection.create_pixmap(display.depth(), text, window, page_width, page_height)?;
        let canvas = Self { display, window, gc, photo, text };
        canvas.fill_text(page_width, page_height)?;
        Ok(canvas)
    }

    fn fill_text(&self, width: u16, height: u16) -> Result<(), Error> {
        let connection = self.display.connection();
        let font = connection.generate_id()?;
        connection.open_font(font, b"fixed")?;
        let paper = ChangeGCAux::new().foreground(0x00fd_fdf8).background(0x00fd_fdf8);
        connection.change_gc(self.gc, &paper)?;
        let everything = Rectangle { x: 0, y: 0, width, height };
        connection.poly_fill_rectangle(self.text, self.gc, &[everything])?;
        for (index, y) in (LINE..height).step_by(usize::from(LINE)).enumerate() {
            let ink = [0x0020_2428, 0x001d_4f7c, 0x0080_3020][index % 3];
            connection.change_gc(self.gc, &ChangeGCAux::new().foreground(ink).font(font))?;
            // The words begin at another place in every line; each piece is within a request's 255 characters.
            let start = index * 7 % WORDS.len();
            let line: Vec<u8> = WORDS.bytes().cycle().skip(start).take(250).collect();
            for x in [0, 250 * 6] {
                connection.image_text8(self.text, self.gc, x, y.cast_signed(), &line)?;
            }
        }
        connection.close_font(font)?;
        self.display.sync()
    }

    /// Covers the desktop.
    ///
    /// # Errors
    ///
    /// When the display refuses.
    pub fn show(&self) -> Result<(), Error> {
        self.display.connection().map_window(self.window)?;
        Ok(self.display.connection().flush()?)
    }

    /// Draws picture `number`, even ones a photo and odd ones text, with one copy, so that no half of it is ever to be
    /// seen on the desktop.
    ///
    /// # Errors
    ///
    /// When the display refuses.
    pub fn draw(&self, number: u16) -> Result<(), Error> {
        let connection = self.display.connection();
        let screen = self.display.area();
        let page = if number.is_multiple_of(2) { self.photo } else { self.text };
        let origin = (number.wrapping_mul(7) % MARGIN, number.wrapping_mul(5) % MARGIN);
        for area in number_areas(screen) {
            let area = Area { x: area.x + origin.0, y: area.y + origin.1, ..area };
            connection.change_gc(self.gc, &ChangeGCAux::new().foreground(0))?;
            connection.poly_fill_rectangle(page, self.gc, &[rectangle(area)])?;
            connection.change_gc(self.gc, &ChangeGCAux::new().foreground(0x00ff_ffff))?;
            let cells = white_cells(number, (area.x, area.y));
            connection.poly_fill_rectangle(page, self.gc, &cells)?;
        }
        connection.copy_area(
            page,
            self.window,
            self.gc,
            origin.0.cast_signed(),
            origin.1.cast_signed(),
            0,
            0,
            screen.width,
            screen.height,
        )?;
        Ok(connection.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the server would show where a number is drawn.
    fn shown(number: u16) -> Grab {
        let [area, _] = number_areas(Area { x: 0, y: 0, width: 1920, height: 1080 });
        let mut bgrx = vec![0; usize::from(area.width) * usize::from(area.height) * 4];
        for cell in white_cells(number, (0, 0)) {
            for y in cell.y.cast_unsigned()..cell.y.cast_unsigned() + cell.height {
                for x in cell.x.cast_unsigned()..cell.x.cast_unsigned() + cell.width {
                    let pixel = (usize::from(y) * usize::from(area.width) + usize::from(x)) * 4;
                    bgrx[pixel..pixel + 4].fill(255);
                }
            }
        }
        Grab { width: area.width, height: area.height, bgrx }
    }

    #[test]
    fn numbers_read_as_they_were_drawn() {
        for number in [0, 1, 0x8001, 0x5a3c, u16::MAX] {
            assert_eq!(read_number(&shown(number)), Some(number));
        }
    }

    #[test]
    fn what_is_no_number_is_not_read_as_one() {
        let mut torn = shown(77);
        let upper_half = torn.bgrx.len() / 2;
        let other = shown(78);
        torn.bgrx[..upper_half].copy_from_slice(&other.bgrx[..upper_half]);
        assert_eq!(read_number(&torn), None);
        torn.bgrx.fill(200);
        assert_eq!(read_number(&torn), None);
    }
}
