//! Loaded before a program's own libraries: syncs of files last for as long as the file that `SLOW_SYNC` names is there.

use std::ffi::{c_int, c_long};
use std::time::Duration;

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

#[cfg(target_arch = "x86_64")]
const NUMBERS: (c_long, c_long) = (74, 75);
#[cfg(not(target_arch = "x86_64"))]
const NUMBERS: (c_long, c_long) = (82, 83);

fn wait() {
    let Some(file) = std::env::var_os("SLOW_SYNC") else { return };
    while std::path::Path::new(&file).exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn fsync(file: c_int) -> c_int {
    wait();
    unsafe { syscall(NUMBERS.0, file) as c_int }
}

#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(file: c_int) -> c_int {
    wait();
    unsafe { syscall(NUMBERS.1, file) as c_int }
}
