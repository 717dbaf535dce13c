//! What an operator does beside `serve`: tokens and the list of CSRs. Each works on the data folder alone, so the
//! center may be running or not.

use std::io::{self, Write};
use std::path::Path;

use tessera_transport::Fingerprint;
use tessera_transport::center::EnrolmentToken;
use tessera_transport::identity::Identity;

use crate::cli::Csr as Command;
use crate::error::Error;
use crate::store::{Csr, SecretHash, Store};
use crate::timestamp::rfc3339;

/// Prints one new token on standard output and nothing else there, so that it can be piped.
pub(crate) async fn print_token(data_dir: &Path) -> Result<(), Error> {
    let store = Store::open(data_dir).await?;
    let identity = Identity::load_or_create(data_dir)?;
    let token = new_token(&store, identity.fingerprint()).await?;
    print(&format!("{}\n", token.reveal().as_str()))?;
    store.close().await;
    Ok(())
}

/// Draws a token for the center with this fingerprint and stores the hash of its secret.
pub(crate) async fn new_token(store: &Store, center: Fingerprint) -> Result<EnrolmentToken, Error> {
    let token = EnrolmentToken::generate(center)?;
    store.add_token(&SecretHash::of(token.secret.as_bytes())).await?;
    Ok(token)
}

/// Lists or removes CSRs.
pub(crate) async fn csr(data_dir: &Path, command: &Command) -> Result<(), Error> {
    let store = Store::open(data_dir).await?;
    match command {
        Command::List => {
            let lines: String = store.csrs().await?.iter().map(line).collect();
            print(&lines)?;
        }
        Command::Remove { csr } => {
            let removed = store.remove_csr(csr).await?;
            print(&format!("removed {}", line(&removed)))?;
        }
    }
    store.close().await;
    Ok(())
}

fn line(csr: &Csr) -> String {
    format!("{}  {}  {}\n", csr.fingerprint, rfc3339(csr.enrolled_at_s), csr.name)
}

/// Writes to standard output at once, also when it is a pipe.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::Output)
}
