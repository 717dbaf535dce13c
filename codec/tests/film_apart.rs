//! Film that is coded and decoded apart: nothing else waits for it, and it never overwrites anything
//! newer.

mod desk;

use desk::Desk;
use tessera_codec::{
    Decoder, EncoderConfig, Film, FilmToCode, FilmToDecode, Payload, Payloads, Rect, Size, Status,
    TileIndex, Track,
};

const SCREEN: Size = Size::new(700, 500);
/// Its left edge goes through tiles of the first column.
const FILM: Rect = Rect::new(30, 64, 546, 320);
const FRAME_US: u64 = 33_333;

/// A desk whose ends leave film to their caller.
struct Apart {
    desk: Desk,
    out: Payloads,
    seed: u64,
}

impl Apart {
    fn new() -> Self {
        let config = EncoderConfig { film_apart: true, ..EncoderConfig::default() };
        let mut desk = Desk::new(SCREEN, config);
        desk.draw_text(3);
        desk.send();
        desk.settle();
        Self { desk, out: Payloads::new(), seed: 0 }
    }

    fn play(&mut self) {
        self.seed += 11;
        self.desk.now_us += FRAME_US;
        self.desk.draw_film_in(FILM, self.seed);
    }

    /// Has the encoder go on, and the decoder apply what comes; film is only set aside.
    fn send(&mut self) {
        for (track, update) in self.desk.record() {
            assert_ne!(track, Track::Video, "film is left to the caller");
            self.desk.decoder.apply(track, &update).expect("valid");
        }
    }

    fn take(&mut self) -> Option<Box<FilmToCode>> {
        self.desk.encoder.take_film(self.desk.frame.view(), self.desk.now_us)
    }

    /// Puts a frame back and returns its update, if it makes one.
    fn put(&mut self, film: Box<FilmToCode>) -> Option<Payload> {
        self.out.clear();
        self.desk.encoder.put_film(film, &mut self.out);
        self.out.drain().next()
    }

    fn code(&mut self, mut film: Box<FilmToCode>) -> Option<Payload> {
        film.code();
        self.put(film)
    }

    /// Takes a frame and codes it at once.
    fn film(&mut self) -> Payload {
        let film = self.take().expect("a frame is due");
        self.code(film).expect("it is of use")
    }

    /// Plays until film is a video, of which one frame is shown.
    fn play_until_found(&mut self) {
        for _ in 0..12 {
            self.play();
            self.send();
            if self.desk.encoder.video_rect().is_some() {
                self.play();
                self.send();
                let payload = self.film();
                assert!(payload.begins_video);
                assert_eq!(show(&mut self.desk.decoder, &payload), Status::Applied);
                return;
            }
        }
        panic!("no video was found");
    }
}

fn take_to_decode(decoder: &mut Decoder, payload: &Payload) -> Box<FilmToDecode> {
    match decoder.take_film(&payload.bytes).expect("valid") {
        Film::Due(film) => film,
        Film::Not(status) => panic!("its frame is {status:?}"),
    }
}

fn show(decoder: &mut Decoder, payload: &Payload) -> Status {
    let mut film = take_to_decode(decoder, payload);
    film.decode(&payload.bytes);
    decoder.put_film(film).expect("valid").status
}

#[test]
fn a_change_beside_film_goes_before_the_frame_that_was_taken_first() {
    let mut it = Apart::new();
    it.play_until_found();
    it.play();
    it.send();
    let film = it.take().expect("a frame is due");
    // The frame is being coded. What changes beside it is coded, decoded and shown meanwhile.
    for seed in 0..3 {
        let beside = Rect::new(600, 400, 32, 32);
        it.desk.now_us += 10_000;
        it.desk.draw_text_in(beside, seed);
        it.send();
        it.desk.assert_equal_in(beside);
    }
    let payload = it.code(film).expect("it is of use");
    // The same at the decoder.
    let mut film = take_to_decode(&mut it.desk.decoder, &payload);
    let beside = Rect::new(600, 432, 32, 32);
    it.desk.draw_text_in(beside, 9);
    it.send();
    it.desk.assert_equal_in(beside);
    film.decode(&payload.bytes);
    assert_eq!(it.desk.decoder.put_film(film).expect("valid").status, Status::Applied);
    for part in SCREEN.rect().outside(FILM) {
        it.desk.assert_equal_in(part);
    }
}

#[test]
fn film_that_goes_on_while_a_frame_is_coded_is_seen_in_the_next_one() {
    let mut it = Apart::new();
    it.play_until_found();
    it.play();
    it.send();
    let film = it.take().expect("a frame is due");
    it.play();
    it.send();
    assert!(it.take().is_none(), "one frame at a time");
    assert!(!it.desk.encoder.is_film_due());
    let first = it.code(film).expect("it is of use");
    assert!(it.desk.encoder.is_film_due(), "the other frame waits");
    let second = it.film();
    assert!(it.take().is_none(), "nothing has changed since");
    assert!(first.number < second.number);
    for payload in [first, second] {
        assert_eq!(show(&mut it.desk.decoder, &payload), Status::Applied);
    }
    assert!(it.desk.psnr_db() > 35.0, "{} dB", it.desk.psnr_db());
}

#[test]
fn a_frame_never_overwrites_what_was_drawn_inside_while_it_was_coded_or_decoded() {
    let mut it = Apart::new();
    it.play_until_found();
    // Whole tiles.
    let (first, second) = (Rect::new(256, 192, 64, 64), Rect::new(384, 192, 64, 64));
    it.play();
    it.send();
    let film = it.take().expect("a frame is due");
    it.desk.draw_text_in(first, 1);
    it.send();
    it.desk.assert_equal_in(first);
    let payload = it.code(film).expect("it is of use");
    let mut film = take_to_decode(&mut it.desk.decoder, &payload);
    it.desk.draw_text_in(second, 2);
    it.send();
    film.decode(&payload.bytes);
    assert_eq!(it.desk.decoder.put_film(film).expect("valid").status, Status::Applied);
    it.desk.assert_equal_in(first);
    it.desk.assert_equal_in(second);
}

#[test]
fn a_caret_in_a_tile_of_its_edge_does_not_stop_film_there() {
    let mut it = Apart::new();
    it.play_until_found();
    let caret = Rect::new(4, 140, 2, 14);
    let inside = TileIndex(2 * 11);
    for seed in 0..6 {
        it.play();
        it.send();
        let payload = it.film();
        // The caret changes while the frame is on its way: what stands around is newer than the frame.
        it.desk.draw_text_in(caret, seed);
        it.send();
        it.desk.assert_equal_in(caret);
        assert!(it.desk.decoder.version(inside) > payload.number);
        let mut film = take_to_decode(&mut it.desk.decoder, &payload);
        film.decode(&payload.bytes);
        let applied = it.desk.decoder.put_film(film).expect("valid");
        assert!(applied.changed.contains(inside), "the frame is shown beside the caret");
        it.desk.assert_equal_in(caret);
        assert!(it.desk.psnr_db() > 35.0, "{} dB", it.desk.psnr_db());
    }
}

#[test]
fn it_is_exact_within_400_ms_after_it_stops_though_its_last_frame_comes_later() {
    let mut it = Apart::new();
    it.play_until_found();
    it.play();
    it.send();
    let film = it.take().expect("a frame is due");
    let stopped_us = it.desk.now_us;
    let mut late = Some(film);
    while !it.desk.decoder.is_exact() {
        let at_us = it.desk.encoder.next_refinement_us().expect("refinement");
        it.desk.now_us = it.desk.now_us.max(at_us);
        it.send();
        // The coder comes to an end when the picture has begun to be refined.
        if let Some(film) = late.take() {
            assert_eq!(it.code(film), None, "nobody needs it any more");
        }
    }
    assert!(it.desk.now_us - stopped_us <= 400_000);
    it.desk.assert_equal();
    assert_eq!(it.desk.encoder.video_rect(), None);
}

#[test]
fn a_frame_decoded_after_the_picture_is_exact_changes_nothing() {
    let mut it = Apart::new();
    it.play_until_found();
    it.play();
    it.send();
    let payload = it.film();
    let mut film = take_to_decode(&mut it.desk.decoder, &payload);
    it.desk.settle();
    film.decode(&payload.bytes);
    let applied = it.desk.decoder.put_film(film).expect("valid");
    assert!(applied.changed.is_empty());
    it.desk.assert_equal();
    assert!(it.desk.decoder.is_exact());
}

#[test]
fn a_frame_of_an_epoch_or_stream_that_is_over_is_no_update() {
    let mut it = Apart::new();
    it.play_until_found();
    it.play();
    it.send();
    let film = it.take().expect("a frame is due");
    it.desk.encoder.video_lost(u32::MAX);
    assert_eq!(it.code(film), None, "it builds on a frame that was lost");
    let again = it.film();
    assert!(again.begins_video);
    assert_eq!(show(&mut it.desk.decoder, &again), Status::Applied);

    it.play();
    it.send();
    let payload = it.film();
    let mut late = take_to_decode(&mut it.desk.decoder, &payload);
    it.play();
    it.send();
    let film = it.take().expect("a frame is due");
    it.desk.encoder.restart();
    it.send();
    assert_eq!(it.code(film), None, "its epoch is over");
    late.decode(&payload.bytes);
    assert_eq!(it.desk.decoder.put_film(late).expect("valid").status, Status::Obsolete);
    it.desk.settle();
    it.desk.assert_equal();
}

#[test]
fn what_the_coder_did_not_code_is_sent_by_other_means() {
    let mut it = Apart::new();
    it.play_until_found();
    it.play();
    it.send();
    let film = it.take().expect("a frame is due");
    assert_eq!(it.put(film), None, "it was not coded");
    assert_eq!(it.desk.encoder.video_rect(), None);
    assert_eq!(it.desk.encoder.next_refinement_us(), Some(0));
    it.send();
    it.desk.settle();
    it.desk.assert_equal();
}

#[test]
fn a_frame_that_cannot_be_decoded_ends_its_stream_and_leaves_what_is_shown() {
    let mut it = Apart::new();
    it.play_until_found();
    it.play();
    it.send();
    let payload = it.film();
    let shown = it.desk.decoder.view().expect("picture").to_frame();
    let mut film = take_to_decode(&mut it.desk.decoder, &payload);
    film.decode(&payload.bytes[..payload.bytes.len() / 2]);
    assert!(it.desk.decoder.put_film(film).is_err());
    assert!(it.desk.decoder.view().expect("picture").to_frame() == shown);
    it.play();
    it.send();
    let next = it.film();
    let taken = it.desk.decoder.take_film(&next.bytes).expect("valid");
    assert!(matches!(taken, Film::Not(Status::Obsolete)), "it builds on the other");
    it.desk.encoder.video_lost(next.number);
    let again = it.film();
    assert_eq!(show(&mut it.desk.decoder, &again), Status::Applied);
}

#[test]
fn the_call_itself_codes_film_unless_it_is_to_be_apart() {
    let mut desk = Desk::new(SCREEN, EncoderConfig::default());
    desk.draw_text(3);
    desk.send();
    let mut tiles = 0;
    for seed in 0..12 {
        desk.now_us += FRAME_US;
        desk.draw_film_in(FILM, 11 * seed);
        tiles += desk.send().video_tiles;
        assert!(!desk.encoder.is_film_due());
        assert!(desk.encoder.take_film(desk.frame.view(), desk.now_us).is_none());
    }
    assert!(tiles > 0);
}
