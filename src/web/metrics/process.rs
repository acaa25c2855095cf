//! What the operating system says of this process. Where it says nothing there is nothing.

use super::family::Metric;
use super::text::Samples;
use crate::descriptors;

pub(super) fn add(samples: &mut Samples) {
    let resident = crate::process::resident_memory();
    samples.maybe(Metric::Memory, &[], resident.map(|bytes| bytes as f64));
    let open = std::fs::read_dir("/proc/self/fd").ok();
    // One of them is that of the folder.
    let open = open.map(|files| files.count().saturating_sub(1) as f64);
    samples.maybe(Metric::OpenFiles, &[], open);
    samples.maybe(Metric::MaxFiles, &[], descriptors::limit().map(|limit| limit as f64));
}
