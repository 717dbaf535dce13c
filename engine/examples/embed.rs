//! One side shares a framebuffer that it draws itself, the other receives it: two links on
//! loopback, no display, no center. `cargo run --release -p tessera --example embed`

use std::sync::{Arc, mpsc};

use tessera::pipeline::{Canvas, Sharer, Viewer};
use tessera::{ColourMode, Rect, Size, view};
use tessera_transport::{Endpoint, Identity, Protocol, Trust};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let endpoint = || -> Outcome<Endpoint> {
        let identity = Arc::new(Identity::ephemeral()?);
        Ok(Endpoint::bind("127.0.0.1:0".parse()?, identity, Some(Protocol::SESSION))?)
    };
    let (here, there) = (endpoint()?, endpoint()?);
    let connecting =
        here.connect(there.local_address()?, Protocol::SESSION, Trust::Only(there.fingerprint()));
    let accepting = async {
        there.accept().await.ok_or("closed")?.accept(Trust::AnyKey).await.map_err(|e| e.to_string())
    };
    let (sharing, viewing) = tokio::join!(connecting, accepting);
    let (sharing, viewing) = (sharing?, viewing?);

    let (mut canvas, source) = Canvas::new(Size::new(640, 480))?;
    let mut sharer = Sharer::new();
    let (seen_by, sharer_end) = sharer.add_viewer(ColourMode::Standard)?;
    sharer.start(Box::new(source), |notice| eprintln!("{notice:?}"))?;

    let (viewer, viewer_end) = Viewer::new()?;
    let mut view = viewer.show(sharer.next_update(seen_by));
    let (woken, wakes) = mpsc::channel();
    view.on_wake(move || woken.send(()).unwrap_or_default());

    // Drawing and looking have a thread of their own, as in a program with a window.
    let (tell, figures) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        for step in 0..100_u16 {
            let (square, colour) = (Rect::new(step * 6, step * 4, 32, 32), step as u8 + 100);
            for y in square.y..square.y + square.height {
                canvas.frame_mut().span_mut(square.x, y, square.width).fill(colour);
            }
            canvas.share(square);
            let shows = |p: view::Picture| p.frame.span(square.x, square.y, 1)[0] == colour;
            while !view.picture().is_some_and(shows) && wakes.recv().is_ok() {
                while view.advance() {
                    view.presented();
                }
            }
        }
        tell.send(view.figures())
    });
    tokio::select! {
        ended = sharer_end.run(&sharing, |input| println!("{input:?}")) => drop(ended?),
        ended = viewer_end.run(&viewing) => drop(ended?),
        figures = figures => println!("{:?}", figures?),
    }
    Ok(())
}
