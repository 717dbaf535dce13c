//! Network address translation as home routers do it, by nftables.

use crate::error::NetlabError;
use crate::lab::End;
use crate::namespace::Namespace;

/// How a router chooses the port that the outside sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// The same port as inside where it is free, so that every peer sees the same one: holes can be punched.
    Preserving,
    /// Another port for each peer ("symmetric"): an address that one peer saw is of no use to another.
    PerPeer,
}

impl Namespace {
    /// Makes this namespace a router that hides everything behind its address on `outside`. Nothing comes in from there
    /// but answers.
    ///
    /// # Errors
    ///
    /// As [`Namespace::nft`].
    pub fn translate(&self, outside: &End, mapping: Mapping) -> Result<(), NetlabError> {
        let device = &outside.device;
        let random = match mapping {
            Mapping::Preserving => "",
            Mapping::PerPeer => " fully-random",
        };
        self.forward()?;
        // What is not asked for is dropped without a word, at the router itself too: a packet that it took in, be it to
        // refuse it, would stay in the table of connections and take the port away from the host inside.
        self.nft(&format!(
            "table ip nat {{
                chain postrouting {{
                    type nat hook postrouting priority srcnat;
                    oifname \"{device}\" masquerade{random};
                }}
                chain input {{
                    type filter hook input priority 0;
                    iifname \"{device}\" ct state new drop;
                }}
                chain forward {{
                    type filter hook forward priority 0;
                    iifname \"{device}\" ct state new drop;
                }}
            }}\n"
        ))
    }

    /// Forgets all translations, as a router does that was restarted: what comes from outside is dropped until the
    /// inside sends again, which may then be seen under another port.
    ///
    /// # Errors
    ///
    /// As [`Namespace::nft`].
    pub fn forget_translations(&self, outside: &End, mapping: Mapping) -> Result<(), NetlabError> {
        self.nft("delete table ip nat\n")?;
        // The table of connections itself goes with the address it belongs to.
        self.ip(&format!(
            "addr del {address}/24 dev {device}\naddr add {address}/24 dev {device}\n",
            address = outside.address,
            device = outside.device,
        ))?;
        self.translate(outside, mapping)?;
        self.route_through(outside)
    }
}
