//! Annotation mode in the share window: tools by key and mouse, the layer over the picture.
//!
//! While the mode is on, mouse and keyboard draw and nothing is passed on to the customer.

use std::time::{Duration, Instant};

use tessera::annotate::{
    Board, Canvas, Colour, Edges, Hand, Implement, Layer, Op, Painter, Place, Point, Rights, Tool,
};
use tessera::{BYTES_PER_PIXEL, Frame, Rect};
use winit::keyboard::{Key, NamedKey};

use super::viewport::Viewport;

/// The representative whose session it is may erase everything.
const RIGHTS: Rights = Rights { erase_any: true };

/// What the palette offers, each with its key.
const IMPLEMENTS: [(char, &str, Implement); 8] = [
    ('1', "Highlighter", Implement::Draw(Tool::Highlighter)),
    ('2', "Pen", Implement::Draw(Tool::Pen)),
    ('3', "Line", Implement::Draw(Tool::Line)),
    ('4', "Arrow", Implement::Draw(Tool::Arrow)),
    ('5', "Rectangle", Implement::Draw(Tool::Rectangle)),
    ('6', "Text", Implement::Draw(Tool::Text)),
    ('7', "Pointer", Implement::Pointer),
    ('8', "Eraser", Implement::Eraser),
];

/// The rest of the palette.
const DEEDS: [(char, &str, Deed); 4] = [
    ('x', "Clear all", Deed::Clear),
    ('c', "Capture", Deed::Capture),
    ('p', "Hide this (p shows it)", Deed::Palette),
    ('q', "Stop (Esc)", Deed::Leave),
];

/// What the first line of the palette means.
const TITLE: &str = "Annotating";

/// Pixels between the palette and the window's corner.
const MARGIN: u16 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Clear,
    Capture,
    Palette,
    Leave,
}

/// What somebody at the window wants beyond drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nothing.
    None,
    /// To leave annotation mode.
    Leave,
    /// A file with the picture and what is drawn over it.
    Capture,
}

/// See the module text.
pub(crate) struct Annotation {
    board: Board,
    /// In annotation mode.
    hand: Option<Hand>,
    has_palette: bool,
    painter: Painter,
    /// Parts of the picture over which something else is drawn now.
    changed: Vec<Rect>,
    /// Whether the palette looks otherwise.
    anew: bool,
    started: Instant,
    out: Vec<Op>,
}

impl Annotation {
    pub(crate) fn new(board: Board) -> Self {
        Self {
            board,
            hand: None,
            has_palette: true,
            painter: Painter::default(),
            changed: Vec::new(),
            anew: false,
            started: Instant::now(),
            out: Vec::new(),
        }
    }

    /// Whether annotation mode is on.
    pub(crate) const fn is_on(&self) -> bool {
        self.hand.is_some()
    }

    /// Annotation mode begins or ends.
    pub(crate) fn set_on(&mut self, on: bool) {
        if on == self.is_on() {
            return;
        }
        self.anew = true;
        match self.hand.take() {
            Some(mut hand) => self.board.with(|layer| hand.rest(layer, &mut self.out)),
            None => self.hand = self.board.own().map(|own| Hand::new(own, RIGHTS)),
        }
    }

    /// What was drawn since the last call, to be told to everybody.
    pub(crate) fn drawn(&mut self) -> impl Iterator<Item = Op> + '_ {
        self.out.drain(..)
    }

    /// The pointer moved to `at` of the picture.
    pub(crate) fn on_pointer(&mut self, at: Point) {
        let now_us = self.now_us();
        if let Some(hand) = &mut self.hand {
            self.board.with(|layer| hand.drag(at, now_us, layer, &mut self.out));
        }
    }

    /// The left button went down or up at `at` of the picture, which is `spot` of the window.
    pub(crate) fn on_button(&mut self, pressed: bool, at: Point, spot: (f64, f64)) -> Wish {
        let Some(hand) = &mut self.hand else { return Wish::None };
        if !pressed {
            hand.release(&mut self.out);
            return Wish::None;
        }
        if let Some(key) = self.has_palette.then(|| label_at(spot)).flatten() {
            return self.choose(key);
        }
        self.board.with(|layer| hand.press(at, layer, &mut self.out));
        Wish::None
    }

    /// A key was pressed that types `text`.
    pub(crate) fn on_key(&mut self, key: &Key, text: Option<&str>) -> Wish {
        let Some(hand) = &mut self.hand else { return Wish::None };
        match key {
            Key::Named(NamedKey::Escape | NamedKey::Enter) if hand.is_typing() => {
                hand.finish(&mut self.out);
            }
            Key::Named(NamedKey::Backspace) if hand.is_typing() => {
                self.board.with(|layer| hand.backspace(layer));
            }
            _ if hand.is_typing() => self.board.with(|layer| {
                text.unwrap_or_default().chars().for_each(|typed| hand.type_char(typed, layer));
            }),
            Key::Named(NamedKey::Escape) => return Wish::Leave,
            Key::Named(NamedKey::Delete) => return self.choose('x'),
            Key::Character(typed) => {
                if let Some(key) = typed.chars().next() {
                    return self.choose(key.to_ascii_lowercase());
                }
            }
            _ => {}
        }
        Wish::None
    }

    /// When [`Self::settle`] has something to do.
    pub(crate) fn due(&self) -> Option<Instant> {
        let due_us = self.hand.as_ref()?.due_us()?;
        Some(self.started + Duration::from_micros(due_us))
    }

    /// Tells what has rested untold for long enough.
    pub(crate) fn settle(&mut self) {
        let now_us = self.now_us();
        if let Some(hand) = &mut self.hand {
            hand.tell_if_due(now_us, &mut self.out);
        }
    }

    /// Has `draw` draw a picture with the layer and the palette over it. A `moment` of the layer is
    /// drawn: it does not change meanwhile.
    pub(crate) fn over<T>(&mut self, draw: impl FnOnce(&mut Over<'_>) -> T) -> T {
        let (painter, changed) = (&mut self.painter, &mut self.changed);
        let palette = self.hand.as_ref().filter(|_| self.has_palette).map(Hand::implement);
        let anew = std::mem::take(&mut self.anew);
        self.board.with(|layer| {
            changed.extend(layer.take_changed());
            let drawn = draw(&mut Over { layer, painter, changed, palette, anew });
            changed.clear();
            drawn
        })
    }

    /// Draws the layer on a picture itself, for a file.
    pub(crate) fn draw_on(&mut self, frame: &mut Frame) {
        let size = frame.size();
        let words = frame.data().chunks_exact(BYTES_PER_PIXEL);
        let mut pixels: Vec<u32> =
            words.map(|bgrx| u32::from_le_bytes([bgrx[0], bgrx[1], bgrx[2], 0])).collect();
        let place = Place { source: size.rect(), area: size.rect() };
        let mut canvas = Canvas { pixels: &mut pixels, width: size.width };
        self.board.with(|layer| {
            self.painter.paint(layer, place, size.rect(), Edges::Soft, &mut canvas);
        });
        for (bgrx, word) in frame.data_mut().chunks_exact_mut(BYTES_PER_PIXEL).zip(pixels) {
            bgrx.copy_from_slice(&word.to_le_bytes());
        }
    }

    fn choose(&mut self, key: char) -> Wish {
        let Some(hand) = &mut self.hand else { return Wish::None };
        if let Some((_, _, implement)) = IMPLEMENTS.iter().find(|(of, _, _)| *of == key) {
            let again = *implement == Implement::Eraser && hand.implement() == Implement::Eraser;
            // Choosing the eraser again turns it off (ANN-06).
            let next = if again { Implement::Draw(Tool::Highlighter) } else { *implement };
            self.board.with(|layer| hand.hold(next, layer, &mut self.out));
            self.anew = true;
            return Wish::None;
        }
        match DEEDS.iter().find(|(of, _, _)| *of == key).map(|(_, _, deed)| *deed) {
            Some(Deed::Clear) => {
                hand.finish(&mut self.out);
                if let Some(own) = self.board.own() {
                    let clear = self.board.with(|layer| {
                        let clear = layer.clear(own, RIGHTS);
                        layer.apply(own, &clear, RIGHTS).map(|()| clear)
                    });
                    self.out.extend(clear);
                }
                Wish::None
            }
            Some(Deed::Capture) => Wish::Capture,
            Some(Deed::Palette) => {
                self.has_palette = !self.has_palette;
                self.anew = true;
                Wish::None
            }
            Some(Deed::Leave) => Wish::Leave,
            None => Wish::None,
        }
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// What is drawn over a picture, at one moment.
pub(crate) struct Over<'a> {
    layer: &'a Layer,
    painter: &'a mut Painter,
    changed: &'a [Rect],
    palette: Option<Implement>,
    anew: bool,
}

impl Over<'_> {
    /// Whether the whole window looks otherwise.
    pub(crate) const fn is_anew(&self) -> bool {
        self.anew
    }

    /// The parts of the window over which something else is to be drawn than before.
    pub(crate) fn changed(&self, viewport: Viewport) -> Vec<Rect> {
        let touched = |rect: &Rect| self.painter.touched(*rect, place(viewport));
        self.changed.iter().map(touched).filter(|part| !part.is_empty()).collect()
    }

    /// Draws over `part` of the window.
    pub(crate) fn paint(&mut self, pixels: &mut [u32], width: u16, viewport: Viewport, part: Rect) {
        let mut canvas = Canvas { pixels, width };
        if !self.layer.is_empty() {
            self.painter.paint(self.layer, place(viewport), part, Edges::Soft, &mut canvas);
        }
        if let Some(held) = self.palette {
            for (text, corner, is_held) in labels(held) {
                let colour = if is_held { HELD } else { NOT_HELD };
                Painter::paint_label(&text, colour, corner, part, &mut canvas);
            }
        }
    }
}

const HELD: Colour = Colour { red: 200, green: 0, blue: 0 };
const NOT_HELD: Colour = Colour { red: 40, green: 40, blue: 40 };

fn place(viewport: Viewport) -> Place {
    Place { source: viewport.source(), area: viewport.area() }
}

/// The palette's lines from top to bottom: words, place, and whether it is what the hand holds.
fn labels(held: Implement) -> impl Iterator<Item = (String, (u16, u16), bool)> {
    let tools = IMPLEMENTS.iter().map(move |(key, name, of)| (*key, *name, *of == held));
    let deeds = DEEDS.iter().map(|(key, name, _)| (*key, *name, false));
    let lines = tools.chain(deeds).map(|(key, name, is_held)| {
        let mark = if is_held { '\u{25b8}' } else { ' ' };
        (format!("{mark}{key} {name}"), is_held)
    });
    let title = (TITLE.to_owned(), false);
    let height = Painter::label_size(TITLE).height;
    std::iter::once(title).chain(lines).zip(0..).map(move |((text, is_held), row): (_, u16)| {
        (text, (MARGIN, MARGIN + row * height), is_held)
    })
}

/// The key of the palette's line under a point of the window.
fn label_at((x, y): (f64, f64)) -> Option<char> {
    let keys = IMPLEMENTS.iter().map(|(key, _, _)| *key).chain(DEEDS.iter().map(|it| it.0));
    // Which one is held changes no size.
    labels(Implement::Eraser).skip(1).zip(keys).find_map(|((text, corner, _), key)| {
        let size = Painter::label_size(&text);
        let (left, top) = (f64::from(corner.0), f64::from(corner.1));
        let within = x >= left
            && x < left + f64::from(size.width)
            && y >= top
            && y < top + f64::from(size.height);
        within.then_some(key)
    })
}

#[cfg(test)]
mod tests {
    use tessera::Size;

    use super::*;

    #[test]
    fn every_line_of_the_palette_can_be_clicked_and_has_a_key_of_its_own() {
        let mut keys = Vec::new();
        for (text, (x, y), _) in labels(Implement::Pointer).skip(1) {
            let size = Painter::label_size(&text);
            let middle = |at: u16, extent: u16| f64::from(at) + f64::from(extent) / 2.0;
            let key = label_at((middle(x, size.width), middle(y, size.height)));
            assert_eq!(key, text.chars().nth(1), "{text}");
            keys.extend(key);
        }
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), IMPLEMENTS.len() + DEEDS.len());
        assert_eq!(label_at((500.0, 5.0)), None);
    }

    #[test]
    fn a_picture_for_a_file_has_what_is_drawn_over_it() {
        let board = Board::default();
        let own = [1; 32].into();
        board.set_own(own);
        let mut annotation = Annotation::new(board.clone());
        annotation.set_on(true);
        annotation.on_key(&Key::Character("2".into()), Some("2"));
        annotation.on_button(true, Point::of_pixel(30, 20), (500.0, 20.0));
        annotation.on_pointer(Point::of_pixel(40, 20));
        annotation.on_button(false, Point::of_pixel(40, 20), (500.0, 20.0));
        assert_eq!(annotation.drawn().count(), 1, "told as it moved, and nothing was left");
        let mut frame = Frame::black(Size::new(64, 48));
        annotation.draw_on(&mut frame);
        let pixel = |x: u16, y: u16| frame.view().span(x, y, 1)[..3].to_vec();
        assert_eq!(pixel(35, 20), [0, 50, 213], "blue, green, red");
        assert_eq!(pixel(35, 30), [0, 0, 0]);
        annotation.on_key(&Key::Character("x".into()), Some("x"));
        assert!(board.with(|layer| layer.is_empty()));
        assert_eq!(annotation.on_key(&Key::Named(NamedKey::Escape), None), Wish::Leave);
    }
}
