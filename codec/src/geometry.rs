//! Sizes, points, rectangles and the tile grid: the vocabulary of the whole product.
//!
//! Coordinates count pixels from the top left corner of the canvas. A canvas is at most
//! [`MAX_DIMENSION`] pixels wide and high, so every coordinate fits 16 bits and no product of two
//! of them overflows 32 bits.

/// Largest width or height of a canvas, in pixels.
pub const MAX_DIMENSION: u16 = 16_384;

/// Width and height of a tile, in pixels: the unit of damage, hashing and refinement.
pub const TILE: u16 = 64;

/// Width and height of a canvas or rectangle, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Size {
    /// Pixels from left to right.
    pub width: u16,
    /// Pixels from top to bottom.
    pub height: u16,
}

impl Size {
    /// A size of `width` by `height` pixels.
    #[must_use]
    pub const fn new(width: u16, height: u16) -> Self {
        Self { width, height }
    }

    /// Number of pixels.
    #[must_use]
    pub const fn area(self) -> usize {
        self.width as usize * self.height as usize
    }

    /// Whether the size holds no pixel.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// The rectangle from the origin that covers the whole size.
    #[must_use]
    pub const fn rect(self) -> Rect {
        Rect { x: 0, y: 0, width: self.width, height: self.height }
    }
}

/// A half-open rectangle: it holds the pixels `x..x+width` by `y..y+height`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rect {
    /// Left edge.
    pub x: u16,
    /// Top edge.
    pub y: u16,
    /// Pixels from left to right.
    pub width: u16,
    /// Pixels from top to bottom.
    pub height: u16,
}

impl Rect {
    /// A rectangle with its top left corner at (`x`, `y`).
    #[must_use]
    pub const fn new(x: u16, y: u16, width: u16, height: u16) -> Self {
        Self { x, y, width, height }
    }

    /// First column to the right of the rectangle.
    #[must_use]
    pub const fn right(self) -> u32 {
        self.x as u32 + self.width as u32
    }

    /// First row below the rectangle.
    #[must_use]
    pub const fn bottom(self) -> u32 {
        self.y as u32 + self.height as u32
    }

    /// Number of pixels.
    #[must_use]
    pub const fn area(self) -> usize {
        self.width as usize * self.height as usize
    }

    /// Whether the rectangle holds no pixel.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// Whether every pixel lies on a canvas of `size`.
    #[must_use]
    pub const fn fits(self, size: Size) -> bool {
        self.right() <= size.width as u32 && self.bottom() <= size.height as u32
    }

    /// The pixels that both rectangles hold; empty when there are none.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        let x = self.x.max(other.x);
        let y = self.y.max(other.y);
        let right = self.right().min(other.right());
        let bottom = self.bottom().min(other.bottom());
        // Both differences are at most a rectangle's own extent, so they fit 16 bits.
        Self {
            x,
            y,
            width: right.saturating_sub(u32::from(x)) as u16,
            height: bottom.saturating_sub(u32::from(y)) as u16,
        }
    }

    /// The pixels that the other rectangle does not hold, as up to four rectangles; the others are
    /// empty.
    #[must_use]
    pub fn outside(self, other: Self) -> [Self; 4] {
        let inside = self.intersect(other);
        if inside.is_empty() {
            return [self, Self::default(), Self::default(), Self::default()];
        }
        let Self { x, y, width, height } = self;
        // All differences lie within the rectangle, so they fit 16 bits.
        let (above, left) = (inside.y - y, inside.x - x);
        let right = width - left - inside.width;
        let below = height - above - inside.height;
        [
            Self::new(x, y, width, above),
            Self::new(x, inside.y, left, inside.height),
            Self::new(inside.x + inside.width, inside.y, right, inside.height),
            Self::new(x, inside.y + inside.height, width, below),
        ]
    }

    /// The smallest rectangle that holds both; an empty one adds nothing.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        let x = self.x.min(other.x);
        let y = self.y.min(other.y);
        let width = self.right().max(other.right()) - u32::from(x);
        let height = self.bottom().max(other.bottom()) - u32::from(y);
        Self {
            x,
            y,
            width: width.min(u32::from(u16::MAX)) as u16,
            height: height.min(u32::from(u16::MAX)) as u16,
        }
    }
}

/// Index of a tile, counted row by row from the top left of a [`TileGrid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileIndex(pub u32);

/// The grid of 64x64 tiles over a canvas; tiles at the right and bottom edge may be smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileGrid {
    size: Size,
}

impl TileGrid {
    /// The grid over a canvas of `size`.
    #[must_use]
    pub const fn new(size: Size) -> Self {
        Self { size }
    }

    /// The canvas under the grid.
    #[must_use]
    pub const fn size(self) -> Size {
        self.size
    }

    /// Tiles in a row.
    #[must_use]
    pub const fn columns(self) -> u32 {
        self.size.width.div_ceil(TILE) as u32
    }

    /// Rows of tiles.
    #[must_use]
    pub const fn rows(self) -> u32 {
        self.size.height.div_ceil(TILE) as u32
    }

    /// Number of tiles.
    #[must_use]
    pub const fn tiles(self) -> u32 {
        self.columns() * self.rows()
    }

    /// The tile in `column` and `row`.
    #[must_use]
    pub const fn index(self, column: u32, row: u32) -> TileIndex {
        TileIndex(row * self.columns() + column)
    }

    /// The pixels of `tile`; empty when the grid has no such tile.
    #[must_use]
    pub const fn rect(self, tile: TileIndex) -> Rect {
        if tile.0 >= self.tiles() {
            return Rect::new(0, 0, 0, 0);
        }
        let x = (tile.0 % self.columns()) as u16 * TILE;
        let y = (tile.0 / self.columns()) as u16 * TILE;
        let width = if self.size.width - x < TILE { self.size.width - x } else { TILE };
        let height = if self.size.height - y < TILE { self.size.height - y } else { TILE };
        Rect::new(x, y, width, height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edge_tiles_are_cut_to_the_canvas() {
        let grid = TileGrid::new(Size::new(1920, 1080));
        assert_eq!((grid.columns(), grid.rows()), (30, 17));
        assert_eq!(grid.rect(TileIndex(grid.tiles() - 1)), Rect::new(1856, 1024, 64, 56));
        assert!(grid.rect(TileIndex(grid.tiles())).is_empty());
    }

    #[test]
    fn what_is_outside_and_what_is_inside_are_the_whole() {
        let whole = Rect::new(10, 20, 30, 40);
        for other in [
            Rect::new(15, 25, 5, 5),
            Rect::new(0, 0, 25, 35),
            Rect::new(10, 20, 30, 40),
            Rect::new(100, 0, 5, 5),
            Rect::new(0, 30, 200, 1),
        ] {
            let outside = whole.outside(other);
            let area: usize = outside.iter().map(|part| part.area()).sum();
            assert_eq!(area + whole.intersect(other).area(), whole.area(), "{other:?}");
            assert!(outside.iter().all(|part| part.intersect(other).is_empty()), "{other:?}");
            assert!(outside.iter().all(|part| part.intersect(whole) == *part || part.is_empty()));
        }
    }

    #[test]
    fn intersection_of_disjoint_rectangles_is_empty() {
        let left = Rect::new(0, 0, 10, 10);
        assert!(left.intersect(Rect::new(10, 0, 5, 5)).is_empty());
        assert_eq!(left.intersect(Rect::new(5, 5, 10, 10)), Rect::new(5, 5, 5, 5));
        assert_eq!(left.union(Rect::default()), left);
    }
}
