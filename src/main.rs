//! The `fitgate` command: reads the command line and leaves with its exit code
//! (0 fine, 1 a breach was found, 2 could not check).

fn main() -> std::process::ExitCode {
    fitgate::run()
}
