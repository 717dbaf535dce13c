//! A witness of what displays show, for the demo and the benchmarks.
//!
//! It makes displays, starts applications and the three programs, works on a desktop as a person would, and looks at
//! pixels with an X client of its own. It shares no code with the programs it judges: an error in a shared notion of a
//! pixel would stand on both sides and cancel out.

pub mod compare;
pub mod display;
pub mod error;
pub mod fields;
pub mod full_screen;
pub mod measure;
pub mod pages;
pub mod picture;
pub mod probe;
pub mod process;
pub mod programs;
pub mod station;
pub mod stop;
pub mod typing;
pub mod watch;
pub mod windows;
