//! The thread that carries packets in one direction.

use std::num::NonZeroU64;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::process::setpriority_process;
use rustix::thread::{gettid, set_current_timer_slack};
use tun_rs::SyncDevice;

use super::direction::{Direction, Fate};
use super::figures::{Counters, DirectionFigures};
use crate::error::NetlabError;
use crate::shape::Shape;

/// The longest packet that a TUN device hands over.
const PACKET_BYTES: usize = 65_536;

/// Packets taken before looking at what has arrived meanwhile. Arbitrary: reading so many takes about 0.1 ms.
const BATCH: usize = 32;

/// The thread's niceness: an emulator that waits for the programs under test would measure the machine.
const NICENESS: i32 = -15;

/// What the owner of a link tells its threads, and they it.
#[derive(Debug)]
pub(super) struct Control {
    wake: OwnedFd,
    started: Instant,
    stopped: AtomicBool,
    /// Until when everything is dropped, in nanoseconds since `started`.
    cut_until_ns: AtomicU64,
    shape: Mutex<Option<Shape>>,
    counters: Counters,
}

impl Control {
    pub(super) fn new() -> Result<Self, NetlabError> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|errno| NetlabError::io("make an event")(errno.into()))?;
        Ok(Self {
            wake,
            started: Instant::now(),
            stopped: AtomicBool::new(false),
            cut_until_ns: AtomicU64::new(0),
            shape: Mutex::new(None),
            counters: Counters::default(),
        })
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Fails only when as many wake-ups as a counter holds are pending already.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    pub(super) fn reshape(&self, shape: Shape) {
        *self.shape.lock().unwrap_or_else(PoisonError::into_inner) = Some(shape);
    }

    pub(super) fn cut(&self, duration: Duration) {
        let until = self.started.elapsed().saturating_add(duration);
        let until_ns = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
        self.cut_until_ns.store(until_ns, Ordering::Relaxed);
    }

    pub(super) fn figures(&self) -> DirectionFigures {
        self.counters.figures()
    }

    pub(super) fn forget_longest(&self) {
        self.counters.forget_longest();
    }

    fn is_cut(&self, now: Duration) -> bool {
        now < Duration::from_nanos(self.cut_until_ns.load(Ordering::Relaxed))
    }
}

/// One direction between two devices.
pub(super) struct Wire {
    from: Arc<SyncDevice>,
    to: Arc<SyncDevice>,
    direction: Direction,
    /// Decides what is lost.
    rng: StdRng,
    control: Arc<Control>,
    packet: Vec<u8>,
}

impl Wire {
    pub(super) fn new(
        from: Arc<SyncDevice>,
        to: Arc<SyncDevice>,
        shape: Shape,
        seed: u64,
        control: Arc<Control>,
    ) -> Self {
        Self {
            from,
            to,
            direction: Direction::new(shape),
            rng: StdRng::seed_from_u64(seed),
            control,
            packet: vec![0; PACKET_BYTES],
        }
    }

    /// Carries packets until the link is stopped or its devices are gone.
    pub(super) fn run(mut self) {
        // Both are refinements that some containers refuse; the figures of lateness show what came of it.
        let _ = setpriority_process(Some(gettid()), NICENESS);
        let _ = set_current_timer_slack(NonZeroU64::new(1));
        while !self.control.stopped.load(Ordering::Relaxed) {
            if self.take().is_err() || self.deliver_and_wait().is_err() {
                return;
            }
        }
    }

    /// Takes packets from the sending device.
    fn take(&mut self) -> std::io::Result<()> {
        for _ in 0..BATCH {
            let length = match self.from.recv(&mut self.packet) {
                Ok(length) => length,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            let now = self.control.started.elapsed();
            let shape = self.control.shape.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(shape) = shape {
                self.direction.reshape(shape);
            }
            let fate = if self.control.is_cut(now) {
                Fate::Dropped
            } else {
                self.direction.offer(now, &self.packet[..length], self.rng.random())
            };
            self.control.counters.count(fate);
        }
        Ok(())
    }

    /// Hands over what has arrived, then waits for the next packet or the next arrival.
    fn deliver_and_wait(&mut self) -> rustix::io::Result<()> {
        let mut now = self.control.started.elapsed();
        while let Some((arrival, packet)) = self.direction.arrived(now) {
            // Counted first: whoever has received a packet finds it in the figures.
            self.control.counters.count_arrival(packet.len(), now.saturating_sub(arrival));
            // A device that is switched off refuses packets, as a cable without a machine at its end would.
            let _ = self.to.send(&packet);
            self.direction.recycle(packet);
            now = self.control.started.elapsed();
        }
        let timeout = self.direction.next_arrival().map(|arrival| {
            let wait = arrival.saturating_sub(now);
            Timespec { tv_sec: wait.as_secs().cast_signed(), tv_nsec: wait.subsec_nanos().into() }
        });
        let mut ready = [
            PollFd::from_borrowed_fd(self.from.as_fd(), PollFlags::IN),
            PollFd::new(&self.control.wake, PollFlags::IN),
        ];
        match poll(&mut ready, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}
