//! Golden vectors in the making: updates field by field.

pub(crate) mod video;

use tessera_codec::{Checked, Rule, Status, Track};

use crate::hand::{COPY, Directives, GRAPHICS, PHOTO, SKIP, Stream};

/// What the last update of a vector must do.
pub(crate) enum Verdict {
    /// Be applied, and leave these pixels at these places.
    Pixels(Vec<(u16, u16, [u8; 3])>),
    /// Be valid, with this status.
    Status(Status),
    /// Be a check, with this outcome.
    Checked(Checked),
    /// Be refused at this byte.
    Refused(Rule, usize),
}
pub(crate) use Verdict::{Pixels, Refused};

pub(crate) struct Vector {
    pub(crate) name: &'static str,
    /// Updates with the track on which they come; all but the last are applied.
    pub(crate) updates: Vec<(Track, Vec<u8>)>,
    pub(crate) verdict: Verdict,
}

impl Vector {
    /// The same with one more update, which comes on `track`.
    pub(crate) fn and(mut self, track: Track, update: Vec<u8>) -> Self {
        self.updates.push((track, update));
        self
    }
}

pub(crate) fn valid(
    name: &'static str,
    updates: Vec<Vec<u8>>,
    pixels: &[(u16, u16, [u8; 3])],
) -> Vector {
    vector(name, updates, Pixels(pixels.to_vec()))
}

/// A vector of a good start of 128 by 128 black pixels and one bad update.
pub(crate) fn invalid(name: &'static str, update: Vec<u8>, rule: Rule, offset: usize) -> Vector {
    vector(name, vec![two_by_two(), update], Refused(rule, offset))
}

pub(crate) fn vector(name: &'static str, updates: Vec<Vec<u8>>, verdict: Verdict) -> Vector {
    // The kind names the track.
    let track = |update: &[u8]| match update.get(3).map(|flags| flags & KIND) {
        Some(LEAF) => Track::Leaf,
        Some(VIDEO) => Track::Video,
        _ => Track::Chain,
    };
    let updates = updates.into_iter().map(|update| (track(&update), update)).collect();
    Vector { name, updates, verdict }
}

/// Kinds of updates in the flags; that of a chain update is 0.
pub(crate) const KIND: u8 = 7;
pub(crate) const LEAF: u8 = 1;
pub(crate) const SLICES: u8 = 2;
pub(crate) const CHECK: u8 = 3;
pub(crate) const VIDEO: u8 = 4;

/// Flags of a start and a reset, of colour modes, and of a palette in the update.
pub(crate) const START: u8 = 1 << 3;
pub(crate) const RESET: u8 = 1 << 4;
pub(crate) const HIGH_COLOUR: u8 = 1 << 5;
pub(crate) const PALETTE: u8 = 2 << 5;
pub(crate) const BRINGS_PALETTE: u8 = 1 << 7;

/// Header of an update: flags, then epoch, number and base, each below 128.
pub(crate) fn header(flags: u8, epoch: u8, number: u8, base: u8) -> Vec<u8> {
    vec![b'T', b'e', 4, flags, epoch, number, base]
}

/// A start of epoch 1 as update 1.
pub(crate) fn start(width: u16, height: u16, body: &[u8]) -> Vec<u8> {
    let mut update = header(START, 1, 1, 0);
    update.extend(width.to_le_bytes());
    update.extend(height.to_le_bytes());
    update.extend(body);
    update
}

/// The second chain update of epoch 1.
pub(crate) fn second(body: &[u8]) -> Vec<u8> {
    [&header(0, 1, 2, 1), body].concat()
}

/// The third.
pub(crate) fn third(body: &[u8]) -> Vec<u8> {
    [&header(0, 1, 3, 2), body].concat()
}

/// A leaf of epoch 1 that builds on its first update.
pub(crate) fn leaf(number: u8, pictures: &[Vec<u8>]) -> Vec<u8> {
    [header(LEAF, 1, number, 1), vec![pictures.len() as u8], pictures.concat()].concat()
}

/// Where the body of [`second`] and [`leaf`] begins, and the first stream's segments of the former.
pub(crate) const BODY: usize = 7;
pub(crate) const SEGMENTS: usize = BODY + 2;

/// A picture of a leaf over a block of tiles.
pub(crate) fn picture(first: u8, columns: u8, rows: u8, payload: &[u8]) -> Vec<u8> {
    let mut picture = vec![first, columns, rows];
    picture.extend(length(payload.len()));
    picture.extend(payload);
    picture
}

/// A `number` below 2^14.
pub(crate) fn length(value: usize) -> Vec<u8> {
    match value {
        0..0x80 => vec![value as u8],
        _ => vec![value as u8 | 0x80, (value >> 7) as u8],
    }
}

/// Four tiles, of which none changes.
pub(crate) fn two_by_two() -> Vec<u8> {
    start(128, 128, &Stream::map(&[], &[0; 4]).body())
}

/// Payload of a grey 64x64 block, 4:2:0: 16 units of four luma blocks (DC difference 0 is `00`, end
/// of block `1010`) and two chroma blocks (`00`, `00`).
pub(crate) fn grey_jpeg() -> Vec<u8> {
    let mut payload = vec![80, 1];
    payload.extend([0x28, 0xa2, 0x8a, 0x00].repeat(16));
    payload
}

/// A start of 9 by 1 pixels, of which the last has the colour blue 7, green 8, red 9: two blocks,
/// the first skipped, the second drawn.
pub(crate) fn dot() -> Vec<u8> {
    let mut stream = Stream::map(&[], &[1]);
    stream.row(&[SKIP, GRAPHICS]);
    stream.drawn_dot();
    start(9, 1, &stream.body())
}

/// An update of the canvas of [`dot`] that gives its first block `mode` and skips the second.
pub(crate) fn dot_block(models: Stream, vectors: &[(i32, i32)], mode: usize) -> Stream {
    let mut stream = models.next_map(vectors, &[1]);
    stream.row(&[mode, SKIP]);
    stream
}

/// Updates that put the tile of [`dot`] into the cache as often as `pages` says, each into that page,
/// and the models as they leave them. `dropped` pages go before the last is put.
pub(crate) fn putting(pages: std::ops::Range<u8>, dropped: &[u8]) -> (Vec<Vec<u8>>, Stream) {
    let last = pages.end - 1;
    let mut models = after_dot();
    let mut updates = vec![dot()];
    for page in pages {
        let dropped = if page == last { dropped } else { &[] };
        let directives = Directives { dropped, page, put: &[true] };
        models = models.next_cached(&[], &[1], Some(directives));
        models.row(&[SKIP, SKIP]);
        let number = updates.len() as u8;
        updates.push([&header(0, 1, number + 1, number), &models.body()[..]].concat());
    }
    (updates, models)
}

/// An update after those of [`putting`] whose first block is copied by a vector into a page.
pub(crate) fn returned(
    (mut updates, models): (Vec<Vec<u8>>, Stream),
    vector: (u8, i32, i32),
) -> Vec<Vec<u8>> {
    let mut stream = models.next_cached(&[vector], &[1], None);
    stream.row(&[COPY, SKIP]);
    let number = updates.len() as u8;
    updates.push([&header(0, 1, number + 1, number), &stream.body()[..]].concat());
    updates
}

/// The models as [`dot`] leaves them.
pub(crate) fn after_dot() -> Stream {
    let mut stream = Stream::map(&[], &[1]);
    stream.row(&[SKIP, GRAPHICS]);
    stream.drawn_dot();
    stream
}

/// A start of 1 by 9 pixels in two lanes: the first has a column of eight pixels of one colour, the
/// second one more, which knows nothing of them. Then an update in which the second lane, with models
/// that have not seen such a pixel, has that one again.
pub(crate) fn two_lanes() -> Vec<Vec<u8>> {
    let mut first = Stream::map_in_lanes(&[1], &[1]);
    first.row(&[PHOTO]);
    first.mode(SKIP, PHOTO, PHOTO);
    first.photo_dot(0);
    (1..8).for_each(|_| first.photo_repeated());
    let mut lane = Stream::lane();
    lane.photo_dot(0);
    let update = start(1, 9, &[first.body(), lane.body()].concat());
    let mut first = first.next_in_lanes(&[1], &[1]);
    first.row(&[SKIP]);
    first.row(&[PHOTO]);
    let mut lane = lane.next_lane();
    lane.photo_repeated();
    vec![update, second(&[first.body(), lane.body()].concat())]
}

/// A start of 128 by 128 pixels that change nothing, whose lanes begin in `rows` of blocks.
pub(crate) fn lanes_in_rows(rows: &[u64]) -> Vec<u8> {
    start(128, 128, &Stream::map_in_lanes(&[0; 4], rows).body())
}

/// The body of an update of the canvas of [`dot`] with new models and the vector (1, 0).
pub(crate) fn first_update_body(modes: &[usize; 2]) -> Vec<u8> {
    let mut stream = Stream::map(&[(1, 0)], &[1]);
    stream.row(modes);
    stream.body()
}

/// A leaf that makes the canvas of [`dot`] grey: one unit of 16 by 16 pixels.
pub(crate) fn leaf_over_dot(number: u8) -> Vec<u8> {
    leaf(number, &[picture(0, 1, 1, &[80, 1, 0x28, 0xa2, 0x8a, 0x00])])
}
