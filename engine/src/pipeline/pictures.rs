//! A small set of recycled pictures between one writer and one reader, newest first.
//!
//! Three pictures are enough: the reader holds at most two (the one it works on and, for a moment,
//! its successor), so the writer always finds one. One is, where writer and reader do not work at the
//! same time in any case: the reader lays it down when it is done, and whoever is first takes it up. The
//! writer remembers for each picture in which
//! tiles it is older than the newest one, and brings only those and the newly changed tiles up to
//! date when it reuses it. A picture that the reader has not taken yet is taken back and extended;
//! so the change set that the reader sees is complete, however many pictures it missed.
//!
//! Used from the source to the encoder, from the decoder to the presenter, and from an embedder's
//! canvas to its source. No lock, no allocation except when the size changes.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use crossbeam::queue::ArrayQueue;
use tessera_codec::{Frame, Region, Size};

use super::slot::Slot;

/// Most pictures in a set; see the module text.
const PICTURES: usize = 3;

/// A picture on its way from a writer to a reader.
pub(crate) struct Picture<M> {
    index: usize,
    /// The pixels, complete and up to date as of the latest [`Writer::write`].
    pub(crate) frame: Frame,
    /// Tiles that changed since the picture that the reader took before.
    pub(crate) changed: Region,
    /// What the writer says about it.
    pub(crate) meta: M,
    /// Whether the reader has laid it down: what has changed in it is known.
    is_known: bool,
}

struct Shared<M> {
    newest: Slot<Picture<M>>,
    free: ArrayQueue<Box<Picture<M>>>,
}

/// The end that fills pictures.
pub(crate) struct Writer<M> {
    shared: Arc<Shared<M>>,
    /// For each picture: the tiles in which it is older than the newest picture.
    stale: [Region; PICTURES],
    /// Changes that the reader is owed besides those of the next picture: all tiles at first, after
    /// a change of size and after an update that failed half-way.
    owed: Region,
    /// Tiles to bring up to date, kept to save an allocation.
    work: Region,
    size: Size,
}

/// The end that uses pictures.
pub(crate) struct Reader<M> {
    shared: Arc<Shared<M>>,
    current: Option<Box<Picture<M>>>,
}

/// A set of black pictures of `size`.
pub(crate) fn pictures<M: Default + Send>(size: Size) -> (Writer<M>, Reader<M>) {
    set_of(PICTURES, size)
}

/// A single picture, which the reader has to [lay down](Reader::lay_down).
pub(crate) fn single_picture<M: Default + Send>(size: Size) -> (Writer<M>, Reader<M>) {
    set_of(1, size)
}

fn set_of<M: Default + Send>(count: usize, size: Size) -> (Writer<M>, Reader<M>) {
    let shared = Arc::new(Shared { newest: Slot::new(), free: ArrayQueue::new(PICTURES) });
    for index in 0..count {
        let picture = Picture {
            index,
            frame: Frame::black(size),
            changed: Region::empty(size),
            meta: M::default(),
            is_known: false,
        };
        // The queue has room for every picture of the set.
        let _ = shared.free.push(Box::new(picture));
    }
    let writer = Writer {
        shared: Arc::clone(&shared),
        stale: std::array::from_fn(|_| Region::full(size)),
        owed: Region::full(size),
        work: Region::empty(size),
        size,
    };
    (writer, Reader { shared, current: None })
}

impl<M: Default + Send> Writer<M> {
    /// Changes the size of all pictures to come; the next one has to be written whole.
    pub(crate) fn resize(&mut self, size: Size) {
        if size != self.size {
            self.size = size;
            self.owed = Region::full(size);
            self.work = Region::empty(size);
            self.stale = std::array::from_fn(|_| Region::full(size));
        }
    }

    /// Makes a picture in which the tiles of `changed` are new, and hands it over.
    ///
    /// `update` is called once with the tiles in which the picture at hand has to be brought up to
    /// date: those of `changed` and those that this picture missed. `describe` gets what was said
    /// about the picture if it was taken back unread, else the default. When `update` fails, nothing
    /// is handed over, and the next picture counts as changed in every tile. `false` when the reader
    /// has the only picture: nothing was done.
    pub(crate) fn write<E>(
        &mut self,
        changed: &Region,
        update: impl FnOnce(&Region, &mut Frame) -> Result<(), E>,
        describe: impl FnOnce(&mut M),
    ) -> Result<bool, E> {
        let Some(mut picture) = self.begin() else { return Ok(false) };
        picture.changed.merge(changed);
        picture.changed.merge(&self.owed);
        self.work.assign(&self.stale[picture.index]);
        self.work.merge(changed);
        self.work.merge(&self.owed);
        if let Err(error) = update(&self.work, &mut picture.frame) {
            self.stale.iter_mut().for_each(Region::fill);
            self.owed.fill();
            let _ = self.shared.free.push(picture);
            return Err(error);
        }
        self.owed.clear();
        for (index, stale) in self.stale.iter_mut().enumerate() {
            if index == picture.index {
                stale.clear();
            } else {
                stale.merge(changed);
            }
        }
        describe(&mut picture.meta);
        let displaced = self.shared.newest.put(picture);
        debug_assert!(displaced.is_none(), "what was in it has been taken back");
        Ok(true)
    }

    /// Whether [`Self::write`] would find a picture at this moment.
    pub(crate) fn is_at_hand(&self) -> bool {
        // Whoever announced that it waits sees what was laid down before that could be seen.
        fence(Ordering::SeqCst);
        !self.shared.newest.is_empty() || !self.shared.free.is_empty()
    }

    fn begin(&mut self) -> Option<Box<Picture<M>>> {
        let newest = self.shared.newest.take();
        let taken_back = newest.as_ref().is_some_and(|picture| !picture.is_known);
        let mut picture = newest.or_else(|| self.shared.free.pop())?;
        if picture.frame.size() != self.size {
            picture.frame = Frame::black(self.size);
            picture.changed = Region::empty(self.size);
            picture.meta = M::default();
        } else if !taken_back {
            picture.changed.clear();
            picture.meta = M::default();
        }
        picture.is_known = false;
        Some(picture)
    }
}

impl<M> Reader<M> {
    /// Takes the newest picture, giving the former one back; `false` when there is no newer one. One
    /// that was laid down is taken up again, unless the writer has it.
    pub(crate) fn advance(&mut self) -> bool {
        let Some(picture) = self.shared.newest.take() else {
            return false;
        };
        let is_new = !picture.is_known;
        if let Some(former) = self.current.replace(picture) {
            // The queue has room for every picture of the set.
            let _ = self.shared.free.push(former);
        }
        is_new
    }

    /// Lays the picture taken last down, where the writer finds it.
    pub(crate) fn lay_down(&mut self) {
        if let Some(mut picture) = self.current.take() {
            picture.is_known = true;
            let displaced = self.shared.newest.put(picture);
            debug_assert!(displaced.is_none(), "there is a single picture");
        }
    }

    /// The picture taken last.
    pub(crate) fn current(&self) -> Option<&Picture<M>> {
        self.current.as_deref()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;
    use tessera_codec::TileIndex;

    use super::*;

    const SIZE: Size = Size::new(256, 128);

    fn one(tile: u32) -> Region {
        let mut region = Region::empty(SIZE);
        region.insert(TileIndex(tile));
        region
    }

    fn paint(region: &Region, frame: &mut Frame, truth: &Frame) {
        for rect in region.rects() {
            frame.copy_rect(truth.view(), rect);
        }
    }

    #[test]
    fn a_picture_taken_back_keeps_what_the_reader_has_not_seen() {
        let (mut writer, mut reader) = pictures::<u32>(SIZE);
        let ok = |_: &Region, _: &mut Frame| Ok::<_, Infallible>(());
        writer.write(&one(0), ok, |_| ()).unwrap();
        assert!(reader.advance());
        assert_eq!(reader.current().expect("just taken").changed, Region::full(SIZE));
        writer.write(&one(1), ok, |count| *count += 1).unwrap();
        writer.write(&one(5), ok, |count| *count += 1).unwrap();
        assert!(reader.advance());
        let seen = reader.current().expect("just taken");
        assert_eq!(seen.changed.iter().map(|tile| tile.0).collect::<Vec<_>>(), [1, 5]);
        assert_eq!(seen.meta, 2);
        assert!(!reader.advance());
    }

    #[test]
    fn a_single_picture_goes_to_and_fro_and_is_new_once() {
        let (mut writer, mut reader) = single_picture::<u32>(SIZE);
        let ok = |_: &Region, _: &mut Frame| Ok::<_, Infallible>(());
        assert!(writer.write(&one(0), ok, |meta| *meta = 7).unwrap());
        assert!(reader.advance());
        assert!(!writer.write(&one(1), ok, |_| ()).unwrap(), "the reader has it");
        reader.lay_down();
        assert!(reader.current().is_none());
        assert!(!reader.advance(), "it is known");
        assert_eq!(reader.current().expect("taken up again").meta, 7);
        reader.lay_down();
        assert!(writer.write(&one(1), ok, |meta| *meta += 1).unwrap());
        assert!(reader.advance());
        let seen = reader.current().expect("just taken");
        assert_eq!(seen.changed.iter().map(|tile| tile.0).collect::<Vec<_>>(), [1]);
        assert_eq!(seen.meta, 1, "what was said of it before has been read");
    }

    proptest! {
        /// Whatever the interleaving, what the reader holds equals the writer's truth at the time
        /// of writing, and its change sets cover every difference to what it held before.
        #[test]
        fn every_picture_is_complete(
            steps in prop::collection::vec((0u32..8, any::<bool>(), any::<bool>()), 1..200),
            count in 1..=PICTURES,
        ) {
            let (mut writer, mut reader) = set_of::<u32>(count, SIZE);
            let mut truth = Frame::black(SIZE);
            let mut written = Frame::black(SIZE);
            let mut held = Frame::black(SIZE);
            let mut changed = Region::empty(SIZE);
            for (step, (tile, read, fail)) in steps.into_iter().enumerate() {
                changed.insert(TileIndex(tile));
                for rect in one(tile).rects() {
                    for y in rect.y..rect.y + rect.height {
                        truth.span_mut(rect.x, y, rect.width).fill(step as u8 + 1);
                    }
                }
                let result = writer.write(&changed, |region, frame| {
                    if fail { return Err(()); }
                    paint(region, frame, &truth);
                    Ok(())
                }, |_| ());
                if result.is_ok() {
                    written.clone_from(&truth);
                    changed.clear();
                }
                if read && reader.advance() {
                    let seen = reader.current().expect("just taken");
                    prop_assert!(seen.frame == written);
                    paint(&seen.changed, &mut held, &seen.frame);
                    prop_assert!(held == seen.frame);
                }
                if count == 1 {
                    reader.lay_down();
                }
            }
        }
    }
}
