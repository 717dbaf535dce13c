//! Entry for a fuzz target and for the test that replays its corpus.

use tessera_codec::{Rect, Size};
use tessera_transport::json;

use super::{
    Author, Canvas, Edges, Layer, MAX_AUTHORS, MAX_MARKS, MAX_OP_BYTES, MAX_POINTS, Op, Painter,
    Place, Rights,
};

/// Reads `data` as operations, one JSON text a line, the line's place telling who sends it, and takes
/// them in this order and backwards.
///
/// # Panics
/// When the two layers differ, a limit is passed, or an operation is not written again as it was read.
pub fn annotations(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n').enumerate();
    let mut ops: Vec<(Author, Op)> = Vec::new();
    for (at, line) in lines.take(200) {
        let Ok(op) = json::parse::<Op>(&mut line.to_vec(), MAX_OP_BYTES) else { continue };
        let written = json::to_bytes(&op);
        let read = json::parse::<Op>(&mut written.to_vec(), usize::MAX).expect("our own text");
        assert_eq!(read, op, "written and read again");
        ops.push((Author::from([(at % 3) as u8; 32]), op.clean()));
    }
    let (forwards, backwards) = (layer_of(ops.iter()), layer_of(ops.iter().rev()));
    if forwards.authors() < MAX_AUTHORS {
        assert_eq!(forwards, backwards, "the same operations make the same layer");
    }
    for layer in [forwards, backwards] {
        assert!(layer.marks().count() <= MAX_MARKS * MAX_AUTHORS);
        assert!(layer.marks().all(|(mark, _)| mark.points().count() <= MAX_POINTS));
        let size = Size::new(64, 48);
        let mut pixels = vec![0; size.area()];
        let mut canvas = Canvas { pixels: &mut pixels, width: size.width };
        let place = Place { source: Rect::new(0, 0, 1920, 1080), area: size.rect() };
        Painter::default().paint(&layer, place, Rect::new(0, 0, 64, 48), Edges::Soft, &mut canvas);
    }
}

fn layer_of<'a>(ops: impl Iterator<Item = &'a (Author, Op)>) -> Layer {
    let mut layer = Layer::default();
    for (author, op) in ops {
        // What is refused is refused in every order, but for the number of authors.
        let _ = layer.apply(*author, op, Rights { erase_any: true });
    }
    layer
}
