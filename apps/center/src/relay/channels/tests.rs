//! The table, followed as an event loop follows it.

use super::*;
use tessera_transport::Fingerprint;

const LIMITS: Limits = Limits { channels: 3, per_session: 2, sessions: 4, idle_s: 60 };
const START: Now = Now { since_start_s: 1_000, unix_s: 5_000 };

fn after(seconds: u64) -> Now {
    Now { since_start_s: START.since_start_s + seconds, unix_s: START.unix_s + seconds }
}

fn place(port: u16) -> Place {
    Place::Udp(Address { peer: SocketAddr::from(([192, 0, 2, 1], port)), local_ip: None })
}

fn tunnel(number: usize) -> Place {
    let id = TunnelId { event_loop: 0, number };
    Place::Tunnel { id, peer: SocketAddr::from(([192, 0, 2, 9], 443)) }
}

fn token(channel: u8, session: u8, side: Side) -> Token {
    Token {
        side,
        channel: ChannelId([channel; 16]),
        session: SessionId([session; 16]),
        holder: Fingerprint::from([0; 32]),
        expires_unix_s: START.unix_s + 600,
        rate_kbit_s: 1000,
        allowance_mib: 1,
    }
}

/// The table, and what an event loop has been told of it.
struct Relay {
    channels: Channels,
    flows: HashMap<Origin, Flow>,
}

impl Relay {
    fn new() -> Self {
        Self { channels: Channels::new(LIMITS), flows: HashMap::new() }
    }

    fn bind(&mut self, token: &Token, sequence: u64, port: u16, now: Now) -> Result<(), Refusal> {
        let mut changes = Vec::new();
        let bound = self.channels.bind(token, sequence, place(port), now, &mut changes);
        self.learn(changes);
        bound
    }

    fn expire(&mut self, now: Now) {
        let changes = self.channels.expire(now);
        self.learn(changes);
    }

    fn learn(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Flows(from, flow) => drop(self.flows.insert(from, flow)),
                Change::Ends(from) => drop(self.flows.remove(&from)),
            }
        }
        assert!(self.channels.is_consistent());
        assert_eq!(self.flows.len(), self.channels.by_origin.len());
    }

    /// The ports between which packets flow.
    fn pairs(&self) -> Vec<(u16, Option<u16>)> {
        let number = |from: &Origin| match from {
            Origin::Udp(peer) => peer.port(),
            Origin::Tunnel(_) => 443,
        };
        let port = |flow: &Flow| flow.to.map(|to| to.peer().port());
        let mut pairs: Vec<_> =
            self.flows.iter().map(|(from, flow)| (number(from), port(flow))).collect();
        pairs.sort_unstable();
        pairs
    }
}

#[test]
fn packets_flow_both_ways_once_both_ends_are_bound() {
    let mut relay = Relay::new();
    relay.bind(&token(1, 1, Side::Joiner), 1, 10, START).expect("bound");
    assert_eq!(relay.pairs(), [(10, None)]);
    relay.bind(&token(1, 1, Side::Host), 1, 20, START).expect("bound");
    assert_eq!(relay.pairs(), [(10, Some(20)), (20, Some(10))]);
    relay.bind(&token(2, 1, Side::Host), 1, 30, START).expect("bound");
    assert_eq!(relay.pairs(), [(10, Some(20)), (20, Some(10)), (30, None)]);
}

#[test]
fn an_end_moves_with_a_later_bind_only_and_a_repeated_one_changes_nothing() {
    let mut relay = Relay::new();
    let joiner = token(1, 1, Side::Joiner);
    relay.bind(&joiner, 5, 10, START).expect("bound");
    relay.bind(&token(1, 1, Side::Host), 1, 20, START).expect("bound");
    relay.bind(&joiner, 5, 10, START).expect("its answer was lost");
    assert_eq!(relay.bind(&joiner, 5, 11, START), Err(Refusal::Overtaken));
    assert_eq!(relay.bind(&joiner, 4, 10, START), Err(Refusal::Overtaken));
    assert_eq!(relay.pairs(), [(10, Some(20)), (20, Some(10))]);
    relay.bind(&joiner, 6, 11, START).expect("moved");
    assert_eq!(relay.pairs(), [(11, Some(20)), (20, Some(11))]);
    assert_eq!(relay.bind(&joiner, 5, 10, START), Err(Refusal::Overtaken), "recorded and replayed");
}

#[test]
fn an_address_belongs_to_whom_it_was_last_shown_for() {
    let mut relay = Relay::new();
    relay.bind(&token(1, 1, Side::Joiner), 1, 10, START).expect("bound");
    relay.bind(&token(1, 1, Side::Host), 1, 20, START).expect("bound");
    relay.bind(&token(2, 2, Side::Joiner), 1, 10, START).expect("bound");
    assert_eq!(relay.pairs(), [(10, None), (20, None)]);
    relay.bind(&token(1, 1, Side::Joiner), 2, 20, START).expect("the other end of its own channel");
    assert_eq!(relay.pairs(), [(10, None), (20, None)]);
}

#[test]
fn silent_ends_and_expired_tokens_are_forgotten_one_by_one() {
    let mut relay = Relay::new();
    relay.bind(&token(1, 1, Side::Joiner), 1, 10, START).expect("bound");
    relay.bind(&token(1, 1, Side::Host), 1, 20, START).expect("bound");
    relay.flows[&place(20).origin()].heard.note(after(50).since_start_s);
    relay.expire(after(60));
    assert_eq!(relay.pairs().len(), 2);
    relay.expire(after(61));
    assert_eq!(relay.pairs(), [(20, None)]);
    relay.flows[&place(20).origin()].heard.note(after(600).since_start_s);
    relay.expire(after(600));
    assert_eq!(relay.channels.len(), 0);
    assert!(relay.channels.sessions.is_empty(), "no token of it is good any more");
}

#[test]
fn every_table_is_bounded() {
    let mut relay = Relay::new();
    relay.bind(&token(1, 1, Side::Joiner), 1, 10, START).expect("bound");
    relay.bind(&token(2, 1, Side::Joiner), 1, 20, START).expect("bound");
    assert_eq!(relay.bind(&token(3, 1, Side::Joiner), 1, 30, START), Err(Refusal::Busy));
    relay.bind(&token(1, 1, Side::Host), 1, 30, START).expect("no new channel");
    relay.bind(&token(4, 2, Side::Joiner), 1, 40, START).expect("bound");
    for number in 5..100 {
        assert_eq!(
            relay.bind(&token(number, number, Side::Joiner), 1, 50, START),
            Err(Refusal::Busy)
        );
    }
    assert_eq!(relay.channels.len(), 3);
    assert!(relay.channels.sessions.len() <= LIMITS.sessions);
}

#[test]
fn a_session_that_has_used_up_its_allowance_gets_no_new_one_by_coming_back() {
    let mut relay = Relay::new();
    relay.bind(&token(1, 1, Side::Joiner), 1, 10, START).expect("bound");
    let meter = relay.flows[&place(10).origin()].meter.clone();
    let mut now_ns = 0;
    while !meter.is_exhausted() {
        now_ns += 1_000_000_000;
        meter.admit(1 << 16, 1 << 16, now_ns);
    }
    relay.expire(after(61));
    assert_eq!(relay.channels.len(), 0);
    let again = relay.bind(&token(2, 1, Side::Joiner), 1, 10, after(62));
    assert_eq!(again, Err(Refusal::Exhausted));
}

#[test]
fn an_end_moves_into_a_tunnel_and_leaves_with_it() {
    let mut relay = Relay::new();
    relay.bind(&token(1, 1, Side::Joiner), 1, 10, START).expect("bound");
    relay.bind(&token(1, 1, Side::Host), 1, 20, START).expect("bound");
    let mut changes = Vec::new();
    let token = token(1, 1, Side::Joiner);
    relay.channels.bind(&token, 2, tunnel(1), START, &mut changes).expect("bound");
    relay.learn(changes);
    assert_eq!(relay.pairs(), [(20, Some(443)), (443, Some(20))]);
    let changes = relay.channels.leave(tunnel(1).origin());
    relay.learn(changes);
    assert_eq!(relay.pairs(), [(20, None)]);
    assert!(relay.channels.leave(tunnel(1).origin()).is_empty());
}
