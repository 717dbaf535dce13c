//! Memory that the X server writes pixels into and this program reads.
//!
//! An anonymous file (`memfd`) whose size is sealed, so that no holder of it can shrink it under
//! the mapping. It has no name and no key: it is gone when both sides have let go of it, however
//! they end.
#![allow(unsafe_code, reason = "mapping memory that another process writes")]

use std::ffi::c_void;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::mm::{MapFlags, ProtFlags};

/// A read-only mapping of shared memory.
#[derive(Debug)]
pub(super) struct SharedMemory {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and `start` is only read through.
unsafe impl Send for SharedMemory {}

impl SharedMemory {
    /// Maps `len` bytes (at least 1) and returns the file to pass to the writer.
    pub(super) fn new(len: usize) -> io::Result<(Self, OwnedFd)> {
        let file = rustix::fs::memfd_create(
            "tessera-capture",
            MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
        )?;
        rustix::fs::ftruncate(&file, len as u64)?;
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        // SAFETY: the kernel chooses the address, so no memory in use is replaced; the file holds
        // `len` bytes for as long as it exists, because its size is sealed.
        let start = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                len,
                ProtFlags::READ,
                MapFlags::SHARED,
                file.as_fd(),
                0,
            )
        }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok((Self { start, len }, file))
    }

    /// Copies `into.len()` bytes that begin `offset` bytes into the memory.
    ///
    /// What the bytes are is up to the writer: it should have answered before, and a writer that
    /// goes on writing changes nothing but the bytes copied.
    ///
    /// # Panics
    /// When the bytes leave the memory.
    pub(super) fn copy_to(&self, offset: usize, into: &mut [u8]) {
        let end = offset.checked_add(into.len());
        assert!(end.is_some_and(|end| end <= self.len), "read past the shared memory");
        // SAFETY: the assertion above keeps the sum within the mapping, which is one allocation.
        let from = unsafe { self.start.as_ptr().add(offset) };
        // SAFETY: `from` has `into.len()` mapped bytes after it (asserted), `into` is exclusively
        // borrowed and was not made from the mapping, so the two do not overlap; every bit pattern
        // is a valid `u8`.
        unsafe { std::ptr::copy_nonoverlapping(from, into.as_mut_ptr(), into.len()) };
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: `start` and `len` are those that `mmap` returned and took, nothing borrows from
        // the mapping, and `drop` runs once.
        let unmapped =
            unsafe { rustix::mm::munmap(self.start.as_ptr().cast::<c_void>(), self.len) };
        debug_assert!(unmapped.is_ok(), "munmap of a mapping of our own");
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn bytes_written_to_the_file_are_copied_out() {
        let (memory, file) = SharedMemory::new(5000).expect("memory");
        let mut writer = std::fs::File::from(file);
        writer.write_all(&[7; 4999]).expect("write");
        writer.write_all(&[8]).expect("write");
        assert!(writer.write_all(&[9]).is_err(), "the size is sealed");
        let mut bytes = [0; 2];
        memory.copy_to(4998, &mut bytes);
        assert_eq!(bytes, [7, 8]);
    }

    #[test]
    #[should_panic(expected = "past the shared memory")]
    fn a_copy_past_the_end_is_refused() {
        let (memory, _file) = SharedMemory::new(64).expect("memory");
        memory.copy_to(63, &mut [0; 2]);
    }
}
