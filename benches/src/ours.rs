//! Our own codec on a clip: an encoder and a decoder side by side, and their acknowledgements.
//!
//! An update reaches the decoder at the end of its frame; what the encoder may learn of that
//! reaches it [`Setting::ack_delay`] frames later. The chain is ordered and never reset, so what
//! was sent on it counts as held, and leaves are never referred to: the encoder waits for nothing.
//! What it does learn late is that a leaf was lost; [`Setting::lose_leaf`] loses some on purpose.

use std::collections::VecDeque;
use std::time::Duration;

use tessera_codec::{
    Decoder, DecoderConfig, EncodeRequest, Encoder, EncoderConfig, Frame, FrameView, Payload,
    Payloads, Region, Status, TileGrid, Track,
};

use crate::cli::{ColourName, PolicyName};
use crate::clip::Clip;
use crate::clock::Clock;
use crate::error::BenchError;
use crate::film::Film;
use crate::metrics::{Cost, Tally};
use crate::tools::Tools;

/// How our codec runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) policy: PolicyName,
    pub(crate) colours: ColourName,
    pub(crate) threads: usize,
    /// Frames between an update and what the encoder learns of it.
    pub(crate) ack_delay: usize,
    /// Of how many leaves one is lost; 0 for none.
    pub(crate) lose_leaf: usize,
}

impl Setting {
    fn encoder_config(self) -> EncoderConfig {
        let (policy, colours) = (self.policy.into(), self.colours.into());
        EncoderConfig { threads: self.threads, policy, colours, ..EncoderConfig::default() }
    }
}

/// How long a picture may take to become exact after the end of its clip.
const MAX_REST: Duration = Duration::from_secs(2);

/// Times that an unchanged picture is encoded; the fastest counts.
const UNCHANGED_RUNS: usize = 20;

/// The figures of our codec on a clip.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) tally: Tally,
    pub(crate) tools: Tools,
    pub(crate) film: Option<Film>,
    pub(crate) unchanged: Unchanged,
}

/// Encode times of a picture that has not changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unchanged {
    /// With all of it damaged: every tile is looked at.
    pub(crate) swept: Duration,
    /// With no damage.
    pub(crate) undamaged: Duration,
}

/// Measures on one thread and on two, `passes` times in turn so that both see the same load of the
/// machine; each frame's fastest time counts.
pub(crate) fn measure_both(
    clip: &Clip,
    setting: Setting,
    passes: usize,
) -> Result<[Measured; 2], BenchError> {
    let settings = [1, 2].map(|threads| Setting { threads, ..setting });
    let [one, two] = settings.map(|setting| measure(clip, setting));
    let mut both = [one?, two?];
    for _ in 1..passes {
        for (measured, setting) in both.iter_mut().zip(settings) {
            let mut costs = Vec::with_capacity(measured.tally.frames());
            pass(clip, setting, |cost, _, _| costs.push(cost))?;
            measured.tally.keep_faster(&costs);
        }
    }
    Ok(both)
}

/// Codes `clip` frame by frame, decodes what was coded and compares.
///
/// The whole frame counts as damaged each time: finding what changed is part of the encode time.
fn measure(clip: &Clip, setting: Setting) -> Result<Measured, BenchError> {
    let mut tally = Tally::new(TileGrid::new(clip.size));
    let (mut coder, last) = pass(clip, setting, |cost, source, shown| {
        tally.add(cost, source, shown);
    })?;
    let (tools, film) = (coder.tools, coder.film);
    let rests = (MAX_REST.as_secs_f64() * clip.fps).ceil() as usize;
    for _ in 0..rests {
        if coder.is_at_rest()? {
            break;
        }
        let cost = coder.code(&last)?;
        tally.add_rest(cost, last.view(), coder.picture()?);
    }
    let unchanged = coder.time_unchanged(&last);
    Ok(Measured { tally, tools, film, unchanged })
}

/// Codes the clip once; returns the coder and the last frame.
fn pass(
    clip: &Clip,
    setting: Setting,
    mut see: impl FnMut(Cost, FrameView<'_>, FrameView<'_>),
) -> Result<(Coder, Frame), BenchError> {
    let mut coder = Coder::new(clip, setting)?;
    let mut frames = clip.frames()?;
    let mut source = Frame::black(clip.size);
    while frames.next_into(&mut source)? {
        let cost = coder.code(&source)?;
        see(cost, source.view(), coder.picture()?);
    }
    Ok((coder, source))
}

/// An encoder and a decoder side by side.
pub(crate) struct Coder {
    setting: Setting,
    clock: Clock,
    encoder: Encoder,
    decoder: Decoder,
    damage: Region,
    payloads: Payloads,
    /// The frame coded last, in the colours in which it was sent.
    expected: Frame,
    tools: Tools,
    film: Option<Film>,
    frame: usize,
    leaves: usize,
    /// Leaves that were lost, with the frame in which the encoder learns of it.
    lost: VecDeque<(usize, u32)>,
    interval: Duration,
}

impl Coder {
    pub(crate) fn new(clip: &Clip, setting: Setting) -> Result<Self, BenchError> {
        let failed = |what: String| BenchError::Ours { frame: 0, what };
        Ok(Self {
            setting,
            clock: Clock::for_threads(setting.threads),
            encoder: Encoder::new(clip.size, setting.encoder_config())
                .map_err(|error| failed(error.to_string()))?,
            decoder: Decoder::new(DecoderConfig {
                threads: setting.threads,
                ..DecoderConfig::default()
            })
            .map_err(|error| failed(error.to_string()))?,
            damage: Region::empty(clip.size),
            payloads: Payloads::default(),
            expected: Frame::black(clip.size),
            tools: Tools::default(),
            film: None,
            frame: 0,
            leaves: 0,
            lost: VecDeque::new(),
            interval: Duration::from_secs_f64(clip.fps.recip()),
        })
    }

    fn request(&self) -> EncodeRequest {
        EncodeRequest {
            now_us: (self.interval * self.frame as u32).as_micros() as u64,
            budget_bytes: usize::MAX,
            pointer: None,
        }
    }

    fn failed(&self, what: impl Into<String>) -> BenchError {
        BenchError::Ours { frame: self.frame, what: what.into() }
    }

    /// Codes the next frame and applies it at the decoder.
    pub(crate) fn code(&mut self, source: &Frame) -> Result<Cost, BenchError> {
        while let Some((_, leaf)) = self.lost.pop_front_if(|(due, _)| *due <= self.frame) {
            self.encoder.leaf_lost(leaf);
        }
        self.damage.fill();
        let request = self.request();
        let (report, encode) = self.clock.time(|| {
            self.encoder.encode(source.view(), &mut self.damage, &request, &mut self.payloads)
        });
        if self.frame > 0 {
            self.tools.add(&report);
        }
        let mut cost = Cost { encode, ..Cost::default() };
        for payload in &self.payloads {
            cost.bytes += payload.bytes.len();
            if payload.track == Track::Leaf {
                self.leaves += 1;
                if self.setting.lose_leaf > 0 && self.leaves.is_multiple_of(self.setting.lose_leaf)
                {
                    self.lost.push_back((self.frame + self.setting.ack_delay, payload.number));
                    continue;
                }
            }
            let (outcome, decode) = self.clock.time(|| {
                let applied = self.decoder.apply(payload.track, &payload.bytes);
                applied.map(|applied| applied.status)
            });
            cost.decode += decode;
            match outcome {
                Ok(Status::Applied) => {}
                Ok(status) => {
                    let what = format!("update {} was not applied: {status:?}", payload.number);
                    return Err(self.failed(what));
                }
                Err(error) => return Err(self.failed(error.to_string())),
            }
        }
        self.film = self.film.or_else(|| {
            let is_film = self.payloads.iter().any(|payload| payload.track == Track::Video);
            let rect = self.encoder.video_rect().filter(|_| is_film)?;
            Some(Film::new(self.frame, rect))
        });
        if let Some(mut film) = self.film {
            film.add(cost.bytes, source.view(), self.picture()?);
            self.film = Some(film);
        }
        self.encoder.quantize(source.view(), &mut self.expected);
        let is_exact = self.picture()? == self.expected.view();
        if self.setting.policy == PolicyName::Exact && !is_exact {
            return Err(self.failed("the decoded picture differs from the source"));
        }
        if self.decoder.is_exact() && !is_exact {
            return Err(self.failed("the decoder calls a picture exact that is not"));
        }
        self.frame += 1;
        Ok(cost)
    }

    /// Whether the picture equals the frame coded last, and nothing is left to be sent or learnt.
    fn is_at_rest(&self) -> Result<bool, BenchError> {
        let is_equal = self.picture()? == self.expected.view();
        Ok(is_equal && self.lost.is_empty() && self.encoder.next_refinement_us().is_none())
    }

    /// Encodes `source` again, which is the frame coded last.
    fn time_unchanged(&mut self, source: &Frame) -> Unchanged {
        let request = self.request();
        let Self { encoder, damage, payloads, clock, .. } = self;
        let mut fastest = |is_swept: bool| {
            let runs = (0..UNCHANGED_RUNS).map(|_| {
                damage.clear();
                if is_swept {
                    damage.fill();
                }
                clock.time(|| encoder.encode(source.view(), damage, &request, payloads)).1
            });
            runs.min().unwrap_or_default()
        };
        Unchanged { swept: fastest(true), undamaged: fastest(false) }
    }

    /// The updates of the frame coded last.
    pub(crate) fn payloads(&self) -> impl Iterator<Item = &Payload> {
        self.payloads.iter()
    }

    fn picture(&self) -> Result<FrameView<'_>, BenchError> {
        self.decoder.view().ok_or_else(|| self.failed("no picture was decoded"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::OWN_CLIPS;

    fn own_clips(frames: usize) -> Vec<Clip> {
        let clips = Clip::find(&[OWN_CLIPS.into()], Some(frames)).expect("the project's clips");
        assert!(clips.len() >= 6, "clips are missing");
        clips
    }

    #[test]
    fn the_projects_clips_are_exact_frame_by_frame() {
        for clip in own_clips(16) {
            for ack_delay in [0, 3] {
                let setting = Setting {
                    policy: PolicyName::Exact,
                    colours: ColourName::Standard,
                    threads: 1,
                    ack_delay,
                    lose_leaf: 0,
                };
                let measured = measure(&clip, setting).expect(&clip.name);
                assert!(measured.tally.least_exact_share() >= 1.0, "{}", clip.name);
                assert_eq!(measured.tally.psnr_db(), None, "{}", clip.name);
            }
        }
    }

    #[test]
    fn in_a_session_text_stays_exact_and_pictures_become_so_even_when_leaves_are_lost() {
        for clip in own_clips(40) {
            let setting = Setting {
                policy: PolicyName::Live,
                colours: ColourName::Standard,
                threads: 2,
                ack_delay: 3,
                lose_leaf: 2,
            };
            let tally = measure(&clip, setting).expect(&clip.name).tally;
            assert!(tally.exact_after().is_some(), "{} never became exact", clip.name);
            if ["terminal-typing", "terminal-scroll", "editor", "clock"].contains(&&*clip.name) {
                assert!(tally.least_exact_share() >= 1.0, "{}", clip.name);
            }
        }
    }
}
