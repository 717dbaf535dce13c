//! One mark: its parts, put together in whatever order they come.

use tessera_codec::Rect;

use super::paint::plate;
use super::point::{Point, bounds};
use super::{MAX_POINTS, Tool};

/// How far beside a mark a click still means it, in sixteenths of a pixel.
const REACH: i32 = 6 * Point::PARTS;

/// A mark as far as it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    tool: Tool,
    /// Of everything but a stroke: the state that holds.
    step: u16,
    /// Of a stroke a point may be missing until the operation that brings it has come.
    points: Vec<Option<Point>>,
    text: String,
}

impl Mark {
    pub(super) const fn new(tool: Tool) -> Self {
        Self { tool, step: 0, points: Vec::new(), text: String::new() }
    }

    /// What it is.
    #[must_use]
    pub const fn tool(&self) -> Tool {
        self.tool
    }

    /// Of everything but a stroke: which of its states this is.
    #[must_use]
    pub const fn step(&self) -> u16 {
        self.step
    }

    /// The words of a text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The points up to the first that is missing.
    pub fn points(&self) -> impl Iterator<Item = Point> + Clone + '_ {
        self.points.iter().map_while(|&point| point)
    }

    /// Takes a part, whose points keep to the limits; returns the pixels that look otherwise now.
    ///
    /// Two parts that contradict each other come from nobody who keeps to the protocol; the larger one
    /// holds, so that all sides still agree.
    pub(super) fn take(&mut self, tool: Tool, step: u16, points: &[Point], text: &str) -> Rect {
        if tool < self.tool {
            return Rect::default();
        }
        let before = if tool == self.tool { Rect::default() } else { self.bounds() };
        if tool > self.tool {
            *self = Self::new(tool);
        }
        let changed = if tool.is_stroke() {
            self.extend(step, points)
        } else {
            self.replace(step, points, text)
        };
        union(before, changed)
    }

    fn extend(&mut self, first: u16, points: &[Point]) -> Rect {
        let first = usize::from(first);
        let end = (first + points.len()).min(MAX_POINTS);
        if self.points.len() < end {
            self.points.resize(end, None);
        }
        let shown = self.points().count();
        let mut contradicted = false;
        for (known, &point) in self.points[first.min(end)..end].iter_mut().zip(points) {
            contradicted |= known.is_some_and(|known| known < point);
            *known = (*known).max(Some(point));
        }
        let from = if contradicted { 0 } else { shown.saturating_sub(1) };
        bounds(self.points().skip(from), self.tool.radius())
    }

    fn replace(&mut self, step: u16, points: &[Point], text: &str) -> Rect {
        let offered: Vec<Option<Point>> = points.iter().copied().map(Some).collect();
        if (step, &offered, text) <= (self.step, &self.points, &self.text) {
            return Rect::default();
        }
        let before = self.bounds();
        (self.step, self.points) = (step, offered);
        text.clone_into(&mut self.text);
        union(before, self.bounds())
    }

    /// The pixels that it may touch.
    #[must_use]
    pub fn bounds(&self) -> Rect {
        match (self.tool, self.points().next()) {
            (Tool::Text, Some(corner)) => plate(corner, &self.text),
            // The head of an arrow is broader than its shaft.
            (Tool::Arrow, _) => bounds(self.points(), super::paint::ARROW_REACH),
            _ => bounds(self.points(), self.tool.radius()),
        }
    }

    /// Whether a click at `point` means this mark.
    pub(super) fn is_hit(&self, point: Point) -> bool {
        let near = i64::from(self.tool.radius() + REACH).pow(2);
        let on = |a, b| point.distance_squared_to_line(a, b) <= near;
        let points: Vec<Point> = self.points().collect();
        match (self.tool, points.as_slice()) {
            (Tool::Text, [corner]) => {
                let plate = plate(*corner, &self.text);
                let (x, y) = (point.x / Point::PARTS, point.y / Point::PARTS);
                i32::from(plate.x) <= x
                    && x < plate.right() as i32
                    && i32::from(plate.y) <= y
                    && y < plate.bottom() as i32
            }
            (Tool::Rectangle, [a, b]) => {
                corners(*a, *b).windows(2).any(|side| on(side[0], side[1]))
            }
            (_, [only]) => on(*only, *only),
            (_, points) => points.windows(2).any(|part| on(part[0], part[1])),
        }
    }
}

/// The outline between two opposite corners, back to where it began.
pub(super) const fn corners(a: Point, b: Point) -> [Point; 5] {
    [a, Point { x: b.x, y: a.y }, b, Point { x: a.x, y: b.y }, a]
}

/// The smallest rectangle around both; an empty one adds nothing.
pub(super) fn union(a: Rect, b: Rect) -> Rect {
    if a.is_empty() {
        b
    } else if b.is_empty() {
        a
    } else {
        a.union(b)
    }
}
