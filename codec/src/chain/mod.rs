//! The coder of the chain: pixels as adaptive symbols, the same code for both directions.
//!
//! A [`Line`] is what encoder and decoder both remember: the chain's picture, older contents of
//! each place, and the models. An update is a *block map* (which 8x8 blocks change, and how) and
//! the pixels of the blocks that nothing older shows, split into *lanes* that need nothing of
//! each other. The syntax is sections 6 to 9 of `docs/bitstream.md`.
//!
//! What is not here: which tiles are coded and which modes their blocks get (`encoder`), and what
//! a viewer sees (`decoder`).

mod batch;
mod block_map;
mod cache;
mod coder;
mod graphics;
mod intake;
mod lanes;
mod line;
mod model;
mod photo;
mod picture;
mod rans_decoder;
mod rans_encoder;
mod token;
mod transform;

pub(crate) use block_map::{BLOCK, BlockMap, Claim, MAX_LANES, MAX_VECTORS, Mode, Vector};
pub(crate) use cache::{Cache, Directives, PAGES, Place};
pub(crate) use line::Line;
pub(crate) use picture::{Picture, blocks_equal};
pub(crate) use rans_decoder::StreamDecoder;
pub(crate) use rans_encoder::StreamEncoder;
pub(crate) use transform::Quantizer;
