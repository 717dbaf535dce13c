//! What somebody on or off the path can do, and what a peer can make of us.

use super::network::middlebox;
use super::session::{Conversation, Meeting, bystander, candidates, wait_for};
use crate::ends::run;
use std::time::Duration;
use tessera_transport::path::{Candidates, PathKind};

/// Length of a probe and of an answer.
const PROBE_BYTES: usize = 41;
const PROBE: u8 = 0x20;

/// What comes to `socket` until nothing has come for `quiet`.
async fn heard(socket: &tokio::net::UdpSocket, quiet: Duration) -> Vec<Vec<u8>> {
    let mut heard = Vec::new();
    let mut buffer = [0; 2048];
    while let Ok(received) = tokio::time::timeout(quiet, socket.recv(&mut buffer)).await {
        heard.push(buffer[..received.expect("received")].to_vec());
    }
    heard
}

#[test]
fn a_list_of_candidates_that_points_at_a_victim_costs_it_a_few_small_packets() {
    run(async {
        let meeting = Meeting::at(1).await;
        let (near, far) = meeting.connect().await;
        let talk = Conversation::begin(&near, &far);
        let victim = bystander().await;
        let address = victim.local_addr().expect("bound");
        // Told again and again.
        let list = Candidates { channel: None, addresses: vec![address; 8] };
        for _ in 0..10 {
            meeting.joiner.ways.add_candidates(&list);
        }
        let heard = heard(&victim, Duration::from_secs(2)).await;
        assert!((1..=10).contains(&heard.len()), "{} packets", heard.len());
        assert!(heard.iter().all(|packet| packet.len() == PROBE_BYTES && packet[0] == PROBE));
        talk.hear(10).await;
        assert!(near.path().is_some_and(|path| path.kind == PathKind::Relay));
    });
}

#[test]
fn forged_and_replayed_probes_move_nothing_and_are_not_answered() {
    run(async {
        let meeting = Meeting::at(1).await;
        let (near, far) = meeting.connect().await;
        let talk = Conversation::begin(&near, &far);
        let host = meeting.host.address();
        let middlebox = middlebox(host).await;
        meeting.joiner.ways.add_candidates(&candidates(middlebox.address));
        wait_for(&meeting.host.ways, PathKind::Direct).await;
        let remote = far.remote_address();
        let recorded = middlebox.recorded.lock().expect("no panic").clone();
        let probes: Vec<_> = recorded.into_iter().filter(|it| it[0] & 0xf0 == 0x20).collect();
        assert!(probes.len() >= 3);
        let attacker = bystander().await;
        for probe in &probes {
            attacker.send_to(probe, host).await.expect("sent");
            for byte in [0, 8, 16, 24, 40] {
                let mut forged = probe.clone();
                forged[byte] ^= 1;
                attacker.send_to(&forged, host).await.expect("sent");
            }
        }
        assert!(heard(&attacker, Duration::from_secs(1)).await.is_empty());
        talk.hear(20).await;
        assert_eq!(far.remote_address(), remote);
    });
}

#[test]
fn packets_from_elsewhere_are_nobodys_and_keep_no_path_alive() {
    run(async {
        let meeting = Meeting::at(1).await;
        let (near, far) = meeting.connect().await;
        let talk = Conversation::begin(&near, &far);
        let middlebox = middlebox(meeting.host.address()).await;
        meeting.joiner.ways.add_candidates(&candidates(middlebox.address));
        wait_for(&meeting.host.ways, PathKind::Direct).await;
        talk.hear(20).await;
        // QUIC packets of the session, copied by somebody who sends them on from another address.
        let copied = middlebox.recorded.lock().expect("no panic").clone();
        let attacker = bystander().await;
        for packet in copied.iter().filter(|it| it[0] >= 0x40) {
            attacker.send_to(packet, meeting.host.address()).await.expect("sent");
            attacker.send_to(packet, meeting.joiner.address()).await.expect("sent");
        }
        assert!(heard(&attacker, Duration::from_millis(500)).await.is_empty());
        assert!(near.close_reason().is_none() && far.close_reason().is_none());
        talk.hear(20).await;
    });
}

#[test]
fn a_relay_that_drops_alters_reorders_and_replays_is_a_bad_path_and_nothing_more() {
    run(async {
        let meeting = Meeting::at(1).await;
        let (near, far) = meeting.connect().await;
        // Every message has to arrive once, unaltered and in order.
        let talk = Conversation::begin(&near, &far);
        meeting.relays[0].mistreats.set(true);
        talk.hear(500).await;
        assert!(near.close_reason().is_none() && far.close_reason().is_none());
        assert_eq!(near.path().map(|path| path.kind), Some(PathKind::Relay));
    });
}

#[test]
fn where_direct_paths_are_forbidden_nobody_is_probed() {
    run(async {
        let meeting = Meeting::at(1).await;
        meeting.joiner.endpoint.forbid_direct();
        let (near, far) = meeting.connect().await;
        let talk = Conversation::begin(&near, &far);
        let peer = bystander().await;
        let address = peer.local_addr().expect("bound");
        meeting.joiner.ways.add_candidates(&candidates(address));
        // The host would go direct; its probes are not answered either.
        meeting.host.ways.add_candidates(&candidates(meeting.joiner.address()));
        assert!(heard(&peer, Duration::from_secs(1)).await.is_empty());
        talk.hear(50).await;
        for link in [near, far] {
            assert_eq!(link.path().map(|path| path.kind), Some(PathKind::Relay));
        }
    });
}
