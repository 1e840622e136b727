//! The log of what the server acknowledged, kept by a process that is not killed. A line is with
//! the operating system before the next request is sent.

use std::{
    cell::RefCell,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::Context;

use crate::town::unix_millis;

pub struct Acks(Option<RefCell<BufWriter<File>>>);

impl Acks {
    /// Lines go to `path`; nowhere when there is none.
    pub fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self(None)) };
        let file = File::create(path).context("the log of acknowledgements cannot be made")?;
        Ok(Self(Some(RefCell::new(BufWriter::new(file)))))
    }

    /// `ack <terminal> <epoch>:<seq> <result>`; follow with [`Acks::flush`].
    pub fn acknowledged(&self, terminal: &str, record: (u64, u64), result: &str) {
        let (epoch, seq) = record;
        self.line(format_args!("ack {terminal} {epoch}:{seq} {result}"));
    }

    /// `lost <milliseconds since 1970>`: a connection broke while a request was on its way.
    pub fn lost(&self) {
        self.line(format_args!("lost {}", unix_millis()));
        self.flush();
    }

    fn line(&self, line: std::fmt::Arguments<'_>) {
        if let Some(file) = &self.0 {
            writeln!(file.borrow_mut(), "{line}").expect("the log can be written");
        }
    }

    pub fn flush(&self) {
        if let Some(file) = &self.0 {
            file.borrow_mut().flush().expect("the log can be written");
        }
    }
}
