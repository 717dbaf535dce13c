//! A square on the customer's desktop whose colour is a number.
//!
//! The colours lie so far apart that coarse coding does not turn one into another, and neighbouring numbers look
//! nothing alike.

use tessera_witness::display::{Area, Display, Grab};
use tessera_witness::error::Error;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    ChangeGCAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, Gcontext, Rectangle, Window,
    WindowClass,
};

use super::stage::PATCH;

/// Steps of each channel, from 0 to 255 in equal distances.
const STEPS: u32 = 6;

/// How many numbers have colours of their own.
pub(super) const NUMBERS: u32 = STEPS * STEPS * STEPS;

/// Coprime to [`NUMBERS`], so that all colours come in turn; arbitrary beyond that.
const STRIDE: u32 = 91;

/// What a channel may be off and still be read: less than half the distance of two steps.
const TOLERANCE: u8 = 24;

/// The square, in a window of its own above all others.
pub(super) struct Patch {
    display: Display,
    window: Window,
    gc: Gcontext,
}

impl Patch {
    /// Shows the square on the display called `name`.
    pub(super) fn show(name: &str) -> Result<Self, Error> {
        let display = Display::connect(name)?;
        let connection = display.connection();
        let (window, gc) = (connection.generate_id()?, connection.generate_id()?);
        let Area { x, y, width, height } = PATCH;
        let values = CreateWindowAux::new().override_redirect(1).background_pixel(colour(0));
        connection.create_window(
            display.depth(),
            window,
            display.root(),
            x.cast_signed(),
            y.cast_signed(),
            width,
            height,
            0,
            WindowClass::INPUT_OUTPUT,
            x11rb::COPY_FROM_PARENT,
            &values,
        )?;
        connection.create_gc(gc, window, &CreateGCAux::new().graphics_exposures(0))?;
        connection.map_window(window)?;
        display.sync()?;
        Ok(Self { display, window, gc })
    }

    /// Gives the square the colour of `number`, at once.
    pub(super) fn draw(&self, number: u32) -> Result<(), Error> {
        let connection = self.display.connection();
        let everything = Rectangle { x: 0, y: 0, width: PATCH.width, height: PATCH.height };
        connection.change_gc(self.gc, &ChangeGCAux::new().foreground(colour(number)))?;
        connection.poly_fill_rectangle(self.window, self.gc, &[everything])?;
        Ok(connection.flush()?)
    }
}

fn colour(number: u32) -> u32 {
    let code = number % NUMBERS * STRIDE % NUMBERS;
    let level = |step: u32| step % STEPS * (255 / (STEPS - 1));
    level(code) | level(code / STEPS) << 8 | level(code / STEPS / STEPS) << 16
}

/// The number, below [`NUMBERS`], whose colour a grab shows everywhere but at its very edge, where coarse coding may
/// blend in what is around.
pub(super) fn read(grab: &Grab) -> Option<u32> {
    const EDGE: usize = 2;
    let width = usize::from(grab.width);
    let rows = grab.bgrx.chunks_exact(width * 4).skip(EDGE);
    let rows = rows.take(usize::from(grab.height).saturating_sub(2 * EDGE));
    let mut pixels = rows.flat_map(|row| row[EDGE * 4..(width - EDGE) * 4].chunks_exact(4));
    let first = pixels.next()?;
    let step = |channel: u8| (u32::from(channel) + 25) / 51;
    let code = step(first[0]) + step(first[1]) * STEPS + step(first[2]) * STEPS * STEPS;
    let number = (0..NUMBERS).find(|number| number * STRIDE % NUMBERS == code)?;
    let [blue, green, red, _] = colour(number).to_le_bytes();
    let is_this = |pixel: &[u8]| {
        pixel.iter().zip([blue, green, red]).all(|(it, wanted)| it.abs_diff(wanted) <= TOLERANCE)
    };
    (is_this(first) && pixels.all(is_this)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(number: u32) -> Grab {
        let pixels = usize::from(PATCH.width) * usize::from(PATCH.height);
        let bgrx = colour(number).to_le_bytes().repeat(pixels);
        Grab { width: PATCH.width, height: PATCH.height, bgrx }
    }

    #[test]
    fn numbers_read_as_they_were_drawn_even_when_coded_coarsely() {
        for number in 0..NUMBERS {
            let mut grab = shown(number);
            assert_eq!(read(&grab), Some(number));
            let coarse = |(index, it): (usize, &mut u8)| {
                *it = if index % 3 == 0 { it.saturating_add(20) } else { it.saturating_sub(20) };
            };
            grab.bgrx.iter_mut().enumerate().for_each(coarse);
            assert_eq!(read(&grab), Some(number), "coarse");
        }
    }

    #[test]
    fn a_square_that_is_half_old_is_no_number() {
        let mut grab = shown(7);
        let half = grab.bgrx.len() / 2;
        grab.bgrx[half..].copy_from_slice(&shown(8).bgrx[half..]);
        assert_eq!(read(&grab), None);
    }
}
