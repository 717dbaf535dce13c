//! What keys do for the window itself, together with Ctrl and Alt, also while operating.

use winit::keyboard::{Key, NamedKey};

/// Something that the window does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chord {
    /// Full screen or standard window.
    FullScreen,
    /// The next way to scale.
    Scale,
    /// Another part of a large picture: steps to the right and down.
    Pan(i32, i32),
    /// The figures, or no longer.
    Figures,
    /// The picture into a file.
    Shot,
    /// Annotation mode, or no longer.
    Annotate,
    /// The next colour mode.
    Colours,
}

/// The meaning of a key together with Ctrl and Alt; none of all keys that are passed on.
pub(crate) fn of(key: &Key) -> Option<Chord> {
    Some(match key {
        Key::Named(NamedKey::Enter) => Chord::FullScreen,
        Key::Named(NamedKey::ArrowLeft) => Chord::Pan(-1, 0),
        Key::Named(NamedKey::ArrowRight) => Chord::Pan(1, 0),
        Key::Named(NamedKey::ArrowUp) => Chord::Pan(0, -1),
        Key::Named(NamedKey::ArrowDown) => Chord::Pan(0, 1),
        Key::Character(text) => match text.to_lowercase().as_str() {
            "z" => Chord::Scale,
            "i" => Chord::Figures,
            "s" => Chord::Shot,
            "a" => Chord::Annotate,
            "c" => Chord::Colours,
            _ => return None,
        },
        _ => return None,
    })
}
