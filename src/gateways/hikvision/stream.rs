//! The endless stream of a device's events: what it had stored first, then what happens. Bytes come
//! in pieces; a part counts when its end is here. Pure.

use super::event::{self, Event};

/// Bytes of one part; a picture is smaller.
const PART_BYTES_MAX: usize = 4 * 1024 * 1024;
const BOUNDARY: &[u8] = b"--MIME_boundary";

/// What has come of a stream and is not read yet.
#[derive(Debug, Default)]
pub struct Stream {
    waiting: Vec<u8>,
}

/// The stream holds a part that is longer than any should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl Stream {
    /// Takes the next bytes; gives the events that are whole now. Pictures are dropped unread.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        self.waiting.extend_from_slice(bytes);
        let mut events = Vec::new();
        let mut read = 0;
        while let Some((part, end)) = next_part(&self.waiting[read..]) {
            if !is_picture(part) {
                events.extend(body_of(part).map(event::read));
            }
            read += end;
        }
        self.waiting.drain(..read);
        if self.waiting.len() > PART_BYTES_MAX { Err(TooLong) } else { Ok(events) }
    }
}

/// The first part between two boundaries, and where the second one begins.
fn next_part(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let first = find(bytes, BOUNDARY)?;
    let from = first + BOUNDARY.len();
    let length = find(&bytes[from..], BOUNDARY)?;
    Some((&bytes[from..from + length], from + length))
}

fn is_picture(part: &[u8]) -> bool {
    let head = find(part, b"\r\n\r\n").map_or(part, |at| &part[..at]);
    String::from_utf8_lossy(head).to_ascii_lowercase().contains("image/")
}

fn body_of(part: &[u8]) -> Option<&[u8]> {
    let body = &part[find(part, b"\r\n\r\n")? + 4..];
    let body = body.trim_ascii();
    (!body.is_empty()).then_some(body)
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|part| part == word)
}
