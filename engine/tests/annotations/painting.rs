//! What a layer looks like.
//!
//! The golden pictures in `tests/golden/annotations` show one layer at several scales. A test run with
//! `TESSERA_WRITE_GOLDEN=1` writes them anew; look at them before you keep them.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tessera::annotate::{Author, Canvas, Edges, Layer, Op, Painter, Place, Point, Rights, Tool};
use tessera::{Rect, Size};

const PICTURE: Size = Size::new(320, 200);

fn author(number: u8) -> Author {
    Author::from([number; 32])
}

/// Everything that can be drawn, by three people.
fn layer() -> Layer {
    let mut layer = Layer::default();
    (0..3).for_each(|seat| layer.seat(author(seat), seat));
    let at = Point::of_pixel;
    let wave: Vec<Point> = (0..60).map(|x| at(20 + 2 * x, 30 + (x * x / 7) % 17)).collect();
    let marks: [(u8, Tool, &[Point], &str); 7] = [
        (0, Tool::Highlighter, &[at(20, 90), at(120, 90), at(60, 100)], ""),
        (1, Tool::Pen, &wave, ""),
        (2, Tool::Line, &[at(160, 20), at(300, 60)], ""),
        (0, Tool::Arrow, &[at(300, 100), at(200, 150)], ""),
        (1, Tool::Rectangle, &[at(20, 130), at(100, 180)], ""),
        (2, Tool::Text, &[at(150, 80)], "Here: 여기 ✓"),
        (0, Tool::Pen, &[at(310, 190)], ""),
    ];
    for (number, (who, tool, points, text)) in (1..).zip(marks) {
        let op = Op::draw(number, tool, 0, points, text);
        layer.apply(author(who), &op, Rights::default()).expect("good");
    }
    let pointer = Op::Point { step: 1, at: Some([130 * 16, 170 * 16]) };
    layer.apply(author(2), &pointer, Rights::default()).expect("good");
    layer
}

/// Text-like content below, so that mixing shows.
fn below(size: Size) -> Vec<u32> {
    let stripe = |at: usize| {
        if (at / usize::from(size.width) / 8).is_multiple_of(2) { 0x00e8_e8f0 } else { 0x0050_6070 }
    };
    (0..size.area()).map(stripe).collect()
}

fn painted(window: Size, area: Rect, edges: Edges) -> Vec<u32> {
    let mut pixels = if edges == Edges::Soft { below(window) } else { vec![0; window.area()] };
    let mut canvas = Canvas { pixels: &mut pixels, width: window.width };
    let place = Place { source: PICTURE.rect(), area };
    Painter::default().paint(&layer(), place, window.rect(), edges, &mut canvas);
    pixels
}

fn golden(name: &str, size: Size, pixels: &[u32]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/annotations");
    let path = path.join(format!("{name}.png"));
    let rgb: Vec<u8> = pixels
        .iter()
        .flat_map(|pixel| {
            let [_, red, green, blue] = pixel.to_be_bytes();
            [red, green, blue]
        })
        .collect();
    if std::env::var_os("TESSERA_WRITE_GOLDEN").is_some() {
        let file = BufWriter::new(File::create(&path).expect("the golden file"));
        let mut encoder = png::Encoder::new(file, size.width.into(), size.height.into());
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().expect("a header");
        writer.write_image_data(&rgb).expect("written");
        return;
    }
    let file = std::io::BufReader::new(File::open(&path).expect("the golden file"));
    let mut reader = png::Decoder::new(file).read_info().expect("a picture");
    let mut kept = vec![0; reader.output_buffer_size().expect("a size")];
    reader.next_frame(&mut kept).expect("pixels");
    assert_eq!(kept.len(), rgb.len(), "{name} has another size");
    let first = kept.iter().zip(&rgb).position(|(kept, now)| kept != now);
    assert_eq!(first.map(|at| at / 3), None, "{name}: the first pixel that differs");
}

#[test]
fn golden_pictures_at_every_scale() {
    for (name, width, height) in
        [("whole", 320, 200), ("half", 160, 100), ("five-quarters", 400, 250), ("triple", 960, 600)]
    {
        let size = Size::new(width, height);
        golden(name, size, &painted(size, size.rect(), Edges::Soft));
    }
    let size = PICTURE;
    golden("hard", size, &painted(size, size.rect(), Edges::Hard));
}

#[test]
fn a_window_with_an_edge_shows_the_same_moved() {
    let moved = painted(Size::new(400, 250), Rect::new(37, 21, 320, 200), Edges::Hard);
    let plain = painted(PICTURE, PICTURE.rect(), Edges::Hard);
    for (y, row) in plain.chunks_exact(320).enumerate() {
        let start = (y + 21) * 400 + 37;
        assert!(moved[start..start + 320] == *row, "row {y}");
    }
    assert_eq!(
        moved.iter().filter(|pixel| **pixel != 0).count(),
        plain.iter().filter(|pixel| **pixel != 0).count(),
        "nothing beside the picture"
    );
}

#[test]
fn at_twice_the_scale_every_pixel_is_where_its_half_is() {
    // Of hard edges at a doubled scale, four pixels in a block show what one did, but for the rim.
    let doubled = painted(Size::new(640, 400), Rect::new(0, 0, 640, 400), Edges::Hard);
    let plain = painted(PICTURE, PICTURE.rect(), Edges::Hard);
    let mut apart = 0;
    for (at, pixel) in plain.iter().enumerate() {
        let (x, y) = (at % 320, at / 320);
        let block = [0, 1, 640, 641].map(|step| doubled[2 * y * 640 + 2 * x + step]);
        let covered = block.iter().filter(|pixel| **pixel != 0).count();
        apart += usize::from((*pixel == 0 && covered == 4) || (*pixel != 0 && covered == 0));
    }
    let drawn = plain.iter().filter(|pixel| **pixel != 0).count();
    // Stripes of the highlighter are rows of the window and not scaled.
    assert!(apart < drawn / 4, "{apart} of {drawn} pixels are elsewhere");
}

#[test]
fn parts_painted_alone_make_the_whole() {
    for seed in 0..20u64 {
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let window = Size::new(random.random_range(50..500), random.random_range(50..400));
        let width = random.random_range(20..=window.width);
        let height = random.random_range(20..=window.height);
        let area = Rect::new(
            random.random_range(0..=window.width - width),
            random.random_range(0..=window.height - height),
            width,
            height,
        );
        for edges in [Edges::Soft, Edges::Hard] {
            let whole = painted(window, area, edges);
            let mut parts =
                if edges == Edges::Soft { below(window) } else { vec![0; window.area()] };
            let (layer, mut painter) = (layer(), Painter::default());
            let place = Place { source: PICTURE.rect(), area };
            let step = random.random_range(7..90);
            for y in (0..window.height).step_by(step) {
                for x in (0..window.width).step_by(step) {
                    let part = Rect::new(x, y, step as u16, step as u16).intersect(window.rect());
                    let mut canvas = Canvas { pixels: &mut parts, width: window.width };
                    painter.paint(&layer, place, part, edges, &mut canvas);
                }
            }
            assert!(parts == whole, "seed {seed}");
        }
    }
}

#[test]
fn what_changed_is_told_and_nothing_else_looks_otherwise() {
    for seed in 0..30u64 {
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let mut layer = layer();
        layer.take_changed();
        let window = Size::new(random.random_range(100..500), random.random_range(60..300));
        let place = Place { source: PICTURE.rect(), area: window.rect() };
        let mut painter = Painter::default();
        let mut paint = |layer: &Layer| {
            let mut pixels = below(window);
            let mut canvas = Canvas { pixels: &mut pixels, width: window.width };
            painter.paint(layer, place, window.rect(), Edges::Soft, &mut canvas);
            pixels
        };
        let before = paint(&layer);
        let point = |random: &mut StdRng| Point {
            x: random.random_range(0..5120),
            y: random.random_range(0..3200),
        };
        let tools = [Tool::Pen, Tool::Highlighter, Tool::Arrow, Tool::Rectangle, Tool::Text];
        for _ in 0..random.random_range(1..4) {
            let (a, b) = (point(&mut random), point(&mut random));
            let op = match random.random_range(0..8) {
                0 => Op::Erase { author: author(0), mark: random.random_range(1..8) },
                1 => Op::Point { step: 2, at: Some([a.x, a.y]) },
                2 => layer.clear(author(0), Rights::default()),
                _ => match tools[random.random_range(0..tools.len())] {
                    Tool::Text => Op::draw(20, Tool::Text, 1, &[a], "words"),
                    tool => Op::draw(random.random_range(20..22), tool, 1, &[a, b], ""),
                },
            };
            layer.apply(author(0), &op, Rights::default()).expect("good");
        }
        let changed: Vec<Rect> = layer
            .take_changed()
            .into_iter()
            .map(|rect| Painter::default().touched(rect, place))
            .collect();
        let after = paint(&layer);
        for (at, (before, after)) in before.iter().zip(&after).enumerate() {
            let (x, y) =
                ((at % usize::from(window.width)) as u16, (at / usize::from(window.width)) as u16);
            let told = changed.iter().any(|rect| !rect.intersect(Rect::new(x, y, 1, 1)).is_empty());
            assert!(before == after || told, "seed {seed}: ({x}, {y}) changed untold");
        }
    }
}
