//! The encoder: from frames and damage to updates.
//!
//! One call goes through these steps: *scan* (hash each damaged tile and compare it with what was
//! sent), *search* (vectors of moved content, and a mode for each block of what changed),
//! *choose* (how much may be lossy, what is film, what fits the budget), *emit* (one chain and one
//! leaf update, and one frame of a video). Photographs that have come to rest are refined by the
//! same steps. Once in a while a *check* lets decoders compare what they show, and *slices* serve
//! those that hold less than the others. Time is an argument; there is no clock here, and no thread
//! but those of the worker pool.

mod blocks;
mod burst;
mod check;
mod choice;
mod colour;
mod config;
mod directory;
mod emit;
mod grain;
mod load;
mod motion;
mod originals;
mod pace;
mod payload;
mod plan;
mod recall;
mod refinement;
mod slices;
mod text;
mod tile;
mod video;

use self::blocks::{all_copied, choose_modes};
use self::check::CheckTimes;
use self::choice::Estimate;
use self::colour::{ColourChoice, look};
pub use self::config::{EncodeRequest, EncoderConfig, Policy, Report, Room};
use self::directory::Directory;
use self::load::Load;
use self::motion::Motion;
use self::originals::Originals;
use self::pace::Pace;
use self::payload::BufferPool;
pub use self::payload::{Payload, Payloads};
use self::plan::{Plan, nearest_first};
use self::refinement::Refinement;
pub use self::slices::Position;
use self::slices::Slices;
use self::text::TextSearch;
use self::tile::{Candidate, Held, Task, TileState};
pub use self::video::FilmToCode;
use self::video::Video;
use crate::chain::{Line, MAX_LANES, MAX_VECTORS, Mode, Place, StreamEncoder, Vector};
use crate::colour::Colours;
use crate::frame::FrameView;
use crate::geometry::{Size, TileGrid, TileIndex};
use crate::hash::TILE_BYTES;
use crate::parallel::{LARGE_TILES, SetupError, Workers};
use crate::region::Region;
use crate::tools::jpeg;

/// Tiles that one thread hashes at a time; fewer than two such groups are hashed on the caller's
/// thread. A choice, not a measurement: hashing so few is a matter of microseconds.
const SCAN_GRAIN: usize = 64;

/// How many times as many tiles must return from the cache as a whole than remain for moves not to be
/// sought. A choice.
const RETURNS_PER_MOVE: usize = 5;

/// Tiles whose modes one thread chooses at a time.
const SEARCH_GRAIN: usize = 8;

/// Calls in which a whole screen is refined, at 30 a second 200 ms: new damage may have to wait for
/// one of them. And the fewest tiles of one beside tiles that changed. Choices, not measurements.
const REFINE_CALLS: usize = 6;
const MIN_REFINE_TILES: usize = 4;

/// Numbers left unused at the end of an epoch, more than one call can take.
const NUMBER_RESERVE: u32 = 16;

/// One worker's scratch memory and compression context.
struct Scratch {
    /// The pixels of one tile.
    tile: Vec<u8>,
    jpeg: jpeg::Encoder,
}

/// Turns frames into updates. See the module documentation for the steps.
pub struct Encoder {
    config: EncoderConfig,
    workers: Workers<Scratch>,
    grid: TileGrid,
    tiles: Vec<TileState>,
    /// Tiles to send although nobody reported damage: after a restart or a lost leaf.
    stale: Region,
    epoch: u32,
    /// Number of the last update, and of the last one on the chain, in this epoch.
    number: u32,
    chain: u32,
    line: Line,
    /// Whether the next chain update makes the line forget all but its picture.
    is_reset_due: bool,
    motion: Motion,
    directory: Directory,
    originals: Originals,
    text: TextSearch,
    load: Load,
    pace: Pace,
    refinement: Refinement,
    room: Room,
    streams: [StreamEncoder; MAX_LANES],
    candidates: Vec<Candidate>,
    /// Tiles of the candidates that are searched.
    searched: Region,
    /// For each tile where in the cache it is found as a whole.
    origins: Vec<Option<Place>>,
    /// Tiles of the call at hand that are film.
    film: Region,
    /// Whether the call at hand has so many new photographs that they are film at once.
    is_burst: bool,
    plan: Plan,
    estimate: Estimate,
    slices: Slices,
    check: CheckTimes,
    /// The tiles that a check covers, and their hashes.
    exact: Region,
    hashes: Vec<u8>,
    colour_choice: ColourChoice,
    video: Video,
    buffers: BufferPool,
}

impl Encoder {
    /// An encoder for frames of `size`; its first update starts the stream.
    ///
    /// # Errors
    /// When threads or compression contexts cannot be made.
    pub fn new(size: Size, config: EncoderConfig) -> Result<Self, SetupError> {
        let scratch = || Ok(Scratch { tile: vec![0; TILE_BYTES], jpeg: jpeg::Encoder::new()? });
        let mut encoder = Self {
            config,
            workers: Workers::new(config.threads, scratch)?,
            grid: TileGrid::new(Size::default()),
            tiles: Vec::new(),
            stale: Region::empty(Size::default()),
            epoch: config.first_epoch.wrapping_sub(config.epoch_step),
            number: 0,
            chain: 0,
            // Takes the memory of its pictures now rather than in the first call.
            line: Line::new(size),
            is_reset_due: false,
            motion: Motion::new(),
            directory: Directory::new(),
            originals: Originals::new(),
            text: TextSearch::default(),
            load: Load::default(),
            pace: Pace::default(),
            refinement: Refinement::default(),
            room: Room::default(),
            streams: Default::default(),
            candidates: Vec::new(),
            searched: Region::empty(Size::default()),
            origins: Vec::new(),
            film: Region::empty(Size::default()),
            is_burst: false,
            plan: Plan::default(),
            estimate: Estimate::new(),
            slices: Slices::new(),
            check: CheckTimes::default(),
            exact: Region::empty(Size::default()),
            hashes: Vec::new(),
            colour_choice: ColourChoice::new(config.colours),
            video: Video::new(),
            buffers: BufferPool::new(),
        };
        encoder.start(size);
        Ok(encoder)
    }

    /// Sets the quality of photographs in motion, 1 to 100, from the next call on: see
    /// [`EncoderConfig::motion_quality`].
    pub fn set_motion_quality(&mut self, quality: u8) {
        self.config.motion_quality = quality.clamp(1, 100);
    }

    /// Sets how many bytes a second pictures in motion may take together: video, film and photographs
    /// that move. `None`, as at first, leaves them the best quality that they have. It may be set
    /// before every call of [`Self::encode`]; quality follows within some pictures, down faster than
    /// up. What is exact takes what it takes.
    pub fn set_picture_rate(&mut self, bytes_per_s: Option<u32>) {
        self.pace.bytes_per_s = bytes_per_s;
        self.video.limit_rate(bytes_per_s);
    }

    /// Says what finds room besides exact damage in the calls of [`Self::encode`] to come; everything at
    /// first.
    pub fn set_room(&mut self, room: Room) {
        self.room = room;
    }

    /// Makes the next update self-contained: it starts an epoch, and every tile is sent again.
    pub fn restart(&mut self) {
        self.start(self.grid.size());
    }

    /// Makes the next update on the chain one that a viewer can follow who holds the chain's picture
    /// and nothing else of the line. It costs the others what models have to learn again.
    pub fn reset_line(&mut self) {
        self.is_reset_due = self.chain > 0;
        // Nor does such a viewer hold a frame of the video.
        self.video_lost(u32::MAX);
    }

    fn start(&mut self, size: Size) {
        self.grid = TileGrid::new(size);
        self.epoch = self.epoch.wrapping_add(self.config.epoch_step);
        (self.number, self.chain) = (0, 0);
        self.tiles.clear();
        self.tiles.resize(self.grid.tiles() as usize, TileState::default());
        self.stale = Region::full(size);
        self.film = Region::empty(size);
        self.searched = Region::empty(size);
        self.origins.clear();
        self.origins.resize(self.grid.tiles() as usize, None);
        self.video.reset(size);
        self.line.reset(size);
        self.is_reset_due = false;
        self.slices.reset(self.grid);
        self.check = CheckTimes::default();
        self.exact = Region::empty(size);
        // A palette is made for the frame that starts the epoch.
        self.line.colours = Colours::Standard;
        self.motion.reset(self.grid);
        self.directory.reset(&self.line, self.grid);
        self.originals.reset(&self.line);
    }

    /// Tells that the leaf update `number` of the present epoch will not arrive: its tiles are
    /// sent again by the next call of [`Self::encode`], where nothing newer was sent since.
    pub fn leaf_lost(&mut self, number: u32) {
        for (at, tile) in self.tiles.iter_mut().enumerate() {
            if tile.leaf == number && number > 0 {
                (tile.held, tile.leaf) = (Held::Nothing, 0);
                self.stale.insert(TileIndex(at as u32));
            }
        }
    }

    /// When [`Self::encode`] should be called again although nothing is damaged, on the clock of
    /// [`EncodeRequest::now_us`]; a time that has passed means at once, `None` means never.
    #[must_use]
    pub fn next_refinement_us(&self) -> Option<u64> {
        if !self.stale.is_empty()
            || self.chain == 0
            || self.has_other_colours()
            || !self.config.film_apart && self.video.is_due()
        {
            return Some(0);
        }
        let states = self.tiles.iter().zip(0..);
        states
            .filter_map(|(state, tile)| {
                self.video.refinable_us(TileIndex(tile), state, self.config.rest_us)
            })
            .chain(self.check.due_us())
            .min()
    }

    /// Codes what changed of the tiles in `damage`, and refines pictures at rest, into `out`.
    ///
    /// `frame` is the whole picture, up to date at least where `damage` says. Tiles that were coded
    /// or found unchanged leave `damage`; those that the budget left, and those that the encoder
    /// itself wants sent again, are in it afterwards. A frame of another size starts an epoch, and
    /// `damage` becomes the set over that size. Updates in `out` must be sent in their order; an
    /// update on the chain must not be left out.
    pub fn encode(
        &mut self,
        frame: FrameView<'_>,
        damage: &mut Region,
        request: &EncodeRequest,
        out: &mut Payloads,
    ) -> Report {
        out.clear();
        if frame.size() != self.grid.size() {
            self.start(frame.size());
        } else if self.number > u32::MAX - NUMBER_RESERVE {
            self.restart();
        }
        if damage.grid() != self.grid {
            *damage = Region::full(self.grid.size());
        }
        damage.merge(&self.stale);
        self.stale.clear();
        let refines = self.next_refinement_us().is_some_and(|at_us| at_us <= request.now_us);
        let is_large = refines || damage.len() >= LARGE_TILES;
        let threads = self.workers.threads();
        threads.enter(is_large, || self.encode_damage(frame, damage, request, out))
    }

    /// Codes the tiles in `damage`, which is over the encoder's grid.
    fn encode_damage(
        &mut self,
        frame: FrameView<'_>,
        damage: &mut Region,
        request: &EncodeRequest,
        out: &mut Payloads,
    ) -> Report {
        let mut report = Report::default();
        self.settle_colours(frame, damage);
        self.video.end_at_rest(request.now_us, self.config.rest_us);
        self.scan(frame, damage, request, &mut report);
        if self.follow_scene(frame, request.now_us, damage) {
            report = Report::default();
            self.scan(frame, damage, request, &mut report);
        }
        let is_film_due = !self.config.film_apart && self.video.is_due();
        if !self.candidates.is_empty() || self.chain == 0 || is_film_due {
            self.set_video_apart(frame, request.now_us);
            self.set_known_film_apart(frame, request.now_us);
            if self.is_reset_due {
                self.line.renew();
                self.directory.renew();
            }
            self.find_vectors(frame);
            self.set_new_photographs_apart(frame, request.now_us);
            self.choose_modes();
            self.choose(request);
            self.find_video(frame, request.now_us);
            // What is shown for the first time does not move, however much it is.
            let held = |item: &Candidate| self.tiles[item.tile.0 as usize].held;
            let is_new = self.candidates.iter().any(|item| held(item) == Held::Nothing);
            self.emit_chain(frame, damage, &mut report, out);
            self.emit_film(frame, request.now_us, damage, &mut report, out);
            if report.coarse_tiles + report.jpeg_tiles > 0 && !is_new {
                self.pace.learn(report.bytes, request.now_us);
            }
            self.await_video(damage);
            self.code_film_here(frame, request.now_us, &mut report, out);
            self.video.end_if_over();
        }
        self.emit_check(request.now_us, &mut report, out);
        report.waiting_tiles = damage.len() as u32;
        report
    }

    /// Codes a frame of film that is due, unless the caller takes it.
    fn code_film_here(
        &mut self,
        frame: FrameView<'_>,
        now_us: u64,
        report: &mut Report,
        out: &mut Payloads,
    ) {
        if !self.config.film_apart
            && let Some(mut film) = self.take_film(frame, now_us)
        {
            film.code();
            let Report { video_tiles, bytes, .. } = self.put_film(film, out);
            report.video_tiles += video_tiles;
            report.bytes += bytes;
        }
    }

    /// Hashes the damaged tiles and those to refine, and keeps as candidates those that have
    /// something to be sent, nearest to the pointer first. The others leave `damage`.
    fn scan(
        &mut self,
        frame: FrameView<'_>,
        damage: &mut Region,
        request: &EncodeRequest,
        report: &mut Report,
    ) {
        self.candidates.clear();
        self.candidates.extend(damage.iter().map(Candidate::of));
        self.hash(frame, request.now_us, 0);
        report.unchanged_tiles +=
            self.candidates.iter().filter(|candidate| candidate.task != Task::Change).count()
                as u32;
        for candidate in &self.candidates {
            if candidate.task != Task::Change {
                damage.remove(candidate.tile);
            }
        }
        self.candidates.retain(|candidate| candidate.task == Task::Change);
        nearest_first(&mut self.candidates, self.grid, request.pointer, |item| item.tile);
        self.keep_first_new(request.budget_bytes);

        let changes = self.candidates.len();
        let rested = |tile: u32, state: &TileState| {
            let at_us = self.video.refinable_us(TileIndex(tile), state, self.config.rest_us);
            at_us.is_some_and(|at_us| at_us <= request.now_us)
        };
        for (state, tile) in self.tiles.iter().zip(0..) {
            if rested(tile, state) && !damage.contains(TileIndex(tile)) {
                self.candidates.push(Candidate::of(TileIndex(tile)));
            }
        }
        let rest = &mut self.candidates[changes..];
        nearest_first(rest, self.grid, request.pointer, |item| item.tile);
        let share = self.tiles.len().div_ceil(REFINE_CALLS);
        let by_video = |item: &&Candidate| self.video.touches(self.grid.rect(item.tile));
        let chain_changes = changes - self.candidates[..changes].iter().filter(by_video).count();
        let most = share.saturating_sub(chain_changes).max(MIN_REFINE_TILES);
        let most = most.min(self.refinement.tiles_in(self.room.refinement_bytes));
        self.candidates.truncate(changes + most);
        self.hash(frame, request.now_us, changes);
        // What changed without having been reported is damage like any other.
        for candidate in &self.candidates[changes..] {
            if candidate.task == Task::Change {
                damage.insert(candidate.tile);
            }
        }
        self.candidates.retain(|candidate| candidate.task != Task::Nothing);
    }

    /// Keeps only as many of the candidates of which the decoder has nothing as may fit `budget_bytes`
    /// by far: modes are sought for each, and what is sought in vain costs a start on a slow path most of
    /// its time. What the decoder has changes as a whole, by vectors that more tiles tell better.
    fn keep_first_new(&mut self, budget_bytes: usize) {
        let Self { candidates, tiles, estimate, .. } = self;
        let most = estimate.most_new_tiles(budget_bytes);
        let mut new = 0;
        candidates.retain(|item| {
            let is_new = tiles[item.tile.0 as usize].held == Held::Nothing;
            new += usize::from(is_new);
            !is_new || new <= most
        });
    }

    /// Hashes the candidates from index `first` on and says what is to be done with each.
    fn hash(&mut self, frame: FrameView<'_>, now_us: u64, first: usize) {
        let (grid, rest_us) = (self.grid, self.config.rest_us);
        let candidates = &mut self.candidates[first..];
        let (tiles, colours) = (&self.tiles, &self.line.colours);
        self.workers.run(candidates, SCAN_GRAIN, |candidate, scratch| {
            let state = &tiles[candidate.tile.0 as usize];
            candidate.look = look(frame, grid.rect(candidate.tile), colours, state, scratch);
        });
        for candidate in candidates {
            let state = &mut self.tiles[candidate.tile.0 as usize];
            state.source = candidate.look.source;
            state.error = candidate.look.error;
            let changed = state.held == Held::Nothing || state.hash != candidate.look.hash;
            state.see(candidate.look.hash, now_us);
            let at_us = self.video.refinable_us(candidate.tile, state, rest_us);
            let rested = at_us.is_some_and(|at_us| at_us <= now_us);
            candidate.task = match (changed, rested) {
                (true, _) => Task::Change,
                (false, true) => Task::Refine,
                (false, false) => Task::Nothing,
            };
        }
    }

    /// Brings the candidates' pixels into the line, and finds by which vectors they moved.
    fn find_vectors(&mut self, frame: FrameView<'_>) {
        let returns = self.expect_returns();
        self.take(frame);
        self.note_returns(&returns);
        if self.chain == 0 {
            return;
        }
        let Self { line, motion, directory, originals, candidates, origins, workers, .. } = self;
        let mut vectors = [Vector::default(); MAX_VECTORS];
        let sought = candidates.iter().filter(|candidate| candidate.returns_by.is_none());
        let tiles = sought.map(|candidate| (candidate.tile, candidate.look.hash));
        if tiles.clone().count() * RETURNS_PER_MOVE < candidates.len() {
            // What little is left returns with the others, or is new.
            candidates.iter().for_each(|candidate| motion.pass(candidate.tile));
            line.map.set_vectors(returns.vectors());
            return;
        }
        let source = originals.picture(line);
        motion.find_anchors(source, line, &self.searched, origins, workers);
        let found = motion.find(line, directory, tiles, returns.vectors(), &mut vectors);
        line.map.set_vectors(found);
    }

    /// Brings the candidates' pixels into the line.
    fn take(&mut self, frame: FrameView<'_>) {
        let Self { line, candidates, origins, grid, config, workers, video, pace, .. } = self;
        line.map.clear();
        let quality = pace.quality(config.motion_quality);
        line.map.set_quantizer(EncoderConfig::quantizer(quality, line.colours.mode()));
        self.searched.clear();
        for candidate in candidates.iter() {
            self.searched.insert(candidate.tile);
        }
        line.take(frame, &self.searched, origins, workers);
        for candidate in candidates.iter().filter(|candidate| candidate.around_video.is_some()) {
            line.revert(video.rect().intersect(grid.rect(candidate.tile)));
        }
    }

    /// Finds a mode for each block of the candidates.
    fn choose_modes(&mut self) {
        let Self { line, originals, text, candidates, grid, config, workers, video, .. } = self;
        text.begin(line.map.dimensions());
        let (source, text, video) = (&*line, &*text, &*video);
        workers.divide_slice(candidates, SEARCH_GRAIN, |candidate| {
            let lossy = config.policy == Policy::Live
                && candidate.task == Task::Change
                && !video.touches(grid.rect(candidate.tile));
            let text = lossy.then_some(text);
            if let Some(vector) = candidate.returns_by {
                let mode = Mode::copy(usize::from(vector));
                (candidate.modes, candidate.content) =
                    all_copied(&source.map, candidate.tile, mode);
                return;
            }
            // What shows the video has been taken back since.
            let kept = candidate.is_whole().then(|| source.kept(candidate.tile));
            (candidate.modes, candidate.content) =
                choose_modes(source, originals, text, candidate.tile, kept);
        });
        for candidate in candidates {
            candidate.modes.write(&mut line.map, candidate.tile);
        }
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Encoder")
            .field("size", &self.grid.size())
            .field("epoch", &self.epoch)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
