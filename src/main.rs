//! The `fitgate` command: reads the command line and leaves with its exit code
//! (0 fine, 1 a breach was found, 2 could not check).

/// Groups of events are many small rows that live for a moment, on every worker thread at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // Huge pages make an idle server half as big again.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    fitgate::run()
}
