//! What several viewers of one share cost its encode thread, beside one viewer, in the same run.
//!
//! A clip is drawn picture by picture, each when all viewers show the one before, so that any number
//! of them sees the same pictures. Links are QUIC on loopback; viewers decode on threads of their own,
//! which are not counted.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tessera::ColourMode;
use tessera::pipeline::{Canvas, Sharer, Viewer};
use tessera::view::Handle;
use tessera_codec::Frame;
use tessera_transport::{Endpoint, Identity, Link, Protocol, Trust};
use tokio::task::JoinSet;

use crate::cli::ViewersArgs;
use crate::clip::Clip;
use crate::error::BenchError;

/// Name of the thread that encodes, as the kernel keeps it.
const ENCODE_THREAD: &str = "tessera-encode";

/// Pictures before the counting begins.
const WARM_UP: usize = 30;

/// Bits of a picture's number, each a square in the upper left corner.
const STAMP_BITS: u16 = 16;
const SQUARE: u16 = 8;

/// One run.
#[derive(Clone, Copy)]
struct Cost {
    codings: u64,
    coded_bytes: u64,
    sent_bytes: u64,
    processor: Duration,
}

/// Measures and prints a table.
pub(crate) fn run(arguments: &ViewersArgs) -> Result<(), BenchError> {
    let clip = Clip::open(&arguments.clip, Some(arguments.frames + WARM_UP))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut costs: Vec<Option<Cost>> = vec![None; arguments.viewers.len()];
    for _ in 0..arguments.passes {
        for (viewers, best) in arguments.viewers.iter().zip(&mut costs) {
            let cost = runtime.block_on(measure(&clip, *viewers))?;
            if best.is_none_or(|best| cost.processor < best.processor) {
                *best = Some(cost);
            }
        }
    }
    println!("{}: processor time of the encode thread", clip.name);
    println!("viewers  ms a coding  codings  kB coded  kB sent  of one viewer's time");
    let mut one = None;
    for (viewers, cost) in arguments.viewers.iter().zip(costs.into_iter().flatten()) {
        let ms = cost.processor.as_secs_f64() * 1_000.0;
        let ratio = ms / *one.get_or_insert(ms);
        let codings = cost.codings;
        let coded_kb = cost.coded_bytes as f64 / 1_000.0;
        println!(
            "{viewers:7}  {:11.3}  {codings:7}  {coded_kb:8.1}  {:7.1}  {ratio:.2}",
            ms / codings.max(1) as f64,
            cost.sent_bytes as f64 / 1_000.0,
        );
    }
    Ok(())
}

/// Shows the clip to so many viewers.
async fn measure(clip: &Clip, viewers: usize) -> Result<Cost, BenchError> {
    let mut sharer = Sharer::new();
    let (canvas, source) = Canvas::new(clip.size)?;
    sharer.start(Box::new(source), |_| {})?;
    let (mut views, mut receivers, mut ends) = (Vec::new(), Vec::new(), JoinSet::new());
    for _ in 0..viewers {
        let (sharing, viewing) = connected().await?;
        let (_, sharer_end) = sharer.add_viewer(ColourMode::Standard)?;
        let (viewer, viewer_end) = Viewer::new()?;
        views.push(viewer.show(0));
        receivers.push(viewer);
        ends.spawn(async move { sharer_end.run(&sharing, |_| {}).await });
        ends.spawn(async move { viewer_end.run(&viewing).await });
    }
    let (done, finished) = tokio::sync::oneshot::channel();
    let clip = clip.clone();
    // Drawing and looking have a thread of their own, as in a program with a window.
    std::thread::spawn(move || done.send(show(&clip, canvas, &mut views, &sharer)));
    tokio::select! {
        Some(Ok(Err(error))) = ends.join_next() => Err(error.into()),
        cost = finished => cost.unwrap_or(Err(BenchError::Viewers("stopped to look"))),
    }
}

/// Draws the clip's pictures, each when all of `views` show the one before.
fn show(
    clip: &Clip,
    mut canvas: Canvas,
    views: &mut [Handle],
    sharer: &Sharer,
) -> Result<Cost, BenchError> {
    for view in &*views {
        let window = std::thread::current();
        view.on_wake(move || window.unpark());
    }
    let mut frames = clip.frames()?;
    let mut number = 0;
    let mut begin = None;
    let mark = || Ok::<_, BenchError>((sharer.coding(), sharer.figures().bytes, encode_time()?));
    while frames.next_into(canvas.frame_mut())? {
        number += 1;
        stamp(canvas.frame_mut(), number);
        canvas.share(clip.size.rect());
        while !views.iter().all(|view| number_in(view) == Some(number)) {
            let mut is_any_new = false;
            for view in &mut *views {
                if view.advance() {
                    view.presented();
                    is_any_new = true;
                }
            }
            if !is_any_new {
                std::thread::park();
            }
        }
        if usize::from(number) == WARM_UP {
            begin = Some(mark()?);
        }
    }
    let (before, sent_bytes, processor) =
        begin.ok_or(BenchError::Viewers("saw too few pictures"))?;
    let (after, sent_then, processor_then) = mark()?;
    Ok(Cost {
        codings: after.codings - before.codings,
        coded_bytes: after.coded_bytes - before.coded_bytes,
        sent_bytes: sent_then - sent_bytes,
        processor: processor_then.saturating_sub(processor),
    })
}

/// Writes `number` in black and white squares.
fn stamp(frame: &mut Frame, number: u16) {
    for y in 0..SQUARE {
        let row = frame.span_mut(0, y, STAMP_BITS * SQUARE);
        for (at, pixel) in row.chunks_exact_mut(4).enumerate() {
            let is_set = number >> (at / usize::from(SQUARE)) & 1 == 1;
            let shade = if is_set { 255 } else { 0 };
            pixel.copy_from_slice(&[shade, shade, shade, 0]);
        }
    }
}

/// The number in what a window shows.
fn number_in(view: &Handle) -> Option<u16> {
    let frame = view.picture()?.frame;
    let bit = |at: u16| {
        frame.span(at * SQUARE + SQUARE / 2, SQUARE / 2, 1).first().is_some_and(|&blue| blue > 127)
    };
    Some((0..STAMP_BITS).fold(0, |number, at| number | u16::from(bit(at)) << at))
}

/// Processor time that the encode thread of this process has taken so far.
fn encode_time() -> Result<Duration, BenchError> {
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        let name = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
        if name.trim() == ENCODE_THREAD {
            // The first field is the time on a processor, in nanoseconds.
            let times = std::fs::read_to_string(task.join("schedstat"))?;
            let spent_ns = times.split(' ').next().and_then(|field| field.parse().ok());
            return Ok(Duration::from_nanos(spent_ns.unwrap_or_default()));
        }
    }
    Err(BenchError::Viewers("had nobody to watch"))
}

fn endpoint() -> Result<Endpoint, BenchError> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let identity = Arc::new(Identity::ephemeral().map_err(tessera::Error::from)?);
    Ok(Endpoint::bind(any, identity, Some(Protocol::SESSION)).map_err(tessera::Error::from)?)
}

/// Both ends of one link on loopback.
async fn connected() -> Result<(Link, Link), BenchError> {
    let (connecting, listening) = (endpoint()?, endpoint()?);
    let address = listening.local_address()?;
    let trust = Trust::Only(listening.fingerprint());
    let (connected, accepted) =
        tokio::join!(connecting.connect(address, Protocol::SESSION, trust), async {
            let incoming = listening.accept().await.ok_or(BenchError::Viewers("found no way"))?;
            incoming.accept(Trust::AnyKey).await.map_err(|_| BenchError::Viewers("found no way"))
        });
    Ok((connected.map_err(tessera::Error::from)?, accepted?))
}
