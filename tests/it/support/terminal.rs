//! The program on a terminal.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, ExitStatus};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Runs a command with a terminal as its standard output; gives back how it ended and all it
/// showed, with line ends as the program wrote them.
pub fn on_terminal(mut command: Command) -> (ExitStatus, String) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&ours).expect("it is ours");
    unlockpt(&ours).expect("it is ours");
    let name = ptsname(&ours, Vec::new()).expect("it has a name");
    let path = OsStr::from_bytes(name.as_bytes());
    let theirs = File::options().read(true).write(true).open(path).expect("it opens");
    let mut child = command.stdout(theirs).spawn().expect("the program starts");
    // Its end is seen once nobody else holds the terminal.
    drop(command);
    let (mut shown, mut ours) = (Vec::new(), File::from(ours));
    let mut part = [0; 4096];
    // Linux tells the end by an error.
    while let Ok(length @ 1..) = ours.read(&mut part) {
        shown.extend_from_slice(&part[..length]);
    }
    let status = child.wait().expect("it ends");
    // The terminal puts a `\r` before each line end.
    (status, String::from_utf8(shown).expect("UTF-8").replace("\r\n", "\n"))
}
