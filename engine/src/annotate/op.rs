//! What the participants tell each other about a layer.

use serde::{Deserialize, Serialize};

use super::{Author, MAX_AUTHORS, MAX_NUMBER, MAX_POINTS, MAX_POINTS_AN_OP, MAX_TEXT_CHARS, Point};
use crate::session::text::plain_text;

/// What a mark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// A broad line that lets through what is below.
    Highlighter,
    /// A thin line.
    Pen,
    /// A straight line between two points.
    Line,
    /// A straight line with a head at the second point.
    Arrow,
    /// The outline of a rectangle between two corners.
    Rectangle,
    /// Words on a plate; the point is the plate's upper left corner.
    Text,
}

impl Tool {
    /// Whether the points of such a mark follow each other and only grow in number; all others have a
    /// fixed number of points, and a newer step takes the place of the one before.
    #[must_use]
    pub const fn is_stroke(self) -> bool {
        matches!(self, Self::Highlighter | Self::Pen)
    }

    /// Half of the line's width, in sixteenths of a pixel of the picture.
    #[must_use]
    pub const fn radius(self) -> i32 {
        match self {
            Self::Highlighter => 9 * Point::PARTS,
            Self::Pen | Self::Line | Self::Arrow | Self::Rectangle => Point::PARTS * 2,
            Self::Text => 0,
        }
    }
}

/// For one author: marks with smaller numbers are gone for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// Whose marks.
    pub author: Author,
    /// The smallest number that is left.
    pub mark: u64,
}

/// A change of a layer. Operations of one author and of several may arrive in any order and more than
/// once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Begins a mark of the sender, or goes on with it.
    Draw {
        /// Its number. Larger numbers lie above smaller ones, whoever drew them.
        mark: u64,
        /// What it is.
        tool: Tool,
        /// Of a stroke: the place of the first point among its points. Else counts the states of the
        /// mark; the largest holds.
        step: u16,
        /// x and y of the first point, then how much further each next one lies to the right and
        /// down, in sixteenths of a pixel.
        path: Vec<i32>,
        /// The words of a text, empty for everything else.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
    /// Erases a mark.
    Erase {
        /// Whose.
        author: Author,
        /// Which.
        mark: u64,
    },
    /// Erases everything that the sender has seen.
    Clear {
        /// For each author.
        below: Vec<Floor>,
    },
    /// Moves the sender's pointer, or takes it away.
    Point {
        /// Counts the sender's; the largest holds.
        step: u64,
        /// Where it points, x and y.
        at: Option<[i32; 2]>,
    },
}

impl Op {
    /// A part of a mark.
    #[must_use]
    pub fn draw(mark: u64, tool: Tool, step: u16, points: &[Point], text: &str) -> Self {
        Self::Draw { mark, tool, step, path: to_path(points), text: text.to_owned() }
    }

    /// Makes the text safe to show and as short as it may be.
    #[must_use]
    pub fn clean(self) -> Self {
        match self {
            Self::Draw { mark, tool, step, path, text } if !text.is_empty() => {
                Self::Draw { mark, tool, step, path, text: plain_text(&text, MAX_TEXT_CHARS) }
            }
            other => other,
        }
    }
}

/// The points of a [`Op::Draw`] that keeps to its limits; `None` for any other.
pub(super) fn points_of(tool: Tool, step: u16, path: &[i32], text: &str) -> Option<Vec<Point>> {
    if path.is_empty() || !path.len().is_multiple_of(2) || path.len() > 2 * MAX_POINTS_AN_OP {
        return None;
    }
    let mut points = Vec::with_capacity(path.len() / 2);
    let mut at = Point::default();
    for step in path.chunks_exact(2) {
        at = Point { x: at.x.checked_add(step[0])?, y: at.y.checked_add(step[1])? };
        if !at.is_valid() {
            return None;
        }
        points.push(at);
    }
    let fits = match tool {
        Tool::Highlighter | Tool::Pen => usize::from(step) + points.len() <= MAX_POINTS,
        Tool::Line | Tool::Arrow | Tool::Rectangle => points.len() == 2,
        Tool::Text => points.len() == 1 && text.chars().count() <= MAX_TEXT_CHARS,
    };
    (fits && (tool == Tool::Text || text.is_empty())).then_some(points)
}

/// Whether the numbers and lists of an operation keep to their limits.
pub(super) fn is_bounded(op: &Op) -> bool {
    match op {
        Op::Draw { mark, .. } | Op::Erase { mark, .. } => *mark < MAX_NUMBER,
        Op::Clear { below } => {
            below.len() <= MAX_AUTHORS && below.iter().all(|floor| floor.mark <= MAX_NUMBER)
        }
        Op::Point { at, .. } => at.is_none_or(|[x, y]| Point { x, y }.is_valid()),
    }
}

fn to_path(points: &[Point]) -> Vec<i32> {
    let mut before = Point::default();
    let mut path = Vec::with_capacity(2 * points.len());
    for &point in points {
        path.extend([point.x - before.x, point.y - before.y]);
        before = point;
    }
    path
}

#[cfg(test)]
mod tests {
    use tessera_transport::json;

    use super::*;
    use crate::annotate::MAX_OP_BYTES;

    #[test]
    fn the_longest_operations_are_short_enough() {
        let corner = |at: usize| {
            if at.is_multiple_of(2) {
                Point::default()
            } else {
                Point { x: Point::MAX, y: Point::MAX }
            }
        };
        let points: Vec<Point> = (0..MAX_POINTS_AN_OP).map(corner).collect();
        let longest = "\u{1f58a}".repeat(MAX_TEXT_CHARS);
        let floor = Floor { author: Author::from([0xff; 32]), mark: MAX_NUMBER };
        for op in [
            Op::draw(MAX_NUMBER - 1, Tool::Highlighter, u16::MAX, &points, ""),
            Op::draw(MAX_NUMBER - 1, Tool::Text, u16::MAX, &points[..1], &longest),
            Op::Clear { below: vec![floor; MAX_AUTHORS] },
        ] {
            let bytes = json::to_bytes(&op);
            assert!(bytes.len() <= MAX_OP_BYTES, "{} bytes", bytes.len());
            let read: Op = json::parse(&mut bytes.to_vec(), MAX_OP_BYTES).expect("read");
            assert_eq!(read, op);
        }
    }

    #[test]
    fn points_outside_and_of_the_wrong_number_are_refused() {
        let good = points_of(Tool::Pen, 5, &[10, 20, -3, 4], "");
        assert_eq!(good, Some(vec![Point { x: 10, y: 20 }, Point { x: 7, y: 24 }]));
        for (tool, step, path, text) in [
            (Tool::Pen, 0, vec![], ""),
            (Tool::Pen, 0, vec![1], ""),
            (Tool::Pen, 0, vec![-1, 0], ""),
            (Tool::Pen, 0, vec![i32::MAX, 0], ""),
            (Tool::Pen, 0, vec![5, 5, i32::MAX, 0], ""),
            (Tool::Pen, MAX_POINTS as u16, vec![1, 1], ""),
            (Tool::Pen, 0, vec![1, 1], "words"),
            (Tool::Line, 0, vec![1, 1], ""),
            (Tool::Line, 0, vec![1, 1, 1, 1, 1, 1], ""),
            (Tool::Text, 0, vec![1, 1, 1, 1], "words"),
            (Tool::Pen, 0, vec![0; 2 * MAX_POINTS_AN_OP + 2], ""),
        ] {
            assert_eq!(points_of(tool, step, &path, text), None, "{tool:?} {step} {path:?}");
        }
    }
}
