//! The end of a display that Xlib serves in this process, as it does for a window library.
//!
//! Xlib answers the end of its connection by printing a text of its own and ending the process, and offers no other way
//! than to put a function in the place of that. This is all that the package does with Xlib: capture and input speak
//! the protocol themselves.
#![allow(unsafe_code, reason = "Xlib's handler is set through its C interface")]

use std::ffi::c_int;
use std::sync::OnceLock;

use x11_dl::xlib::{Display, Xlib};

static THEN: OnceLock<Box<dyn Fn() + Send + Sync>> = OnceLock::new();

/// Has `then` called once when the server of an Xlib display goes away, on the thread that uses that display, which
/// then sleeps for ever: Xlib cannot go on. It is for `then` to have the process ended from another thread.
///
/// The first call in a process counts. Returns `false` where there is no Xlib, which then ends nothing either.
pub fn on_xlib_display_lost(then: impl Fn() + Send + Sync + 'static) -> bool {
    let Ok(xlib) = Xlib::open() else { return false };
    if THEN.set(Box::new(then)).is_ok() {
        // SAFETY: `lost` has the type that Xlib calls, and as a function it outlives every display.
        unsafe { (xlib.XSetIOErrorHandler)(Some(lost)) };
    }
    true
}

/// Xlib ends the process if this returns.
extern "C" fn lost(_: *mut Display) -> c_int {
    if let Some(then) = THEN.get() {
        then();
    }
    loop {
        std::thread::park();
    }
}
