//! Pictures of the shared desktop in files.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tessera::{BYTES_PER_PIXEL, Frame};

/// Most pictures in a folder.
const MAX_SHOTS: u32 = 99_999;

/// Writes `frame` as PNG into a new file of `folder`, which is made if need be, both readable by this
/// user alone. No file is ever overwritten.
pub(crate) fn write(frame: &Frame, folder: &Path) -> io::Result<PathBuf> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let (file, path) = new_file(folder)?;
    let written = encode(frame, BufWriter::new(file));
    if written.is_err() {
        // Half a picture is none.
        let _ = fs::remove_file(&path);
    }
    written.map(|()| path)
}

fn new_file(folder: &Path) -> io::Result<(fs::File, PathBuf)> {
    for number in 1..=MAX_SHOTS {
        let path = folder.join(format!("tessera-{number:05}.png"));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::AlreadyExists, "the folder is full"))
}

fn encode(frame: &Frame, file: impl Write) -> io::Result<()> {
    let size = frame.size();
    let mut encoder = png::Encoder::new(file, size.width.into(), size.height.into());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut rgb = Vec::with_capacity(size.area() * 3);
    for pixel in frame.data().chunks_exact(BYTES_PER_PIXEL) {
        rgb.extend([pixel[2], pixel[1], pixel[0]]);
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tessera::Size;

    use super::*;

    #[test]
    fn each_picture_has_a_file_of_its_own_with_exactly_its_pixels() {
        let folder = tempfile::tempdir().expect("a folder");
        let shots = folder.path().join("a/b");
        let mut frame = Frame::black(Size::new(5, 3));
        for (at, byte) in frame.data_mut().iter_mut().enumerate() {
            *byte = at as u8;
        }
        let first = write(&frame, &shots).expect("written");
        let kept = fs::read(&first).expect("there");
        let second = write(&Frame::black(Size::new(1, 1)), &shots).expect("written");
        assert_eq!(first, shots.join("tessera-00001.png"));
        assert_eq!(second, shots.join("tessera-00002.png"));
        assert_eq!(fs::read(&first).expect("there"), kept, "never overwritten");
        let mode = fs::metadata(&first).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let mut reader = png::Decoder::new(io::Cursor::new(kept)).read_info().expect("a PNG");
        let mut rgb = vec![0; reader.output_buffer_size().expect("small")];
        reader.next_frame(&mut rgb).expect("its pixels");
        let expected: Vec<u8> =
            frame.data().chunks_exact(4).flat_map(|it| [it[2], it[1], it[0]]).collect();
        assert_eq!(rgb, expected);
    }
}
