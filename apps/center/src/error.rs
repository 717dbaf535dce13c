//! Every way in which the program can fail to do what it was started for.
//!
//! Each message is one sentence that says what happened and what to do; `main` prints it and exits with 1.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use sqlx::migrate::MigrateError;
use tessera_transport::BindError;
use tessera_transport::identity::IdentityError;
use tessera_transport::pairing::NoRandomness;

/// Why the program ends without having done its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "UDP address {address} is already in use: stop the program that holds it or choose another \
         with --listen ADDR"
    )]
    ListenInUse { address: SocketAddr },

    #[error(transparent)]
    Listen(BindError),

    #[error(
        "TCP address {address} is already in use: stop the program that holds it or choose another \
         with --{flag} ADDR"
    )]
    HttpInUse { address: SocketAddr, flag: &'static str },

    #[error(
        "cannot listen on TCP address {address} ({source}): choose an address of this machine and a \
         port that you may use with --{flag} ADDR"
    )]
    Http { address: SocketAddr, flag: &'static str, source: io::Error },

    #[error(
        "UDP address {address} of the relay is already in use: stop the program that holds it or choose \
         another with --{flag} ADDR"
    )]
    RelayInUse { address: SocketAddr, flag: &'static str },

    #[error(
        "the relay cannot listen on UDP address {address} ({source}): choose an address of this machine \
         and a port that you may use with --{flag} ADDR"
    )]
    Relay { address: SocketAddr, flag: &'static str, source: io::Error },

    #[error(
        "tunnels cannot be taken in on TCP address {address} ({source}): choose an address of this machine \
         and a port that you may use with --tunnel ADDR, or none with --tunnel off"
    )]
    Tunnel { address: SocketAddr, source: io::Error },

    #[error(
        "no data folder is known because neither XDG_DATA_HOME nor HOME is set: name one with \
         --data DIR"
    )]
    NoDataDir,

    #[error(
        "cannot use {} ({source}): make it writable for this user or choose another folder with \
         --data DIR", path.display()
    )]
    DataDirUnusable { path: PathBuf, source: io::Error },

    #[error(
        "another tessera-center already serves from {}: stop it or choose another folder with \
         --data DIR", data_dir.display()
    )]
    AlreadyServing { data_dir: PathBuf },

    #[error(
        "there is no center in {}: start `tessera-center serve` first or name its folder with \
         --data DIR", data_dir.display()
    )]
    NoCenterHere { data_dir: PathBuf },

    #[error(
        "the database {} is damaged and was left as it is: put a backup in its place, or move it \
         away to begin with an empty one", path.display()
    )]
    DatabaseDamaged { path: PathBuf },

    #[error(
        "the database {} was written by a newer tessera-center (schema {version}) and was left as \
         it is: install that version or a later one", path.display()
    )]
    SchemaNewer { path: PathBuf, version: i64 },

    #[error(
        "the database {} could not be brought up to date ({source}): put a backup in its place or \
         report this with the message", path.display()
    )]
    Migration { path: PathBuf, source: MigrateError },

    #[error(
        "the database does not answer ({0}): check the disk and the data folder, then try again"
    )]
    Database(#[from] sqlx::Error),

    #[error(transparent)]
    Identity(#[from] IdentityError),

    #[error("no enrolled CSR has this name or fingerprint: see `tessera-center csr list`")]
    NoSuchCsr,

    #[error(
        "several enrolled CSRs have this name: give the fingerprint that `tessera-center csr list` \
         shows"
    )]
    AmbiguousCsr,

    #[error("the operating system refused {what} ({source}): free some resources and try again")]
    System { what: &'static str, source: io::Error },

    #[error("standard output cannot be written ({0}): give the program an open one")]
    Output(io::Error),

    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}
