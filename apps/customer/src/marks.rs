//! What is drawn over the shared desktop, on the desktop itself.
//!
//! A thread of its own brings an overlay up to date with the session's layer: opening one, and what
//! the display then has to do, may take a moment. The overlay is there only while there is something
//! to see. It is no part of what is shared; see [`tessera_capture::x11::Overlay`].

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use tessera::Rect;
use tessera::annotate::{Board, Canvas, Edges, Painter, Place};
use tessera_capture::CaptureError;
use tessera_capture::x11::Overlay;

/// An overlay and what is on it.
struct Shown {
    overlay: Overlay,
    pixels: Vec<u32>,
}

/// Shows what is on `board` over `display` until the program ends.
///
/// While `apart`, what is shared is not the desktop, and its places are not the desktop's: nothing is
/// shown then.
pub(crate) fn show(
    board: Board,
    display: Option<String>,
    apart: Arc<AtomicBool>,
) -> io::Result<()> {
    let (wake, woken) = sync_channel(1);
    // A full queue means that the thread will look anyway.
    board.on_change(move || {
        let _ = wake.try_send(());
    });
    thread::Builder::new().name("marks".into()).spawn(move || {
        let mut shown = None;
        let mut painter = Painter::default();
        for () in woken {
            if apart.load(Ordering::Relaxed) {
                shown = None;
                continue;
            }
            if let Err(error) = update(&board, display.as_deref(), &mut shown, &mut painter) {
                tracing::warn!(%error, "annotations are not seen on the shared desktop");
                shown = None;
            }
        }
    })?;
    Ok(())
}

fn update(
    board: &Board,
    display: Option<&str>,
    shown: &mut Option<Shown>,
    painter: &mut Painter,
) -> Result<(), CaptureError> {
    let (mut changed, is_empty) = board.with(|layer| (layer.take_changed(), layer.is_empty()));
    if is_empty {
        *shown = None;
        return Ok(());
    }
    if let Some(former) = shown
        && !former.overlay.fits()?
    {
        *shown = None;
    }
    let Shown { overlay, pixels } = match shown {
        Some(shown) => shown,
        None => {
            let overlay = Overlay::open(display)?;
            changed = vec![overlay.size().rect()];
            let pixels = vec![0; overlay.size().area()];
            shown.insert(Shown { overlay, pixels })
        }
    };
    let all = overlay.size().rect();
    let place = Place { source: all, area: all };
    for rect in changed {
        let part = painter.touched(rect, place);
        clear(pixels, all.width, part);
        board.with(|layer| {
            let mut canvas = Canvas { pixels: pixels.as_mut_slice(), width: all.width };
            painter.paint(layer, place, part, Edges::Hard, &mut canvas);
        });
        overlay.show(pixels, part)?;
    }
    Ok(())
}

fn clear(pixels: &mut [u32], width: u16, part: Rect) {
    let width = usize::from(width);
    let rows = pixels.chunks_exact_mut(width.max(1));
    for row in rows.skip(part.y.into()).take(part.height.into()) {
        row[usize::from(part.x)..][..usize::from(part.width)].fill(0);
    }
}
