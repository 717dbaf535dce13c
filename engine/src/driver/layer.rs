//! The layer of annotations over the session's share, as the session's thread keeps it.

use tessera_transport::Fingerprint;

use crate::annotate::{Author, Board, Meter, Op, Rights};
use crate::clock;

/// Places in the roster, and so colours, of the two who take part.
const CSR_SEAT: u8 = 0;
const CUSTOMER_SEAT: u8 = 1;

/// See the module text.
pub(super) struct SharedLayer {
    board: Board,
    /// How fast the other side draws.
    meter: Meter,
}

impl SharedLayer {
    pub(super) fn new(board: Board) -> Self {
        Self { board, meter: Meter::default() }
    }

    /// Gives both sides their colours.
    pub(super) fn seat(&mut self, csr: Fingerprint, customer: Fingerprint) {
        self.board.with(|layer| {
            layer.seat(csr, CSR_SEAT);
            layer.seat(customer, CUSTOMER_SEAT);
        });
    }

    /// Takes an operation; `false` when it was refused because it breaks a limit or a right. What comes
    /// faster than it may is ignored.
    pub(super) fn draw(&mut self, by: Author, own: bool, mark: &Op, rights: Rights) -> bool {
        if !own && !self.meter.admit(clock::now_us()) {
            return true;
        }
        match self.board.apply(by, mark, rights) {
            Ok(()) => true,
            Err(refusal) => {
                tracing::debug!(%refusal, "an annotation was refused");
                false
            }
        }
    }

    /// Everything that is drawn, and by whom.
    pub(super) fn whole(&self) -> Vec<(Author, Op)> {
        self.board.with(|layer| layer.whole())
    }

    pub(super) fn clear(&self) {
        self.board.reset();
    }

    /// Somebody has left for good.
    pub(super) fn forget(&self, author: Option<Author>) {
        if let Some(author) = author {
            self.board.with(|layer| layer.forget(author));
        }
    }
}
