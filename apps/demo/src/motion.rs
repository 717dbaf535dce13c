//! Changes the whole desktop thirty times a second on a thread of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tessera_witness::error::Error;
use tessera_witness::full_screen::Canvas;
use tessera_witness::stop::Stop;

/// Pictures a second.
pub(crate) const RATE: u32 = 30;

/// The moving window, painted by a thread of its own until it is dropped.
#[derive(Debug)]
pub(crate) struct Motion {
    stop: Stop,
    drawn: Arc<Mutex<Vec<Instant>>>,
    painter: Option<JoinHandle<Result<(), Error>>>,
}

impl Motion {
    /// Covers the display called `name` and begins to change it.
    pub(crate) fn start(name: &str) -> Result<Self, Error> {
        let canvas = Canvas::open(name)?;
        let stop = Stop::default();
        let drawn = Arc::new(Mutex::new(Vec::new()));
        let painter = {
            let (stop, drawn) = (stop.clone(), Arc::clone(&drawn));
            thread::spawn(move || paint(&canvas, &stop, &drawn))
        };
        Ok(Self { stop, drawn, painter: Some(painter) })
    }

    /// Ends the changing, leaves the desktop as it was, and tells when each picture was drawn; the first is number 0.
    pub(crate) fn finish(mut self) -> Result<Vec<Instant>, Error> {
        self.stop.interrupt();
        if let Some(painter) = self.painter.take() {
            match painter.join() {
                Ok(Ok(()) | Err(Error::Interrupted)) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(Error::Unmet("painting the moving window failed".into())),
            }
        }
        Ok(self.drawn.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Drop for Motion {
    fn drop(&mut self) {
        self.stop.interrupt();
        if let Some(painter) = self.painter.take() {
            // The run is over; an error of the painter no longer matters.
            let _ = painter.join();
        }
    }
}

fn paint(canvas: &Canvas, stop: &Stop, drawn: &Mutex<Vec<Instant>>) -> Result<(), Error> {
    canvas.show()?;
    let start = Instant::now();
    for number in 0..=u16::MAX {
        let due = start + Duration::from_secs(1) * u32::from(number) / RATE;
        stop.pause(due.saturating_duration_since(Instant::now()))?;
        let moment = Instant::now();
        canvas.draw(number)?;
        drawn.lock().unwrap_or_else(PoisonError::into_inner).push(moment);
    }
    Ok(())
}
