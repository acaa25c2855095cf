//! What the operating system says of this process. Where it says nothing there is nothing.

use super::family::Metric;
use super::text::Samples;
use crate::descriptors;

pub(super) fn add(samples: &mut Samples) {
    samples.maybe(Metric::Memory, &[], resident());
    let open = std::fs::read_dir("/proc/self/fd").ok();
    // One of them is that of the folder.
    let open = open.map(|files| files.count().saturating_sub(1) as f64);
    samples.maybe(Metric::OpenFiles, &[], open);
    samples.maybe(Metric::MaxFiles, &[], descriptors::limit().map(|limit| limit as f64));
}

/// Bytes of memory.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0)
}
