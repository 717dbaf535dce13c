//! Two displays, and a network between the programs that work on them.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tessera_netlab::{End, Lab, Link, Namespace, Profile, Shape, Traffic};
use tessera_witness::display::{Area, Display};
use tessera_witness::error::Error;
use tessera_witness::picture::Picture;
use tessera_witness::station::{Folders, Station};
use tessera_witness::stop::Stop;
use tessera_witness::watch::Watch;

use crate::error::BenchError;

/// Size of both displays, in pixels.
pub(super) const SCREEN: (u16, u16) = (1920, 1080);

/// Decides which packets an emulated link loses.
const LOSS_SEED: u64 = 4;

/// Where the square that changes stands on the customer's desktop, apart from everything that loads it.
pub(super) const PATCH: Area = Area { x: 40, y: 1000, width: 32, height: 32 };

/// Where the window that answers keys goes.
pub(super) const KEYS: Area = Area { x: 120, y: 900, width: 160, height: 128 };

/// Where the window of a load goes.
pub(super) const LOAD: Area = Area { x: 420, y: 40, width: 1280, height: 720 };

/// Displays, folders and network of one run. The fields are dropped in this order.
pub(super) struct Stage {
    /// The viewer's display, watched.
    pub(super) seen: Watch,
    /// The customer's display.
    pub(super) desktop: Display,
    pub(super) customer_station: Station,
    pub(super) viewer_station: Station,
    pub(super) folders: Folders,
    pub(super) network: Network,
    private: TempDir,
}

impl Stage {
    /// Makes everything; logs go below `out`.
    pub(super) fn set_up(profile: &Profile, out: &Path, stop: &Stop) -> Result<Self, BenchError> {
        let private = TempDir::with_prefix("tessera-latency-")?;
        let network = Network::make(profile)?;
        let folders = Folders::make(private.path(), out)?;
        let customer_station = Station::virtual_display("customer", Some(SCREEN), &folders, stop)?;
        let viewer_station = Station::virtual_display("viewer", Some(SCREEN), &folders, stop)?;
        let desktop = Display::connect(customer_station.name())?;
        let viewer = Display::connect(viewer_station.name())?;
        // Black, so that nothing of the desktop is to be seen there before it has come over.
        let (width, height) = SCREEN;
        let bgrx = vec![0; usize::from(width) * usize::from(height) * 4];
        viewer.show_wallpaper(&Picture { width, height, bgrx })?;
        let seen = Watch::new(viewer)?;
        Ok(Self { seen, desktop, customer_station, viewer_station, folders, network, private })
    }

    /// A folder that nobody else reads and that goes with the stage.
    pub(super) fn private(&self) -> &Path {
        self.private.path()
    }

    /// Whether every tile of the desktop is to be seen at the viewer: on two lines through each, nine of ten pixels are
    /// near their colour.
    pub(super) fn is_present(&self) -> Result<bool, Error> {
        const TILE: u16 = 64;
        const LINES: [u16; 2] = [20, 44];
        let area = self.desktop.area();
        for y in (0..area.height).step_by(usize::from(TILE)).flat_map(|y| LINES.map(|it| y + it)) {
            let line = Area { x: 0, y: y.min(area.height - 1), width: area.width, height: 1 };
            let [desktop, seen] =
                [self.desktop.grab(line)?.bgrx, self.seen.display().grab(line)?.bgrx];
            let tile_bytes = usize::from(TILE) * 4;
            let mut tiles = desktop.chunks(tile_bytes).zip(seen.chunks(tile_bytes));
            let is_there = |(desktop, seen): (&[u8], &[u8])| {
                let pixels = desktop.chunks_exact(4).zip(seen.chunks_exact(4));
                let near = pixels.filter(|(a, b)| is_near(a, b)).count();
                near * 10 >= desktop.len() / 4 * 9
            };
            if !tiles.all(is_there) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether two pixels have about the same colour, as far as coarse coding and fewer colours change one.
pub(super) fn is_near(a: &[u8], b: &[u8]) -> bool {
    const TOLERANCE: u8 = 40;
    a.iter().zip(b).take(3).all(|(a, b)| a.abs_diff(*b) <= TOLERANCE)
}

/// Two namespaces, the customer's and the viewer's.
pub(super) struct Network {
    ends: [End; 2],
    customer: Namespace,
    viewer: Namespace,
    /// Where the network is emulated.
    pub(super) link: Option<Link>,
    pub(super) rate_bits: Option<u64>,
}

impl Network {
    fn make(profile: &Profile) -> Result<Self, BenchError> {
        let lab = Lab::new()?;
        let [customer, viewer] = [lab.namespace("customer")?, lab.namespace("viewer")?];
        // What limits nothing needs no emulator, which would take its time.
        let (ends, link) = if profile.shape == Shape::CLEAR {
            (lab.cable(&customer, &viewer)?, None)
        } else {
            let link = lab.link(&customer, &viewer, profile.shape, LOSS_SEED)?;
            (link.ends().clone(), Some(link))
        };
        Ok(Self { ends, customer, viewer, link, rate_bits: profile.shape.rate_bits })
    }

    /// A command that runs where the customer is.
    pub(super) fn at_customer(&self, program: &Path) -> Command {
        self.customer.command(program)
    }

    /// A command that runs where the viewer is.
    pub(super) fn at_viewer(&self, program: &Path) -> Command {
        self.viewer.command(program)
    }

    /// The customer's address and the viewer's.
    pub(super) fn addresses(&self) -> [IpAddr; 2] {
        [self.ends[0].address.into(), self.ends[1].address.into()]
    }

    /// A TCP connection from the customer's machine to the viewer's, whose congestion control is CUBIC.
    pub(super) fn cubic(&self) -> Result<[TcpStream; 2], BenchError> {
        let [_, address] = self.addresses();
        let listener = self.viewer.enter(|| TcpListener::bind((address, 0)))??;
        let port = listener.local_addr()?.port();
        let sender = self.customer.enter(|| TcpStream::connect((address, port)))??;
        rustix::net::sockopt::set_tcp_congestion(&sender, "cubic").map_err(std::io::Error::from)?;
        let (receiver, _) = listener.accept()?;
        Ok([sender, receiver])
    }

    /// Whether something listens for TCP at an address, seen from the viewer.
    pub(super) fn listens(&self, address: SocketAddr) -> Result<bool, BenchError> {
        Ok(self.viewer.enter(|| TcpStream::connect(address).is_ok())?)
    }

    /// What the customer's device has carried.
    pub(super) fn traffic(&self) -> Result<Traffic, BenchError> {
        Ok(self.customer.traffic(&self.ends[0])?)
    }
}

/// The path of an installed program.
pub(super) fn installed(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).map(|folder| folder.join(program)).find(|path| path.is_file())
}
