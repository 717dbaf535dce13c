//! Lists the applications on the display of the environment, or writes what sharing some of them would
//! show.
//!
//! Usage: `cargo run -p tessera-capture --example applications [-- FILE.ppm CLASS...]`

use std::time::Duration;

use tessera_capture::x11::applications::{ApplicationSource, installed, running};
use tessera_capture::{CaptureError, ScreenSource, Wake};
use tessera_codec::{Frame, Region};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let running = running(None)?;
    let Some(file) = arguments.next() else {
        for application in running {
            println!(
                "{:?} ({}), windows: {}",
                application.name, application.class, application.windows
            );
        }
        println!("installed: {}", installed().len());
        return Ok(());
    };
    let classes: Vec<String> = arguments.collect();
    let wanted = |class: &String| classes.iter().any(|it| it.eq_ignore_ascii_case(class));
    let ids: Vec<_> = running.iter().filter(|it| wanted(&it.class)).map(|it| it.id).collect();
    let mut source = ApplicationSource::open(None, &ids)?;
    let mut damage = Region::empty(source.size());
    let mut frame = Frame::black(source.size());
    // Until nothing has changed for half a second.
    let still = Some(Duration::from_millis(500));
    while source.wait(still, &mut damage, &mut Vec::new())? != Wake::TimedOut {
        if frame.size() != source.size() {
            frame = Frame::black(source.size());
        }
        match source.read(&damage, &mut frame) {
            Ok(()) => damage.clear(),
            Err(CaptureError::SizeChanged) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut picture =
        format!("P6 {} {} 255\n", frame.size().width, frame.size().height).into_bytes();
    for pixel in frame.data().chunks_exact(4) {
        picture.extend([pixel[2], pixel[1], pixel[0]]);
    }
    std::fs::write(file, picture)?;
    Ok(())
}
