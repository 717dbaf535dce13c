//! Fewer colours: what a viewer sees equals the quantized frame, and modes change without a break.

mod desk;

use desk::Desk;
use tessera_codec::{ColourMode, EncoderConfig, Frame, Policy, Size};

const REDUCED: [ColourMode; 2] = [ColourMode::HighColour, ColourMode::Palette];

fn desk(colours: ColourMode, policy: Policy) -> Desk {
    let config = EncoderConfig { colours, policy, ..EncoderConfig::default() };
    let mut desk = Desk::new(Size::new(500, 400), config);
    desk.draw_text(1);
    desk.draw_photo_in(100, 60, 300, 250, 3);
    desk
}

/// The colours of a picture, without repetition.
fn colours(frame: &Frame) -> Vec<[u8; 3]> {
    let mut colours: Vec<_> =
        frame.data().chunks_exact(4).map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
    colours.sort_unstable();
    colours.dedup();
    colours
}

#[test]
fn a_viewer_sees_the_quantized_frame() {
    for mode in REDUCED {
        for policy in [Policy::Exact, Policy::Live] {
            let mut desk = desk(mode, policy);
            desk.send();
            desk.draw_photo_in(120, 80, 250, 200, 9);
            desk.send();
            desk.settle();
            let quantized = desk.quantized();
            assert!(desk.view().data() == quantized.data(), "{mode:?} {policy:?}");
            assert!(desk.decoder.is_exact());
            assert_eq!(desk.decoder.colours(), mode);
            assert!(quantized.data() != desk.frame.data());
        }
    }
}

#[test]
fn high_colours_repeat_their_upper_bits() {
    let mut desk = desk(ColourMode::HighColour, Policy::Exact);
    desk.send();
    for (sent, shown) in desk.frame.data().chunks_exact(4).zip(desk.view().data().chunks_exact(4)) {
        let five = |channel: u8| channel & 0xf8 | channel >> 5;
        let green = sent[1] & 0xfc | sent[1] >> 6;
        assert_eq!(shown, [five(sent[0]), green, five(sent[2]), 0]);
    }
}

#[test]
fn a_palette_has_256_colours_and_dithers_nothing() {
    let mut desk = desk(ColourMode::Palette, Policy::Exact);
    desk.send();
    let shown = desk.quantized();
    assert!(colours(&desk.frame).len() > 1000);
    assert!(colours(&shown).len() <= 256);
    // Where pixels were equal they still are.
    let mut of = std::collections::HashMap::new();
    for (sent, shown) in desk.frame.data().chunks_exact(4).zip(shown.data().chunks_exact(4)) {
        assert_eq!(*of.entry(&sent[..3]).or_insert(shown), shown);
    }
}

#[test]
fn noise_that_vanishes_costs_nothing() {
    let mut desk = desk(ColourMode::HighColour, Policy::Exact);
    desk.send();
    for (at, byte) in desk.frame.data_mut().iter_mut().enumerate() {
        *byte ^= (at as u8).wrapping_mul(13) & 3;
    }
    desk.damage.fill();
    assert_eq!(desk.send().bytes, 0);
}

#[test]
fn modes_change_in_mid_stream_without_a_black_or_false_pixel() {
    change_modes(Policy::Exact);
}

#[test]
fn modes_change_in_a_session_without_a_black_pixel() {
    change_modes(Policy::Live);
}

fn change_modes(policy: Policy) {
    use ColourMode::{HighColour, Palette, Standard};
    let mut desk = desk(Standard, policy);
    // No pixel of the source is dark, so a gap would show.
    for byte in desk.frame.data_mut() {
        *byte = (*byte).max(96);
    }
    desk.send();
    desk.settle();
    let mut all_updates = 0;
    for mode in [Palette, Standard, HighColour, Palette, HighColour, Standard] {
        let before = desk.view();
        desk.encoder.set_colours(mode);
        // The change is spread over many updates.
        desk.budget_bytes = 2_000;
        assert_eq!(desk.encoder.next_refinement_us(), Some(0), "it asks to be called");
        let mut updates = 0;
        loop {
            desk.send();
            updates += 1;
            let (after, view) = (desk.quantized(), desk.view());
            let pixels = |frame: &Frame| frame.data().as_chunks::<4>().0.to_vec();
            let [before, after, view] = [&before, &after, &view].map(pixels);
            for ((before, after), shown) in before.iter().zip(&after).zip(&view) {
                let is_known = shown == before || shown == after;
                assert!(is_known || policy == Policy::Live, "{mode:?}: {shown:?}");
                assert!(shown.iter().take(3).all(|&channel| channel > 60), "{mode:?}: dark");
            }
            if desk.damage.is_empty() {
                break;
            }
            assert!(!desk.decoder.is_exact(), "{mode:?}: exact with half of the change");
        }
        all_updates += updates;
        desk.settle();
        assert!(desk.view().data() == desk.quantized().data() && desk.decoder.is_exact());
        assert_eq!(desk.decoder.colours(), mode);
    }
    // Back in a mode, a block is often still known from before.
    assert!(all_updates > 12, "{all_updates} updates for six changes");
    desk.assert_equal();
}

#[test]
fn a_palette_stays_for_a_scene_and_ends_with_it() {
    let mut desk = desk(ColourMode::Palette, Policy::Exact);
    desk.send();
    let before = colours(&desk.quantized());
    // The same scene: its parts move about.
    for step in 0..40 {
        desk.now_us += 100_000;
        desk.draw_text(step);
        desk.draw_photo_in(100 + step as u16, 60, 300, 250, 3);
        desk.send();
        let now = colours(&desk.quantized());
        assert!(now.iter().all(|colour| before.contains(colour)), "another palette at {step}");
    }
    // Another one: colours that the palette does not have.
    for (at, pixel) in desk.frame.data_mut().chunks_exact_mut(4).enumerate() {
        let slope = (at % 500 / 4) as u8;
        pixel.copy_from_slice(&[200 - slope, slope, 255 - slope / 2, 0]);
    }
    desk.damage.fill();
    desk.send();
    assert!(desk.view().data() == desk.quantized().data());
    assert!(desk.psnr_db() > 30.0, "{} dB with the old palette", desk.psnr_db());
}

/// Heckbert's median cut over all colours of a picture; each box becomes its mean.
fn median_cut(frame: &Frame) -> Vec<[f64; 3]> {
    let mut pixels: Vec<[u8; 3]> =
        frame.data().chunks_exact(4).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    let whole = 0..pixels.len();
    let mut boxes = vec![whole];
    let spread = |pixels: &[[u8; 3]]| {
        (0..3)
            .map(|channel| {
                let (least, most) = pixels.iter().fold((255, 0), |(least, most), p| {
                    (p[channel].min(least), p[channel].max(most))
                });
                (u8::saturating_sub(most, least), channel)
            })
            .max()
            .expect("three channels")
    };
    while boxes.len() < 256 {
        let widest = (0..boxes.len()).max_by_key(|&at| spread(&pixels[boxes[at].clone()]).0);
        let at = widest.expect("a box");
        let range = boxes[at].clone();
        let (width, channel) = spread(&pixels[range.clone()]);
        if width == 0 {
            break;
        }
        let part = &mut pixels[range.clone()];
        part.sort_unstable_by_key(|pixel| pixel[channel]);
        // At the median, but between unlike values.
        let middle = part[part.len() / 2][channel];
        let cut = part.partition_point(|pixel| pixel[channel] < middle);
        let cut = if cut == 0 { part.partition_point(|p| p[channel] <= middle) } else { cut };
        boxes[at] = range.start..range.start + cut;
        boxes.push(range.start + cut..range.end);
    }
    let mean = |range: &std::ops::Range<usize>| {
        let part = &pixels[range.clone()];
        std::array::from_fn(|channel| {
            let sum: u64 = part.iter().map(|pixel| u64::from(pixel[channel])).sum();
            sum as f64 / part.len() as f64
        })
    };
    boxes.iter().map(mean).collect()
}

#[test]
fn a_palette_is_as_good_as_that_of_a_median_cut() {
    let mut desk = desk(ColourMode::Palette, Policy::Exact);
    desk.draw_photo_in(20, 200, 300, 180, 17);
    desk.send();
    let colours = median_cut(&desk.frame);
    let squares: f64 = desk
        .frame
        .data()
        .chunks_exact(4)
        .map(|pixel| {
            let distance = |colour: &[f64; 3]| {
                let pairs = pixel.iter().zip(colour);
                pairs.map(|(&a, b)| (f64::from(a) - b.round()).powi(2)).sum::<f64>()
            };
            colours.iter().map(distance).fold(f64::INFINITY, f64::min)
        })
        .sum();
    let mean = squares / (3 * desk.frame.size().area()) as f64;
    let median_cut_db = 10.0 * (255.0_f64.powi(2) / mean).log10();
    let ours_db = desk.psnr_db();
    println!("median cut {median_cut_db:.2} dB, ours {ours_db:.2} dB");
    assert!(ours_db > median_cut_db - 1.0, "{ours_db:.2} dB, median cut {median_cut_db:.2} dB");
}

#[test]
fn an_epoch_and_a_reset_bring_the_palette_again() {
    let mut desk = desk(ColourMode::Palette, Policy::Exact);
    desk.send();
    desk.replace_decoder();
    desk.encoder.restart();
    desk.send();
    assert!(desk.view().data() == desk.quantized().data());
    desk.encoder.reset_line();
    desk.draw_photo_in(100, 60, 300, 250, 8);
    desk.send();
    assert!(desk.view().data() == desk.quantized().data());
}
