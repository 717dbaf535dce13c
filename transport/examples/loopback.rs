//! Measures a link between two endpoints of this machine: the chain's throughput and a control message's round trip.
//!
//! Both ends run on one thread, as the programs' transport does, so that the figures are those of one core at both ends.
//! `cargo run --release -p tessera-transport --example loopback`

use bytes::Bytes;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;
use tessera_transport::inbound::InboundStream;
use tessera_transport::{Endpoint, Identity, Link, Protocol, Trust};

/// An update as a change of half a screen makes it.
const UPDATE_BYTES: usize = 256 << 10;
const UPDATES: usize = 2000;
const ROUND_TRIPS: usize = 5000;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let bind = |accepts| -> Result<Endpoint, Box<dyn Error>> {
            Ok(Endpoint::bind(loopback, Arc::new(Identity::ephemeral()?), accepts)?)
        };
        let (client, server) = (bind(None)?, bind(Some(Protocol::SESSION))?);
        let connecting = client.connect(
            server.local_address()?,
            Protocol::SESSION,
            Trust::Only(server.fingerprint()),
        );
        let accepting = async {
            let incoming = server.accept().await.ok_or("the endpoint was closed")?;
            Ok(incoming.accept(Trust::Only(client.fingerprint())).await?)
        };
        let (near, far): (_, Result<Link, Box<dyn Error>>) = tokio::join!(connecting, accepting);
        let (near, far) = (near?, far?);
        round_trips(&near, &far).await?;
        chain(&near, &far).await
    })
}

async fn round_trips(near: &Link, far: &Link) -> Result<(), Box<dyn Error>> {
    let ((mut send, mut receive), (mut far_send, mut far_receive)) =
        tokio::try_join!(near.control(), far.control())?;
    let message = Bytes::from(vec![b' '; 100]);
    let asking = async {
        let mut times_us = Vec::with_capacity(ROUND_TRIPS);
        for _ in 0..ROUND_TRIPS {
            let asked = Instant::now();
            send.send(message.clone()).await?;
            receive.next().await?.ok_or("the stream has ended")?;
            times_us.push(asked.elapsed().as_micros());
        }
        Ok::<_, Box<dyn Error>>(times_us)
    };
    let answering = async {
        for _ in 0..ROUND_TRIPS {
            let question = far_receive.next().await?.ok_or("the stream has ended")?;
            far_send.send(question).await?;
        }
        Ok(())
    };
    let (mut times_us, ()) = tokio::try_join!(asking, answering)?;
    times_us.sort_unstable();
    let share = |percent: usize| times_us.get(times_us.len() * percent / 100).copied().unwrap_or(0);
    println!(
        "control round trip of 100 bytes: median {} us, 99 of 100 within {} us",
        share(50),
        share(99)
    );
    Ok(())
}

async fn chain(near: &Link, far: &Link) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let update = Bytes::from(vec![7; UPDATE_BYTES]);
    let sending = async {
        let mut chain = near.open_chain().await?;
        for _ in 0..UPDATES {
            chain.send(update.clone(), 0).await?;
        }
        Ok::<_, Box<dyn Error>>(chain)
    };
    let receiving = async {
        let InboundStream::Chain(mut chain) = far.inbound().next().await? else {
            return Err("another stream than the chain came first".into());
        };
        for _ in 0..UPDATES {
            chain.next().await?.ok_or("the chain has ended")?;
        }
        Ok(())
    };
    tokio::try_join!(sending, receiving)?;
    let seconds = started.elapsed().as_secs_f64();
    let sent_bits = (UPDATES * UPDATE_BYTES * 8) as f64;
    println!("chain: {:.0} Mbit/s in updates of {UPDATE_BYTES} bytes", sent_bits / 1e6 / seconds);
    println!("{:?}", near.figures());
    Ok(())
}
