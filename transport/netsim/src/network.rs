//! Two sides, a link each way between them, and any number of sockets on them.

use crate::link::{Link, Profile};
use crate::socket::Socket;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use tokio::time::Instant;

/// Where a socket stands. What it sends travels to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Sends over the first link.
    Left,
    /// Sends over the second link.
    Right,
}

/// What one socket has sent so far, as far as it has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Payload bytes that the link has taken.
    pub carried_bytes: u64,
    /// Packets that it has taken.
    pub carried_packets: u64,
    /// Packets that it has lost.
    pub lost_packets: u64,
    /// Longest wait before the bottleneck since [`Network::forget_queues`].
    pub longest_queue_us: u64,
    /// Sum of the waits of all packets carried since then, for their mean.
    pub queue_sum_us: u64,
    /// Packets in that sum.
    pub queue_packets: u64,
}

impl Traffic {
    /// Mean wait before the bottleneck.
    pub fn mean_queue_us(&self) -> u64 {
        self.queue_sum_us / self.queue_packets.max(1)
    }
}

/// A simulated network. Cheap to clone; all clones are the same network.
#[derive(Clone, Debug)]
pub struct Network(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    began: Instant,
    links: [Link; 2],
    hosts: HashMap<SocketAddr, Host>,
    /// Packets sent so far, which keeps those in order that arrive at one time.
    sent: u64,
}

#[derive(Debug)]
struct Host {
    side: Side,
    inbox: BinaryHeap<Reverse<Packet>>,
    receiver: Option<Waker>,
    traffic: Traffic,
}

/// A packet on its way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Packet {
    arrival_us: u64,
    number: u64,
    pub(crate) from: SocketAddr,
    pub(crate) payload: Vec<u8>,
}

impl Network {
    /// A network whose left side sends over `rightwards` and whose right side over `leftwards`. To be called within the
    /// runtime whose time it shall have.
    pub fn new(rightwards: Profile, leftwards: Profile, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            began: Instant::now(),
            links: [Link::new(rightwards, seed), Link::new(leftwards, seed ^ u64::MAX)],
            hosts: HashMap::new(),
            sent: 0,
        })))
    }

    /// A new socket on `side`.
    pub fn socket(&self, side: Side) -> Arc<Socket> {
        let mut state = self.state();
        let host = u16::try_from(state.hosts.len() + 1).unwrap_or(u16::MAX);
        let address = SocketAddr::from(([0xfd00, 0, 0, 0, 0, 0, side as u16, host], 7443));
        let inbox = BinaryHeap::new();
        let host = Host { side, inbox, receiver: None, traffic: Traffic::default() };
        state.hosts.insert(address, host);
        Arc::new(Socket::new(self.clone(), address))
    }

    /// Has the link that `side` sends over do otherwise from now on.
    pub fn change(&self, side: Side, profile: Profile) {
        self.state().links[side as usize].change(profile);
    }

    /// What the link that `side` sends over does.
    pub fn profile(&self, side: Side) -> Profile {
        self.state().links[side as usize].profile()
    }

    /// How long a packet that `side` sends now waits before the bottleneck.
    pub fn queued_us(&self, side: Side) -> u64 {
        let state = self.state();
        state.links[side as usize].queued_us(state.now_us())
    }

    /// What the socket at `address` has sent.
    pub fn traffic(&self, address: SocketAddr) -> Traffic {
        self.state().hosts.get(&address).map(|host| host.traffic).unwrap_or_default()
    }

    /// Begins to observe waits anew.
    pub fn forget_queues(&self) {
        for host in self.state().hosts.values_mut() {
            let Traffic { carried_bytes, carried_packets, lost_packets, .. } = host.traffic;
            host.traffic =
                Traffic { carried_bytes, carried_packets, lost_packets, ..Traffic::default() };
        }
    }

    pub(crate) fn send(&self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let mut state = self.state();
        let now_us = state.now_us();
        let Some(side) = state.hosts.get(&from).map(|sender| sender.side) else { return };
        let link = &mut state.links[side as usize];
        let queued_us = link.queued_us(now_us);
        let arrivals = link.send(now_us, payload.len() as u64);
        if let Some(sender) = state.hosts.get_mut(&from) {
            sender.traffic.note(payload.len() as u64, queued_us, arrivals[0].is_some());
        }
        for arrival_us in arrivals.into_iter().flatten() {
            state.sent += 1;
            let number = state.sent;
            let packet = Packet { arrival_us, number, from, payload: payload.to_vec() };
            if let Some(receiver) = state.hosts.get_mut(&to) {
                receiver.inbox.push(Reverse(packet));
                if let Some(waker) = receiver.receiver.take() {
                    waker.wake();
                }
            }
        }
    }

    /// The next packet that has arrived at `address`, or when to look again; whoever waits is woken before if one that
    /// arrives sooner is sent.
    pub(crate) fn receive(
        &self,
        address: SocketAddr,
        waker: &Waker,
    ) -> Result<Packet, Option<Instant>> {
        let mut state = self.state();
        let (began, now_us) = (state.began, state.now_us());
        let Some(host) = state.hosts.get_mut(&address) else { return Err(None) };
        match host.inbox.peek() {
            Some(Reverse(packet)) if packet.arrival_us <= now_us => {
                host.inbox.pop().map(|Reverse(packet)| packet).ok_or(None)
            }
            next => {
                let arrives = next.map(|Reverse(packet)| {
                    began + std::time::Duration::from_micros(packet.arrival_us)
                });
                host.receiver = Some(waker.clone());
                Err(arrives)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Traffic {
    fn note(&mut self, bytes: u64, queued_us: u64, carried: bool) {
        if !carried {
            self.lost_packets += 1;
            return;
        }
        self.carried_bytes += bytes;
        self.carried_packets += 1;
        self.longest_queue_us = self.longest_queue_us.max(queued_us);
        self.queue_sum_us += queued_us;
        self.queue_packets += 1;
    }
}
