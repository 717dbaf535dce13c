//! Compares what two displays show, pixel by pixel.

use crate::display::Grab;

/// How two grabs differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// Pixels compared.
    pub pixels: u64,
    /// Pixels whose colour differs, be it by one step of one channel.
    pub differing: u64,
    /// The first one that differs.
    pub first: Option<Difference>,
}

/// A pixel that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// Its column.
    pub x: u16,
    /// Its row.
    pub y: u16,
    /// Blue, green, red on the desktop.
    pub desktop: [u8; 3],
    /// Blue, green, red in the share window.
    pub share_window: [u8; 3],
}

impl Comparison {
    /// Whether nothing differs.
    pub fn is_exact(&self) -> bool {
        self.differing == 0
    }

    /// The share of pixels that are equal, 0 to 1.
    pub fn exact_share(&self) -> f64 {
        1.0 - self.differing as f64 / self.pixels.max(1) as f64
    }
}

/// Compares grabs of the same size; grabs of different sizes differ in every pixel.
pub fn compare(desktop: &Grab, share_window: &Grab) -> Comparison {
    let pixels = u64::from(desktop.width) * u64::from(desktop.height);
    if (desktop.width, desktop.height) != (share_window.width, share_window.height) {
        return Comparison { pixels, differing: pixels, first: None };
    }
    let mut comparison = Comparison { pixels, differing: 0, first: None };
    for (index, (left, right)) in desktop.pixels().zip(share_window.pixels()).enumerate() {
        if left != right {
            comparison.differing += 1;
            let width = usize::from(desktop.width);
            comparison.first.get_or_insert(Difference {
                // A remainder of a u16 and a row below one.
                x: (index % width) as u16,
                y: (index / width) as u16,
                desktop: left,
                share_window: right,
            });
        }
    }
    comparison
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grab(width: u16, height: u16) -> Grab {
        Grab { width, height, bgrx: vec![7; usize::from(width) * usize::from(height) * 4] }
    }

    #[test]
    fn one_step_of_one_channel_is_found_where_it_is() {
        let desktop = grab(5, 4);
        let mut share_window = desktop.clone();
        share_window.bgrx[(2 * 5 + 3) * 4 + 1] = 8;
        let comparison = compare(&desktop, &share_window);
        let first = Difference { x: 3, y: 2, desktop: [7, 7, 7], share_window: [7, 8, 7] };
        assert_eq!(comparison, Comparison { pixels: 20, differing: 1, first: Some(first) });
        assert!((comparison.exact_share() - 0.95).abs() < 1e-9);
    }

    #[test]
    fn the_byte_without_meaning_is_not_compared() {
        let desktop = grab(5, 4);
        let mut share_window = desktop.clone();
        share_window.bgrx[3] = 255;
        assert!(compare(&desktop, &share_window).is_exact());
    }

    #[test]
    fn other_sizes_are_never_exact() {
        assert!(!compare(&grab(5, 4), &grab(4, 5)).is_exact());
    }
}
