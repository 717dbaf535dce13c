//! The driver of one side.

use std::sync::Arc;

use crossbeam::channel::Receiver;

use crate::Error;
use crate::customer::{Event, Handle, Options};
use crate::figures::ShareFigures;

pub(crate) fn join(options: Options) -> Result<(Handle, Receiver<Event>), Error> {
    let (events, receiver) = crossbeam::channel::bounded(256);
    let (commands, _) = super::commands();
    let _ = events.send(Event::Failed(Error::CenterAddress(options.center)));
    Ok((Handle { commands, figures: Arc::new(ShareFigures::default()) }, receiver))
}
