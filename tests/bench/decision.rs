//! Decides live entries one after the other without any I/O: `decision COUNT`. What `tests/bench/budget`
//! counts the instructions and allocations of.

use std::hint::black_box;

use fitgate::bench::Door;

fn main() -> anyhow::Result<()> {
    let count = std::env::args().nth(1).unwrap_or_default();
    let count: usize = count.parse().map_err(|_| anyhow::anyhow!("decision COUNT"))?;
    let door = Door::new();
    for n in 0..count {
        black_box(door.decide(black_box(n)));
    }
    Ok(())
}
