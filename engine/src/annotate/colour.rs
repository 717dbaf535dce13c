//! A colour for each participant.

/// A colour, red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// Red.
    pub red: u8,
    /// Green.
    pub green: u8,
    /// Blue.
    pub blue: u8,
}

/// Told apart by most people with any colour vision and seen on white and on black: after the set
/// that M. Okabe and K. Ito proposed in "Color Universal Design", made a little stronger.
const SEATS: [Colour; 8] = [
    Colour { red: 213, green: 50, blue: 0 },
    Colour { red: 0, green: 114, blue: 220 },
    Colour { red: 0, green: 158, blue: 100 },
    Colour { red: 190, green: 70, blue: 170 },
    Colour { red: 225, green: 150, blue: 0 },
    Colour { red: 70, green: 170, blue: 225 },
    Colour { red: 130, green: 100, blue: 60 },
    Colour { red: 120, green: 120, blue: 120 },
];

impl Colour {
    /// The colour of a participant by place in the roster, counted from 0. The ninth has the colour of
    /// the first.
    #[must_use]
    pub const fn of_seat(seat: u8) -> Self {
        SEATS[seat as usize % SEATS.len()]
    }

    /// As 0RGB.
    #[must_use]
    pub const fn word(self) -> u32 {
        u32::from_be_bytes([0, self.red, self.green, self.blue])
    }
}
