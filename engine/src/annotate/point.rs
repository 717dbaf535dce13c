//! Places in the shared picture.

use tessera_codec::Rect;

/// A place in the shared picture, in sixteenths of a pixel from its left and top edge.
///
/// Finer than a pixel, so that a mark drawn in a window where the picture is scaled down stands where
/// it was drawn; whole numbers, so that all sides have the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// From the left edge.
    pub x: i32,
    /// From the top edge.
    pub y: i32,
}

impl Point {
    /// Parts of a pixel.
    pub const PARTS: i32 = 16;

    /// The largest coordinate: the far edge of the largest picture, 16384 pixels.
    pub const MAX: i32 = 16_384 * Self::PARTS;

    /// The middle of a pixel.
    #[must_use]
    pub fn of_pixel(x: u16, y: u16) -> Self {
        let middle = |at: u16| (i32::from(at) * Self::PARTS + Self::PARTS / 2).min(Self::MAX);
        Self { x: middle(x), y: middle(y) }
    }

    /// Whether it lies in the largest picture.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.x >= 0 && self.x <= Self::MAX && self.y >= 0 && self.y <= Self::MAX
    }

    /// The square of the distance, in sixteenths squared.
    pub(super) fn distance_squared(self, other: Self) -> i64 {
        let (dx, dy) = (i64::from(self.x - other.x), i64::from(self.y - other.y));
        dx * dx + dy * dy
    }

    /// The square of the distance to the line from `a` to `b`, rounded down.
    pub(super) fn distance_squared_to_line(self, a: Self, b: Self) -> i64 {
        let (dx, dy) = (i64::from(b.x - a.x), i64::from(b.y - a.y));
        let length_squared = dx * dx + dy * dy;
        let along = i64::from(self.x - a.x) * dx + i64::from(self.y - a.y) * dy;
        if along <= 0 || length_squared == 0 {
            return self.distance_squared(a);
        }
        if along >= length_squared {
            return self.distance_squared(b);
        }
        let across = i64::from(self.x - a.x) * dy - i64::from(self.y - a.y) * dx;
        // Coordinates have 19 bits, so that the product of two has 38 and its square fits 128.
        (i128::from(across) * i128::from(across) / i128::from(length_squared)) as i64
    }
}

/// The pixels that `points` touch when each has a rim of `rim` sixteenths; empty without points.
pub(super) fn bounds(points: impl IntoIterator<Item = Point>, rim: i32) -> Rect {
    let mut points = points.into_iter();
    let Some(first) = points.next() else { return Rect::default() };
    let (low, high) = points.fold((first, first), |(low, high), point| {
        (
            Point { x: low.x.min(point.x), y: low.y.min(point.y) },
            Point { x: high.x.max(point.x), y: high.y.max(point.y) },
        )
    });
    // One pixel more on each side for soft edges.
    let first = |at: i32| pixel(at - rim - Point::PARTS);
    let last = |at: i32| pixel(at + rim + 2 * Point::PARTS);
    let (x, y) = (first(low.x), first(low.y));
    Rect::new(x, y, last(high.x) - x, last(high.y) - y)
}

/// The pixel of a coordinate, kept in the largest picture.
fn pixel(at: i32) -> u16 {
    (at.clamp(0, Point::MAX) / Point::PARTS) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_to_a_line_end_at_its_ends() {
        let (a, b) = (Point { x: 0, y: 0 }, Point { x: 100, y: 0 });
        let to_line = |x, y| Point { x, y }.distance_squared_to_line(a, b);
        assert_eq!((to_line(50, 7), to_line(-3, 4), to_line(103, -4)), (49, 25, 25));
        let far = Point { x: Point::MAX, y: Point::MAX };
        let corner = Point { x: Point::MAX, y: 0 };
        let half_diagonal = i64::from(Point::MAX).pow(2) / 2;
        assert_eq!(corner.distance_squared_to_line(a, far), half_diagonal);
        assert_eq!(far.distance_squared_to_line(far, far), 0);
    }

    #[test]
    fn bounds_hold_the_rim_and_stay_in_the_largest_picture() {
        let rect = bounds([Point::of_pixel(10, 20), Point::of_pixel(12, 20)], 32);
        assert!(rect.x <= 8 && rect.right() >= 15 && rect.y <= 18 && rect.bottom() >= 23);
        let edge = bounds([Point { x: Point::MAX, y: 0 }], 1000);
        assert_eq!((edge.right(), edge.y), (16_384, 0));
        assert!(bounds([], 5).is_empty());
    }
}
