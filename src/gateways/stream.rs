//! The parts of a stream that never ends, as its bytes come. Pure.

use crate::gateways::multipart::{self, find};

/// A part with a picture has some hundred kilobytes; what grows beyond this is no part.
const PART_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Cuts a stream into the bodies of its parts.
#[derive(Debug)]
pub struct Splitter {
    delimiter: Vec<u8>,
    waiting: Vec<u8>,
}

/// The stream is none, or not one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl Splitter {
    /// For a stream of this content type; `usual` stands between its parts where it names nothing.
    pub fn new(content_type: &str, usual: &str) -> Self {
        let boundary = multipart::boundary(content_type).unwrap_or(usual);
        Self { delimiter: format!("--{boundary}").into_bytes(), waiting: Vec::new() }
    }

    /// The bodies of the parts that are complete with these bytes, but for pictures.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Broken> {
        self.waiting.extend_from_slice(bytes);
        let mut bodies = Vec::new();
        while let Some((body, end)) = self.part() {
            bodies.extend(body);
            self.waiting.drain(..end);
        }
        if self.waiting.len() > PART_BYTES_MAX { Err(Broken) } else { Ok(bodies) }
    }

    /// The first part if it is complete: its body, unless it is a picture, and where it ends.
    fn part(&self) -> Option<(Option<Vec<u8>>, usize)> {
        let begin = find(&self.waiting, &self.delimiter)? + self.delimiter.len();
        let text = &self.waiting[begin..];
        let head_end = find(text, b"\r\n\r\n")?;
        let next = find(text, &self.delimiter);
        // A delimiter before the head is over: an empty part.
        if let Some(next) = next.filter(|next| *next < head_end) {
            return Some((None, begin + next));
        }
        let head = String::from_utf8_lossy(&text[..head_end]).to_ascii_lowercase();
        let body = &text[head_end + 4..];
        let declared = length(&head).filter(|length| ends_at(body, *length, &self.delimiter));
        // Waiting for the next part may take until the next event.
        let length = declared.or(next.map(|next| next - head_end - 4))?;
        let is_text = !head.contains("content-type: image/");
        let end = begin + head_end + 4 + length;
        Some((is_text.then(|| body[..length].trim_ascii().to_vec()), end))
    }
}

fn length(head: &str) -> Option<usize> {
    let (_, rest) = head.split_once("content-length:")?;
    rest.split("\r\n").next()?.trim().parse().ok()
}

/// Whether a declared length can be right: it ends where the bytes do, or before a delimiter.
fn ends_at(body: &[u8], length: usize, delimiter: &[u8]) -> bool {
    let Some(rest) = body.get(length..) else { return false };
    let rest = rest.trim_ascii_start();
    let shown = rest.len().min(delimiter.len());
    rest[..shown] == delimiter[..shown]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateways::{
        hikvision::event::{self, What},
        mutations::{samples, survive},
    };

    const TYPE: &str = "multipart/mixed; boundary=MIME_boundary";

    fn stream() -> Vec<u8> {
        let beat = r#"{"eventType":"heartBeat","dateTime":"2026-11-23T10:00:00+08:00"}"#;
        let length = beat.len();
        format!(
            "--MIME_boundary\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n\
             {beat}\r\n--MIME_boundary\r\nContent-Type: image/jpeg\r\n\r\n\u{7f}\u{7f}\r\n\
             --MIME_boundary\r\nContent-Type: application/json\r\n\r\n{beat}\r\n--MIME_boundary"
        )
        .into_bytes()
    }

    #[test]
    fn parts_come_as_soon_as_they_are_whole_however_they_are_cut() {
        for step in [1, 7, 64, 10_000] {
            let mut splitter = Splitter::new(TYPE, "MIME_boundary");
            let mut bodies = Vec::new();
            for piece in stream().chunks(step) {
                bodies.extend(splitter.push(piece).unwrap());
            }
            assert_eq!(bodies.len(), 2, "{step}");
            for body in bodies {
                assert!(matches!(event::read(&body).what, What::Heartbeat(Some(_))), "{step}");
            }
        }
        let mut early = Splitter::new(TYPE, "MIME_boundary");
        let whole = stream();
        let first = whole.windows(3).position(|part| part == b"}\r\n").unwrap() + 1;
        assert_eq!(early.push(&whole[..first]).unwrap().len(), 1, "none waits for the next");
    }

    #[test]
    fn the_sampled_stream_is_read_to_its_end() {
        let all = samples("hikvision");
        let sampled = all.iter().find(|bytes| find(bytes, b"multipart/mixed").is_some());
        let Some(sampled) = sampled else { return };
        let mut splitter = Splitter::new(TYPE, "MIME_boundary");
        let mut bodies = splitter.push(sampled).unwrap();
        bodies.extend(splitter.push(b"\r\n--MIME_boundary\r\n").unwrap());
        assert!(bodies.len() > 2, "{}", bodies.len());
        for body in bodies {
            assert!(
                !matches!(
                    event::read(&body).what,
                    What::Fact(crate::gateways::facts::Fact::Unreadable(_))
                ),
                "{}",
                String::from_utf8_lossy(&body)
            );
        }
    }

    #[test]
    fn what_grows_beyond_measure_is_no_stream() {
        let mut splitter = Splitter::new("", "MIME_boundary");
        assert_eq!(splitter.push(&vec![b'x'; PART_BYTES_MAX + 1]), Err(Broken));
    }

    #[test]
    fn no_mutation_stops_the_splitter() {
        survive(
            "streams",
            &[stream(), String::from_utf8(stream()).unwrap().replace("MIME_", "my").into()],
        );
    }
}
