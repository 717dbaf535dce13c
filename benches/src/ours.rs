//! Our own codec on a clip.

use std::time::{Duration, Instant};

use tessera_codec::{
    Decoder, DecoderConfig, EncodeRequest, Encoder, EncoderConfig, Frame, Payload, Payloads,
    Policy, Region, Status,
};

use crate::cli::PolicyName;
use crate::clip::Clip;
use crate::error::BenchError;
use crate::metrics::{Cost, Tally};

/// How our codec runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) policy: PolicyName,
    pub(crate) threads: usize,
    /// Frames between an update and its acknowledgement.
    pub(crate) ack_delay: usize,
}

impl Setting {
    fn encoder_config(self) -> EncoderConfig {
        let policy = match self.policy {
            PolicyName::Exact => Policy::Exact,
            PolicyName::Live => Policy::Live,
        };
        EncoderConfig { threads: self.threads, policy, ..EncoderConfig::default() }
    }
}

/// Codes `clip` frame by frame, decodes what was coded and compares.
///
/// The whole frame counts as damaged each time: finding what changed is part of the encode time.
pub(crate) fn measure(clip: &Clip, setting: Setting) -> Result<Tally, BenchError> {
    let mut coder = Coder::new(clip, setting)?;
    let mut tally = Tally::default();
    let mut frames = clip.frames()?;
    let mut source = Frame::black(clip.size);
    while frames.next_into(&mut source)? {
        let cost = coder.code(&source)?;
        tally.add(cost, source.view(), coder.picture()?);
    }
    Ok(tally)
}

/// An encoder and a decoder side by side.
pub(crate) struct Coder {
    encoder: Encoder,
    decoder: Decoder,
    damage: Region,
    payloads: Payloads,
    exact: bool,
    frame: usize,
    interval: Duration,
}

impl Coder {
    pub(crate) fn new(clip: &Clip, setting: Setting) -> Result<Self, BenchError> {
        let failed = |what: String| BenchError::Ours { frame: 0, what };
        Ok(Self {
            encoder: Encoder::new(clip.size, setting.encoder_config())
                .map_err(|error| failed(error.to_string()))?,
            decoder: Decoder::new(DecoderConfig {
                threads: setting.threads,
                ..DecoderConfig::default()
            })
            .map_err(|error| failed(error.to_string()))?,
            damage: Region::empty(clip.size),
            payloads: Payloads::default(),
            exact: setting.policy == PolicyName::Exact,
            frame: 0,
            interval: Duration::from_secs_f64(clip.fps.recip()),
        })
    }

    /// Codes the next frame and applies it at the decoder.
    pub(crate) fn code(&mut self, source: &Frame) -> Result<Cost, BenchError> {
        let frame = self.frame;
        let failed = |what: String| BenchError::Ours { frame, what };
        self.damage.fill();
        let request = EncodeRequest {
            now_us: (self.interval * frame as u32).as_micros() as u64,
            budget_bytes: usize::MAX,
            pointer: None,
        };
        let start = Instant::now();
        self.encoder.encode(source.view(), &mut self.damage, &request, &mut self.payloads);
        let mut cost = Cost { encode: start.elapsed(), ..Cost::default() };
        for payload in &self.payloads {
            cost.bytes += payload.bytes.len();
            let start = Instant::now();
            let applied = self
                .decoder
                .apply(payload.track, &payload.bytes)
                .map_err(|error| failed(error.to_string()))?;
            if applied.status != Status::Applied {
                return Err(failed(format!("update {} was not applied", payload.number)));
            }
            cost.decode += start.elapsed();
        }
        let picture = self.picture()?;
        if self.exact && picture.data() != source.data() {
            return Err(failed("the decoded picture differs from the source".into()));
        }
        self.frame += 1;
        Ok(cost)
    }

    /// The updates of the frame coded last.
    pub(crate) fn payloads(&self) -> impl Iterator<Item = &Payload> {
        self.payloads.iter()
    }

    fn picture(&self) -> Result<tessera_codec::FrameView<'_>, BenchError> {
        let frame = self.frame;
        self.decoder
            .view()
            .ok_or_else(|| BenchError::Ours { frame, what: "no picture was decoded".into() })
    }
}
