//! An emulated link: two TUN devices in two namespaces and a thread for each direction between them.

mod direction;
mod figures;
mod wire;

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tun_rs::{DeviceBuilder, Layer, SyncDevice};

use crate::error::NetlabError;
use crate::lab::{End, set_up};
use crate::namespace::Namespace;
use crate::shape::Shape;

pub use self::figures::DirectionFigures;
use self::wire::{Control, Wire};

/// A working link; dropping it takes its devices away.
#[derive(Debug)]
pub struct Link {
    ends: [End; 2],
    controls: [Arc<Control>; 2],
    threads: Vec<JoinHandle<()>>,
}

impl Link {
    pub(crate) fn start(
        namespaces: [&Namespace; 2],
        ends: [End; 2],
        shape: Shape,
        seed: u64,
    ) -> Result<Self, NetlabError> {
        let [first, second] = [device(namespaces[0], &ends[0])?, device(namespaces[1], &ends[1])?];
        for (namespace, end) in namespaces.into_iter().zip(&ends) {
            set_up(namespace, end)?;
        }
        let controls = [Arc::new(Control::new()?), Arc::new(Control::new()?)];
        let mut link = Self { ends, controls, threads: Vec::new() };
        let ways = [(&first, &second), (&second, &first)];
        for (number, ((from, to), control)) in ways.into_iter().zip(&link.controls).enumerate() {
            // Each direction has losses of its own.
            let seed = seed.wrapping_mul(2).wrapping_add(number as u64);
            let wire =
                Wire::new(Arc::clone(from), Arc::clone(to), shape, seed, Arc::clone(control));
            let thread = thread::Builder::new()
                .name(format!("link {number}"))
                .spawn(move || wire.run())
                .map_err(NetlabError::io("start a thread"))?;
            link.threads.push(thread);
        }
        Ok(link)
    }

    /// The devices in the first and in the second namespace.
    pub fn ends(&self) -> &[End; 2] {
        &self.ends
    }

    /// Gives both directions another shape; packets that wait or are on the way keep theirs.
    pub fn reshape(&self, shape: Shape) {
        self.controls.iter().for_each(|control| control.reshape(shape));
    }

    /// Drops everything that is sent from now on, for so long.
    pub fn cut(&self, duration: Duration) {
        self.controls.iter().for_each(|control| control.cut(duration));
    }

    /// Ends a cut early.
    pub fn mend(&self) {
        self.cut(Duration::ZERO);
    }

    /// Has the longest waits counted anew from now on; sums go on.
    pub fn forget_longest(&self) {
        self.controls.iter().for_each(|control| control.forget_longest());
    }

    /// What has been carried from the first end to the second, and back.
    pub fn figures(&self) -> [DirectionFigures; 2] {
        [self.controls[0].figures(), self.controls[1].figures()]
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.controls.iter().for_each(|control| control.stop());
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

/// Makes the TUN device of `end` in `namespace`.
fn device(namespace: &Namespace, end: &End) -> Result<Arc<SyncDevice>, NetlabError> {
    let open = || {
        let device = DeviceBuilder::new().name(&end.device).layer(Layer::L3).build_sync()?;
        device.set_nonblocking(true)?;
        Ok(Arc::new(device))
    };
    namespace.enter(open)?.map_err(NetlabError::io("make a TUN device"))
}
