//! The representative's console: what it knows, how it looks, what its keys do.

mod draw;
mod draw_panels;
mod entries;
mod model;
mod panels;
mod wording;

#[cfg(test)]
mod tests;

pub(crate) use draw::console as draw;
pub(crate) use model::{Action, Model};
pub(crate) use panels::Panel;
pub(crate) use wording::event as describe;
