//! A small set of recycled pictures between one writer and one reader, newest first.
//!
//! Three pictures are enough: the reader holds at most two (the one it works on and, for a moment,
//! its successor), so the writer always finds one. Two are, if the reader gives its own back before it
//! takes the next and can do without one for a moment. The writer remembers for each picture in which
//! tiles it is older than the newest one, and brings only those and the newly changed tiles up to
//! date when it reuses it. A picture that the reader has not taken yet is taken back and extended;
//! so the change set that the reader sees is complete, however many pictures it missed.
//!
//! Used from the source to the encoder, from the decoder to the presenter, and from an embedder's
//! canvas to its source. No lock, no allocation except when the size changes.

use std::sync::Arc;

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
    /// Whether it gives a picture back before it takes the next.
    gives_first: bool,
}

/// A set of black pictures of `size`.
pub(crate) fn pictures<M: Default + Send>(size: Size) -> (Writer<M>, Reader<M>) {
    set_of(PICTURES, size)
}

/// A smaller set, whose reader has no picture while the writer brings up to date the one that it was
/// about to take.
pub(crate) fn two_pictures<M: Default + Send>(size: Size) -> (Writer<M>, Reader<M>) {
    set_of(2, size)
}

fn set_of<M: Default + Send>(count: usize, size: Size) -> (Writer<M>, Reader<M>) {
    let shared = Arc::new(Shared { newest: Slot::new(), free: ArrayQueue::new(PICTURES) });
    for index in 0..count {
        let picture = Picture {
            index,
            frame: Frame::black(size),
            changed: Region::empty(size),
            meta: M::default(),
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
    (writer, Reader { shared, current: None, gives_first: count < PICTURES })
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
    /// is handed over, and the next picture counts as changed in every tile.
    pub(crate) fn write<E>(
        &mut self,
        changed: &Region,
        update: impl FnOnce(&Region, &mut Frame) -> Result<(), E>,
        describe: impl FnOnce(&mut M),
    ) -> Result<(), E> {
        let Some(mut picture) = self.begin() else {
            debug_assert!(false, "the reader holds more than two pictures");
            return Ok(());
        };
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
        debug_assert!(displaced.is_none(), "only the writer puts pictures in");
        Ok(())
    }

    fn begin(&mut self) -> Option<Box<Picture<M>>> {
        let unread = self.shared.newest.take();
        let taken_back = unread.is_some();
        let mut picture = unread.or_else(|| self.shared.free.pop())?;
        if picture.frame.size() != self.size {
            picture.frame = Frame::black(self.size);
            picture.changed = Region::empty(self.size);
            picture.meta = M::default();
        } else if !taken_back {
            picture.changed.clear();
            picture.meta = M::default();
        }
        Some(picture)
    }
}

impl<M> Reader<M> {
    /// Takes the newest picture, giving the former one back; `false` when there is no newer one.
    pub(crate) fn advance(&mut self) -> bool {
        if self.gives_first && !self.shared.newest.is_empty() {
            self.give_back();
        }
        let Some(picture) = self.shared.newest.take() else {
            return false;
        };
        self.give_back();
        self.current = Some(picture);
        true
    }

    fn give_back(&mut self) {
        if let Some(former) = self.current.take() {
            // The queue has room for every picture of the set.
            let _ = self.shared.free.push(former);
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
    fn with_two_pictures_the_writer_always_finds_one() {
        let (mut writer, mut reader) = two_pictures::<u32>(SIZE);
        let ok = |_: &Region, _: &mut Frame| Ok::<_, Infallible>(());
        let reading = std::thread::spawn(move || {
            let mut seen = 0;
            while seen < 100_000 {
                reader.advance();
                seen = reader.current().map_or(seen, |picture| picture.meta);
            }
        });
        for number in 1..=100_000 {
            // In a test, it panics when there is none.
            writer.write(&one(number % 8), ok, |newest| *newest = number).unwrap();
        }
        reading.join().expect("it sees the last one");
    }

    proptest! {
        /// Whatever the interleaving, what the reader holds equals the writer's truth at the time
        /// of writing, and its change sets cover every difference to what it held before.
        #[test]
        fn every_picture_is_complete(
            steps in prop::collection::vec((0u32..8, any::<bool>(), any::<bool>()), 1..200),
            count in 2..=PICTURES,
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
            }
        }
    }
}
