//! Following the windows: which there are, where, and what of them was drawn.

use std::sync::PoisonError;
use std::time::Instant;

use tessera_codec::Rect;
use x11rb::protocol::xproto::Window;

use super::super::super::monitors;
use super::super::canvas::{Place, around};
use super::super::placement::Placed;
use super::super::tracked::Tracked;
use super::ApplicationSource;
use crate::{CaptureError, Monitor};

impl ApplicationSource {
    /// Looks for the windows anew; parts of the canvas that changed by that are added to `changed`.
    pub(super) fn look(&mut self, changed: &mut Vec<Rect>) -> Result<(), CaptureError> {
        self.screen = monitors::canvas(&self.display)?;
        let windows = self.finder.find(&self.display, &self.ids)?;
        self.gone_since = match windows.exist {
            true => None,
            false => self.gone_since.or_else(|| Some(Instant::now())),
        };
        let mapped = std::mem::take(&mut self.mapped);
        let canvas_before = self.canvas;
        let order_before: Vec<Window> = self.tracked.iter().map(|it| it.placed.window).collect();
        let mut before = std::mem::take(&mut self.tracked);
        self.canvas = self.next_canvas(&before, &windows.placed);
        let mut touched = Vec::new();
        for placed in windows.placed {
            let at = before.iter().position(|it| it.placed.window == placed.window);
            let again = mapped.contains(&placed.window) || mapped.contains(&placed.top);
            match at.map(|at| before.remove(at)) {
                Some(mut tracked) if !again => {
                    let was = tracked.placed.place.seen_from(canvas_before);
                    let resized = tracked.placed.place.size() != placed.place.size();
                    tracked.moved(&self.display, placed)?;
                    if was != placed.place.seen_from(self.canvas) || resized {
                        touched.push(was);
                        touched.push(placed.place.seen_from(self.canvas));
                    }
                    self.tracked.push(tracked);
                }
                former => {
                    former.map(|former| former.end(&self.display)).transpose()?;
                    let begun =
                        Tracked::begin(&self.display, placed, self.composite, !again, self.screen)?;
                    touched.push(placed.place.seen_from(self.canvas));
                    self.tracked.extend(begun);
                }
            }
        }
        for gone in before {
            touched.push(gone.placed.place.seen_from(canvas_before));
            gone.end(&self.display)?;
        }
        for tracked in &mut self.tracked {
            if tracked.look_what_covers(&self.display, self.screen)? {
                touched.push(tracked.placed.place.seen_from(self.canvas));
            }
        }
        let order: Vec<Window> = self.tracked.iter().map(|it| it.placed.window).collect();
        let empty_changed = order.is_empty() != order_before.is_empty();
        let surprised = std::mem::take(&mut self.surprised);
        if is_reordered(&order_before, &order) || empty_changed || surprised {
            touched.push(self.canvas.size().rect());
        }
        self.untold.resized |= canvas_before.size() != self.canvas.size();
        changed.extend(touched);
        let monitor =
            Monitor { name: "applications".into(), rect: self.canvas.size().rect(), primary: true };
        self.monitors = vec![monitor];
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.ids.clone_from(&self.ids);
        shown.canvas = self.canvas;
        shown.placed.clear();
        shown.placed.extend(self.tracked.iter().map(|it| it.placed));
        Ok(())
    }

    /// Where the canvas lies once the windows `before` are those of `now`.
    fn next_canvas(&self, before: &[Tracked], now: &[Placed]) -> Place {
        let main = |placed: &[Placed]| -> Vec<Placed> {
            let mut main: Vec<Placed> = placed.iter().copied().filter(|it| it.managed).collect();
            main.sort_by_key(|it| it.window);
            main
        };
        let placed_before: Vec<Placed> = before.iter().map(|it| it.placed).collect();
        let (before, main_now) = (main(&placed_before), main(now));
        // How far all of them went, if they kept their places to each other.
        let went = |(was, is): (&Placed, &Placed)| {
            let same = was.window == is.window && was.place.size() == is.place.size();
            same.then_some((is.place.x - was.place.x, is.place.y - was.place.y))
        };
        let mut ways = before.iter().zip(&main_now).map(went);
        let together = match ways.next() {
            Some(Some(way)) if before.len() == main_now.len() => {
                ways.all(|other| other == Some(way)).then_some(way)
            }
            _ => None,
        };
        let grown = together.map(|(x, y)| Place {
            x: self.canvas.x + x,
            y: self.canvas.y + y,
            ..self.canvas
        });
        around(now.iter().map(|it| it.place), grown, self.screen).unwrap_or(self.canvas)
    }

    /// Takes the damage that was announced; parts of the canvas that changed by it are added to
    /// `changed`.
    pub(super) fn take_damage(&mut self, changed: &mut Vec<Rect>) -> Result<(), CaptureError> {
        let announced = std::mem::take(&mut self.announced);
        let mut taken = Vec::new();
        for tracked in self.tracked.iter().filter(|it| announced.contains(&it.damage)) {
            let drawn = tracked.take_damage(&self.display, self.region)?;
            taken.push((tracked.placed.window, tracked.generation, drawn));
        }
        // Damage that came with a new size was drawn by nobody. What the server told of that size
        // has arrived before the damage, so it is known now.
        self.drain()?;
        if !taken.is_empty() && std::mem::take(&mut self.untold.layout) {
            self.look(changed)?;
        }
        for (window, generation, drawn) in taken {
            let same =
                |it: &&mut Tracked| it.placed.window == window && it.generation == generation;
            let Some(tracked) = self.tracked.iter_mut().find(same) else { continue };
            tracked.was_drawn(&drawn);
            let place = tracked.placed.place;
            changed.extend(drawn.into_iter().map(|part| {
                let (x, y) = (place.x + i32::from(part.x), place.y + i32::from(part.y));
                Place { x, y, width: part.width, height: part.height }.seen_from(self.canvas)
            }));
        }
        Ok(())
    }

    /// Whether everything is as it was when it was last looked at; for use while nothing can change.
    pub(super) fn stands(&mut self) -> Result<bool, CaptureError> {
        let now = self.finder.find(&self.display, &self.ids)?.placed;
        if !now.iter().eq(self.tracked.iter().map(|it| &it.placed)) {
            return Ok(false);
        }
        for tracked in &mut self.tracked {
            if tracked.look_what_covers(&self.display, self.screen)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether windows that are in both lists have another order in `now`.
fn is_reordered(before: &[Window], now: &[Window]) -> bool {
    let kept = before.iter().filter(|window| now.contains(window));
    !kept.eq(now.iter().filter(|window| before.contains(window)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_come_and_go_do_not_reorder_the_others() {
        assert!(!is_reordered(&[1, 2, 3], &[1, 3, 4]));
        assert!(is_reordered(&[1, 2, 3], &[3, 4, 1]));
        assert!(!is_reordered(&[], &[3]));
    }
}
