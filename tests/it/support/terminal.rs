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

/// Runs a command on a terminal and types an answer (and Enter) after each of these questions; gives back how it
/// ended and all that was shown.
pub fn typed_on_terminal(mut command: Command, answers: &[(&str, &str)]) -> (ExitStatus, String) {
    use std::io::Write;
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&ours).expect("it is ours");
    unlockpt(&ours).expect("it is ours");
    let name = ptsname(&ours, Vec::new()).expect("it has a name");
    let path = OsStr::from_bytes(name.as_bytes());
    let theirs = File::options().read(true).write(true).open(path).expect("it opens");
    let copy = || theirs.try_clone().expect("it can be had twice");
    command.stdin(copy()).stdout(copy()).stderr(theirs);
    let mut child = command.spawn().expect("the program starts");
    drop(command);
    let (mut shown, mut ours) = (Vec::new(), File::from(ours));
    let (mut part, mut answers) = ([0; 4096], answers.iter().peekable());
    while let Ok(length @ 1..) = ours.read(&mut part) {
        shown.extend_from_slice(&part[..length]);
        if let Some((_, answer)) =
            answers.next_if(|(question, _)| shown.ends_with(question.as_bytes()))
        {
            ours.write_all(format!("{answer}\n").as_bytes()).expect("it is read");
        }
    }
    let status = child.wait().expect("it ends");
    (status, String::from_utf8(shown).expect("UTF-8").replace("\r\n", "\n"))
}
