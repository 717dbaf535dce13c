//! Chat.

use tessera_transport::Fingerprint;

use super::{Notice, Participant, Refusal};
use crate::session::messages::Message;
use crate::session::roster::Role;

impl Participant {
    pub(super) fn chat(&mut self, to: Option<Fingerprint>, text: &str) -> Result<(), Refusal> {
        if !self.may(self.rules.may_chat) {
            return Err(Refusal::NothingGoesOn);
        }
        if !(self.rules.is_chat_message)(text) {
            return Err(Refusal::Text);
        }
        if to.is_some_and(|to| to == self.own || !self.is_connected(to)) {
            return Err(Refusal::NotThere);
        }
        let recipients: Vec<_> =
            self.connected().filter(|key| (self.rules.is_chat_for)(to, key)).collect();
        if recipients.is_empty() {
            return Err(Refusal::NotThere);
        }
        self.chat_goes_on = true;
        for recipient in recipients {
            let text = text.to_owned();
            self.send(recipient, Message::Chat { to_all: to.is_none(), text });
        }
        Ok(())
    }

    /// Somebody says something.
    pub(super) fn chatted(
        &mut self,
        from: Fingerprint,
        role: Role,
        to_all: bool,
        text: String,
    ) -> bool {
        if !(self.rules.may_chat)(role) || !(self.rules.is_chat_message)(&text) {
            return false;
        }
        self.chat_goes_on = true;
        self.tell(Notice::Chat { from, to_all, text });
        true
    }

    pub(super) fn end_chat(&mut self) {
        if std::mem::take(&mut self.chat_goes_on) {
            self.tell(Notice::ChatEnded);
        }
    }
}
