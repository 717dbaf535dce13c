//! How much of each pixel a mark covers.

use tessera_codec::Rect;

/// A place in the window, in pixels from its left and top edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spot {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// Covers of the pixels of a part of the window, 0 to 255. Shapes of one mark do not add up: where two
/// meet, the larger cover holds, so that a line is as strong where it crosses itself.
#[derive(Debug, Default)]
pub(super) struct Mask {
    area: Rect,
    covers: Vec<u8>,
}

impl Mask {
    /// Nothing is covered in `area`, which is all that counts from now on.
    pub(super) fn clear(&mut self, area: Rect) {
        self.area = area;
        self.covers.clear();
        self.covers.resize(area.area(), 0);
    }

    pub(super) const fn area(&self) -> Rect {
        self.area
    }

    /// Each row with its place in the window.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u16, &[u8])> {
        (self.area.y..).zip(self.covers.chunks_exact(usize::from(self.area.width).max(1)))
    }

    /// Covers what is not farther than `radius` from the line between `a` and `b`.
    pub(super) fn segment(&mut self, a: Spot, b: Spot, radius: f64) {
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let length_squared = dx * dx + dy * dy;
        self.cover([a, b], radius, |x, y| {
            let (px, py) = (x - a.x, y - a.y);
            let along = if length_squared > 0.0 {
                ((px * dx + py * dy) / length_squared).clamp(0.0, 1.0)
            } else {
                0.0
            };
            let (px, py) = (px - along * dx, py - along * dy);
            radius - (px * px + py * py).sqrt()
        });
    }

    /// Covers the head of an arrow with its point at `tip`; returns where its shaft ends.
    pub(super) fn arrow_head(&mut self, tail: Spot, tip: Spot, length: f64) -> Spot {
        let (dx, dy) = (tip.x - tail.x, tip.y - tail.y);
        let whole = (dx * dx + dy * dy).sqrt();
        if whole <= 0.0 {
            return tip;
        }
        let (ux, uy) = (dx / whole, dy / whole);
        let length = length.max(4.0);
        let half = length * 0.45;
        let foot = Spot { x: tip.x - ux * length, y: tip.y - uy * length };
        let left = Spot { x: foot.x - uy * half, y: foot.y + ux * half };
        let right = Spot { x: foot.x + uy * half, y: foot.y - ux * half };
        let inside = |x: f64, y: f64, from: Spot, to: Spot| {
            let (ex, ey) = (to.x - from.x, to.y - from.y);
            let cross = ex * (y - from.y) - ey * (x - from.x);
            cross / (ex * ex + ey * ey).sqrt()
        };
        self.cover([tip, left, right], 1.0, |x, y| {
            inside(x, y, tip, left).min(inside(x, y, left, right)).min(inside(x, y, right, tip))
        });
        // Half-way into the head, so that no gap is seen between the two.
        Spot { x: (foot.x + tip.x) / 2.0, y: (foot.y + tip.y) / 2.0 }
    }

    /// Covers pixels by how deep their middle lies in a shape that keeps within `rim` of its `corners`.
    fn cover<const N: usize>(
        &mut self,
        corners: [Spot; N],
        rim: f64,
        depth: impl Fn(f64, f64) -> f64,
    ) {
        let around = |of: fn(&Spot) -> f64, first: u16, end: u32| {
            let low = corners.iter().map(of).fold(f64::INFINITY, f64::min) - rim - 1.0;
            let high = corners.iter().map(of).fold(f64::NEG_INFINITY, f64::max) + rim + 1.0;
            // Casts saturate.
            let low = (low.max(0.0) as u32).max(u32::from(first));
            low..(high.max(0.0) as u32 + 1).min(end)
        };
        let columns = around(|spot| spot.x, self.area.x, self.area.right());
        let rows = around(|spot| spot.y, self.area.y, self.area.bottom());
        let width = usize::from(self.area.width);
        for y in rows {
            let start = (y - u32::from(self.area.y)) as usize * width;
            for x in columns.clone() {
                let deep = depth(f64::from(x) + 0.5, f64::from(y) + 0.5);
                let cover = ((deep + 0.5).clamp(0.0, 1.0) * 255.0).round() as u8;
                let at = start + (x - u32::from(self.area.x)) as usize;
                self.covers[at] = self.covers[at].max(cover);
            }
        }
    }
}
