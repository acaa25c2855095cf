//! Arguments in, exit code out: everything else is in the library.

use std::process::ExitCode;

/// A plan of many seats makes and drops millions of small texts: `docs/dependencies.md` has the figures.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    bursar::cli::main()
}
