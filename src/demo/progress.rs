//! How far the town is, on stderr: a bar for a person, a line at each stage for a log.

use std::io::{IsTerminal, Write};

/// Positions of the bar.
const WIDTH: u64 = 30;

/// One stage of so many steps.
pub struct Progress {
    label: &'static str,
    total: u64,
    done: u64,
    drawn: Option<u64>,
    to_person: bool,
}

impl Progress {
    pub fn begin(label: &'static str, total: usize) -> Self {
        let to_person = std::io::stderr().is_terminal();
        let mut progress = Self { label, total: total as u64, done: 0, drawn: None, to_person };
        progress.draw();
        progress
    }

    /// So many steps more are done.
    pub fn advance(&mut self, steps: usize) {
        self.done = (self.done + steps as u64).min(self.total);
        self.draw();
    }

    /// Draws only what changes the picture. A closed stderr is nobody's loss.
    fn draw(&mut self) {
        let percent = (self.done * 100).checked_div(self.total).unwrap_or(100);
        if self.drawn == Some(percent) || !(self.to_person || percent == 100) {
            return;
        }
        self.drawn = Some(percent);
        let filled = percent * WIDTH / 100;
        let bar: String = (0..WIDTH).map(|n| if n < filled { '█' } else { '░' }).collect();
        let end = if percent == 100 { "\n" } else { "" };
        let start = if self.to_person { "\r" } else { "" };
        drop(write!(std::io::stderr(), "{start}{bar} {percent:>3} % {}{end}", self.label));
    }
}
