//! From pointer and keys to operations.
//!
//! What the hand does is on its own layer at once, and told to the others every [`SEND_INTERVAL_US`]
//! while the pen moves. A state machine: the time is an argument.

use super::{
    Author, Layer, MAX_POINTS, MAX_POINTS_AN_OP, MAX_TEXT_CHARS, Op, Point, Rights,
    SEND_INTERVAL_US, Tool,
};

/// Shortest distance between two points of a stroke: one pixel.
const STEP_SQUARED: i64 = (Point::PARTS as i64) * (Point::PARTS as i64);

/// What the hand holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Implement {
    /// Draws marks.
    Draw(Tool),
    /// Shows where the hand is, and leaves nothing.
    Pointer,
    /// Erases the mark that is clicked.
    Eraser,
}

/// A mark that is being drawn.
#[derive(Clone, Debug)]
struct Drawing {
    mark: u64,
    tool: Tool,
    points: Vec<Point>,
    text: String,
    step: u16,
    /// Points of a stroke that were told.
    told: usize,
    untold: bool,
}

/// See the module text.
#[derive(Debug)]
pub struct Hand {
    author: Author,
    rights: Rights,
    implement: Implement,
    drawing: Option<Drawing>,
    pointer: (u64, Option<Point>),
    pointer_untold: bool,
    told_us: Option<u64>,
}

impl Hand {
    /// A hand of `author` that holds the highlighter.
    #[must_use]
    pub const fn new(author: Author, rights: Rights) -> Self {
        Self {
            author,
            rights,
            implement: Implement::Draw(Tool::Highlighter),
            drawing: None,
            pointer: (0, None),
            pointer_untold: false,
            told_us: None,
        }
    }

    /// What it holds.
    #[must_use]
    pub const fn implement(&self) -> Implement {
        self.implement
    }

    /// Whether typed characters become words on the picture.
    #[must_use]
    pub fn is_typing(&self) -> bool {
        self.drawing.as_ref().is_some_and(|drawing| drawing.tool == Tool::Text)
    }

    /// Takes something else. What was begun is finished.
    pub fn hold(&mut self, implement: Implement, layer: &mut Layer, out: &mut Vec<Op>) {
        self.finish(out);
        if implement != Implement::Pointer {
            self.move_pointer(None, layer);
            self.tell(out);
        }
        self.implement = implement;
    }

    /// Puts everything down: the pointer goes, what was begun is finished.
    pub fn rest(&mut self, layer: &mut Layer, out: &mut Vec<Op>) {
        self.finish(out);
        self.move_pointer(None, layer);
        self.tell(out);
    }

    /// The button went down at `at`.
    pub fn press(&mut self, at: Point, layer: &mut Layer, out: &mut Vec<Op>) {
        self.finish(out);
        match self.implement {
            Implement::Pointer => self.move_pointer(Some(at), layer),
            Implement::Eraser => {
                if let Some(op) = layer.eraser_at(at, self.author, self.rights) {
                    self.put(&op, layer);
                    out.push(op);
                }
            }
            Implement::Draw(tool) => self.begin(tool, at, layer),
        }
    }

    /// The pointer moved to `at`, with the button down or not.
    pub fn drag(&mut self, at: Point, now_us: u64, layer: &mut Layer, out: &mut Vec<Op>) {
        if self.implement == Implement::Pointer {
            self.move_pointer(Some(at), layer);
        } else if let Some(drawing) = &mut self.drawing
            && drawing.tool != Tool::Text
        {
            if !drawing.tool.is_stroke() {
                drawing.points.truncate(1);
                drawing.points.push(at);
                drawing.step = drawing.step.saturating_add(1);
            } else if drawing
                .points
                .last()
                .is_none_or(|last| last.distance_squared(at) >= STEP_SQUARED)
            {
                drawing.points.push(at);
            } else {
                return;
            }
            drawing.untold = true;
            self.show(layer);
            self.split(layer, out);
        }
        self.tell_if_due(now_us, out);
    }

    /// The button went up.
    pub fn release(&mut self, out: &mut Vec<Op>) {
        if !self.is_typing() {
            self.finish(out);
        }
    }

    /// A character was typed.
    pub fn type_char(&mut self, typed: char, layer: &mut Layer) {
        self.edit(layer, |text| {
            if !typed.is_control() && text.chars().count() < MAX_TEXT_CHARS {
                text.push(typed);
            }
        });
    }

    /// The last character is taken back.
    pub fn backspace(&mut self, layer: &mut Layer) {
        self.edit(layer, |text| {
            text.pop();
        });
    }

    /// What was begun is finished as it is.
    pub fn finish(&mut self, out: &mut Vec<Op>) {
        self.tell(out);
        self.drawing = None;
    }

    /// When [`Self::tell_if_due`] has something to tell.
    #[must_use]
    pub fn due_us(&self) -> Option<u64> {
        let untold = self.pointer_untold || self.drawing.as_ref().is_some_and(|it| it.untold);
        untold.then(|| self.told_us.map_or(0, |told_us| told_us + SEND_INTERVAL_US))
    }

    /// Tells what has been drawn since the last time, if that is long enough ago.
    pub fn tell_if_due(&mut self, now_us: u64, out: &mut Vec<Op>) {
        if self.due_us().is_some_and(|due_us| due_us <= now_us) {
            self.told_us = Some(now_us);
            self.tell(out);
        }
    }

    fn begin(&mut self, tool: Tool, at: Point, layer: &mut Layer) {
        let points = if tool.is_stroke() || tool == Tool::Text { vec![at] } else { vec![at, at] };
        let mark = layer.next_number(self.author);
        let untold = tool.is_stroke();
        self.drawing =
            Some(Drawing { mark, tool, points, text: String::new(), step: 0, told: 0, untold });
        if untold {
            self.show(layer);
        }
    }

    /// A stroke that is as long as one may be goes on as another.
    fn split(&mut self, layer: &mut Layer, out: &mut Vec<Op>) {
        let full = |it: &&Drawing| it.tool.is_stroke() && it.points.len() >= MAX_POINTS;
        let Some(drawing) = self.drawing.as_ref().filter(full) else { return };
        let (tool, last) = (drawing.tool, drawing.points.last().copied());
        self.finish(out);
        if let Some(last) = last {
            self.begin(tool, last, layer);
        }
    }

    fn edit(&mut self, layer: &mut Layer, change: impl FnOnce(&mut String)) {
        let Some(drawing) = self.drawing.as_mut().filter(|it| it.tool == Tool::Text) else {
            return;
        };
        change(&mut drawing.text);
        drawing.step = drawing.step.saturating_add(1);
        drawing.untold = true;
        self.show(layer);
    }

    fn move_pointer(&mut self, at: Option<Point>, layer: &mut Layer) {
        if self.pointer.1 == at {
            return;
        }
        self.pointer = (self.pointer.0 + 1, at);
        self.pointer_untold = true;
        self.put(&self.pointer_op(), layer);
    }

    fn pointer_op(&self) -> Op {
        let (step, at) = self.pointer;
        Op::Point { step, at: at.map(|Point { x, y }| [x, y]) }
    }

    /// Draws on the own layer what is being drawn.
    fn show(&self, layer: &mut Layer) {
        let Some(drawing) = &self.drawing else { return };
        let from = if drawing.tool.is_stroke() { drawing.told } else { 0 };
        for op in drawing.ops(from) {
            self.put(&op, layer);
        }
    }

    /// What this hand makes keeps to the limits.
    fn put(&self, op: &Op, layer: &mut Layer) {
        let taken = layer.apply(self.author, op, self.rights);
        debug_assert_eq!(taken, Ok(()));
    }

    fn tell(&mut self, out: &mut Vec<Op>) {
        if let Some(drawing) = self.drawing.as_mut().filter(|it| it.untold) {
            let from = if drawing.tool.is_stroke() { drawing.told } else { 0 };
            out.extend(drawing.ops(from));
            drawing.told = drawing.points.len();
            drawing.untold = false;
        }
        if std::mem::take(&mut self.pointer_untold) {
            out.push(self.pointer_op());
        }
    }
}

impl Drawing {
    /// The mark from point `from` on.
    fn ops(&self, from: usize) -> impl Iterator<Item = Op> + '_ {
        let parts = self.points[from.min(self.points.len())..].chunks(MAX_POINTS_AN_OP);
        parts.enumerate().map(move |(part, points)| {
            let first = (from + part * MAX_POINTS_AN_OP) as u16;
            let step = if self.tool.is_stroke() { first } else { self.step };
            Op::draw(self.mark, self.tool, step, points, &self.text)
        })
    }
}
