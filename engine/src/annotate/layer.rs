//! The layer itself: which marks there are.

use std::collections::BTreeMap;

use tessera_codec::Rect;

use super::mark::{Mark, union};
use super::op::{is_bounded, points_of};
use super::point::bounds;
use super::{
    Author, Colour, Floor, MAX_AUTHORS, MAX_MARKS, MAX_NUMBER, MAX_POINTS_AN_OP, Op, Point, Tool,
};

/// Changed rectangles that are told apart; more become one.
const MAX_CHANGED: usize = 16;

/// How far the clock of marks follows a number at once. It only orders marks, and somebody who sends
/// the largest number of all shall not keep everybody else from drawing above it.
const MAX_LEAP: u64 = 1 << 20;

/// Pixels around a pointer that it may touch, in sixteenths.
pub(super) const POINTER_RADIUS: i32 = 12 * Point::PARTS;

/// What an author may do beyond drawing and erasing their own marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Erase what others have drawn.
    pub erase_any: bool,
}

/// Why an operation was not taken. The layer is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It breaks a limit.
    #[error("the annotation breaks a limit")]
    Limit,
    /// Its author may not erase what others have drawn.
    #[error("only the author may erase this annotation")]
    NotYours,
    /// There are as many authors as there may be.
    #[error("too many people annotate")]
    Crowded,
}

/// What is known of one author.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Book {
    seat: u8,
    /// Marks with smaller numbers are gone for good.
    floor: u64,
    /// The numbers from the floor on, and whether each was erased.
    numbers: BTreeMap<u64, bool>,
    pointer: (u64, Option<Point>),
}

/// See the module text of [`super`].
#[derive(Clone, Debug, Default)]
pub struct Layer {
    books: BTreeMap<Author, Book>,
    /// What is drawn, from the bottom up.
    marks: BTreeMap<(u64, Author), Mark>,
    clock: u64,
    changed: Vec<Rect>,
}

impl Layer {
    /// Gives an author the colour of a place in the roster.
    pub fn seat(&mut self, author: Author, seat: u8) {
        if self.may_know(author) {
            self.books.entry(author).or_default().seat = seat;
        }
    }

    /// Takes what somebody has drawn off the layer who has left.
    pub fn forget(&mut self, author: Author) {
        self.touch(self.bounds_of(author));
        self.books.remove(&author);
        self.marks.retain(|(_, by), _| *by != author);
    }

    /// Takes everything off, pointers too, without a trace: the next share begins with nothing.
    pub fn reset(&mut self) {
        for author in self.books.keys().copied().collect::<Vec<_>>() {
            self.touch(self.bounds_of(author));
        }
        self.marks.clear();
        for book in self.books.values_mut() {
            *book = Book { seat: book.seat, ..Book::default() };
        }
    }

    /// Takes an operation of `author`, who may do `rights`.
    ///
    /// # Errors
    /// When it breaks a limit or a right; the layer is as it was.
    pub fn apply(&mut self, author: Author, op: &Op, rights: Rights) -> Result<(), Refusal> {
        if !is_bounded(op) {
            return Err(Refusal::Limit);
        }
        if !self.may_know(author) {
            return Err(Refusal::Crowded);
        }
        match op {
            Op::Draw { mark, tool, step, path, text } => {
                let points = points_of(*tool, *step, path, text).ok_or(Refusal::Limit)?;
                self.draw(author, *mark, *tool, *step, &points, text);
            }
            Op::Erase { author: of, mark } => {
                if *of != author && !rights.erase_any {
                    return Err(Refusal::NotYours);
                }
                if !self.may_know(*of) {
                    return Err(Refusal::Crowded);
                }
                self.erase(*of, *mark);
            }
            Op::Clear { below } => {
                let others = below.iter().any(|floor| floor.author != author);
                if others && !rights.erase_any {
                    return Err(Refusal::NotYours);
                }
                if !below.iter().all(|floor| self.may_know(floor.author)) {
                    return Err(Refusal::Crowded);
                }
                for floor in below {
                    self.raise_floor(floor.author, floor.mark);
                }
            }
            Op::Point { step, at } => {
                self.point(author, *step, at.map(|[x, y]| Point { x, y }));
            }
        }
        Ok(())
    }

    /// A number for the next mark of anyone here, above everything that is known.
    pub fn next_number(&mut self, author: Author) -> u64 {
        let floor = self.books.get(&author).map_or(0, |book| book.floor);
        self.clock = (self.clock + 1).max(floor).min(MAX_NUMBER - 1);
        self.clock
    }

    /// The mark on top at `point` that `author` may erase with `rights`, as the operation that erases
    /// it.
    #[must_use]
    pub fn eraser_at(&self, point: Point, author: Author, rights: Rights) -> Option<Op> {
        let mut marks = self.marks.iter().rev();
        let may_erase = |by: &Author| *by == author || rights.erase_any;
        let hit = marks.find(|((_, by), mark)| may_erase(by) && mark.is_hit(point));
        hit.map(|(&(mark, author), _)| Op::Erase { author, mark })
    }

    /// The operation that takes off everything that `author` may erase with `rights`.
    #[must_use]
    pub fn clear(&self, author: Author, rights: Rights) -> Op {
        let may_erase = |by: &Author| *by == author || rights.erase_any;
        let below = self.books.iter().filter(|(by, _)| may_erase(by)).filter_map(|(by, book)| {
            let last = *book.numbers.keys().next_back()?;
            Some(Floor { author: *by, mark: last + 1 })
        });
        Op::Clear { below: below.collect() }
    }

    /// What somebody who joins is told by `author` with `rights`: what `author` has drawn, and what is
    /// known to be gone of all that `author` may erase. Whoever hears it of every author, one of whom
    /// may erase everything, has the whole layer.
    #[must_use]
    pub fn snapshot(&self, author: Author, rights: Rights) -> Vec<Op> {
        let told = |by: &&Author| **by == author || rights.erase_any;
        let floors = self.books.iter().filter(|(by, book)| told(by) && book.floor > 0);
        let below: Vec<Floor> =
            floors.map(|(by, book)| Floor { author: *by, mark: book.floor }).collect();
        let mut ops = Vec::new();
        if !below.is_empty() {
            ops.push(Op::Clear { below });
        }
        for (by, book) in self.books.iter().filter(|(by, _)| told(by)) {
            let erased = book.numbers.iter().filter(|(_, erased)| **erased);
            ops.extend(erased.map(|(&mark, _)| Op::Erase { author: *by, mark }));
        }
        for ((number, _), mark) in self.marks.iter().filter(|((_, by), _)| *by == author) {
            let points: Vec<Point> = mark.points().collect();
            for (part, points) in points.chunks(MAX_POINTS_AN_OP).enumerate() {
                let step = if mark.tool().is_stroke() {
                    (part * MAX_POINTS_AN_OP) as u16
                } else {
                    mark.step()
                };
                ops.push(Op::draw(*number, mark.tool(), step, points, mark.text()));
            }
        }
        if let Some(&Book { pointer: (step @ 1.., at), .. }) = self.books.get(&author) {
            ops.push(Op::Point { step, at: at.map(|Point { x, y }| [x, y]) });
        }
        ops
    }

    /// The whole layer, as the one who shares tells it to somebody who comes to see the share: what is
    /// said in whose name.
    #[must_use]
    pub fn whole(&self) -> Vec<(Author, Op)> {
        let of = |author: &Author| {
            let ops = self.snapshot(*author, Rights::default());
            ops.into_iter().map(|op| (*author, op)).collect::<Vec<_>>()
        };
        self.books.keys().flat_map(of).collect()
    }

    /// What is drawn, from the bottom up, with the colour of its author.
    pub fn marks(&self) -> impl Iterator<Item = (&Mark, Colour)> {
        self.marks.iter().map(|((_, author), mark)| (mark, self.colour(*author)))
    }

    /// The pointers that are shown.
    pub fn pointers(&self) -> impl Iterator<Item = (Point, Colour)> + '_ {
        let books = self.books.values();
        books.filter_map(|book| Some((book.pointer.1?, Colour::of_seat(book.seat))))
    }

    /// Authors that are known, by something of theirs or because somebody named them.
    pub(super) fn authors(&self) -> usize {
        self.books.len()
    }

    /// Whether there is nothing to see.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty() && self.pointers().next().is_none()
    }

    /// The pixels of the picture that look otherwise than at the last call.
    pub fn take_changed(&mut self) -> Vec<Rect> {
        std::mem::take(&mut self.changed)
    }

    fn colour(&self, author: Author) -> Colour {
        Colour::of_seat(self.books.get(&author).map_or(0, |book| book.seat))
    }

    fn may_know(&self, author: Author) -> bool {
        self.books.len() < MAX_AUTHORS || self.books.contains_key(&author)
    }

    fn draw(
        &mut self,
        author: Author,
        number: u64,
        tool: Tool,
        step: u16,
        points: &[Point],
        text: &str,
    ) {
        self.clock = self.clock.max(number.min(self.clock + MAX_LEAP));
        let book = self.books.entry(author).or_default();
        if number < book.floor || book.numbers.get(&number) == Some(&true) {
            return;
        }
        book.numbers.insert(number, false);
        let mark = self.marks.entry((number, author)).or_insert_with(|| Mark::new(tool));
        let changed = mark.take(tool, step, points, text);
        self.touch(changed);
        self.make_room(author);
    }

    fn erase(&mut self, author: Author, number: u64) {
        let book = self.books.entry(author).or_default();
        if number < book.floor {
            return;
        }
        book.numbers.insert(number, true);
        self.take_off(author, number);
        self.make_room(author);
    }

    /// The largest numbers are kept, erased or not, which is the same choice in whatever order they
    /// came.
    fn make_room(&mut self, author: Author) {
        let Some(book) = self.books.get(&author) else { return };
        if book.numbers.len() > MAX_MARKS
            && let Some(&smallest) = book.numbers.keys().next()
        {
            self.raise_floor(author, smallest + 1);
        }
    }

    fn raise_floor(&mut self, author: Author, floor: u64) {
        let book = self.books.entry(author).or_default();
        if floor <= book.floor {
            return;
        }
        book.floor = floor;
        let left = book.numbers.split_off(&floor);
        for number in std::mem::replace(&mut book.numbers, left).into_keys() {
            self.take_off(author, number);
        }
    }

    fn take_off(&mut self, author: Author, number: u64) {
        if let Some(mark) = self.marks.remove(&(number, author)) {
            self.touch(mark.bounds());
        }
    }

    fn point(&mut self, author: Author, step: u64, at: Option<Point>) {
        let book = self.books.entry(author).or_default();
        if (step, at) <= book.pointer {
            return;
        }
        let before = std::mem::replace(&mut book.pointer, (step, at)).1;
        for place in [before, at] {
            self.touch(bounds(place, POINTER_RADIUS));
        }
    }

    fn bounds_of(&self, author: Author) -> Rect {
        let marks = self.marks.iter().filter(|((_, by), _)| *by == author);
        let drawn = marks.fold(Rect::default(), |all, (_, mark)| union(all, mark.bounds()));
        let pointer = self.books.get(&author).and_then(|book| book.pointer.1);
        union(drawn, bounds(pointer, POINTER_RADIUS))
    }

    fn touch(&mut self, rect: Rect) {
        if rect.is_empty() {
            return;
        }
        if self.changed.len() == MAX_CHANGED {
            let all = self.changed.drain(..).fold(Rect::default(), union);
            self.changed.push(all);
        }
        self.changed.push(rect);
    }
}

/// Two layers are the same when the same is to be seen, and stays to be seen whatever comes.
impl PartialEq for Layer {
    fn eq(&self, other: &Self) -> bool {
        self.marks == other.marks && self.books == other.books
    }
}

impl Eq for Layer {}
