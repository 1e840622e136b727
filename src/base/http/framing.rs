//! Follows the framing of one connection's requests, byte by byte as they arrive, to refuse two
//! things that the HTTP parser lets through and that make two parsers disagree about where a
//! request ends (request smuggling): line ends without a carriage return, and a request with
//! both `Content-Length` and `Transfer-Encoding`; and the preface of HTTP/2, on which the parser
//! would close without a word. It copies nothing and parses nothing else.

use memchr::memchr2;

/// Where in a request the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the head: the request line or a header line.
    Head,
    /// So many bytes of a body of known length to go.
    Body(u64),
    /// A chunk's size line; the size read so far, and whether its digits are over.
    ChunkSize(u64, bool),
    /// So many bytes of a chunk and its line end to go.
    Chunk(u64),
    /// Trailer lines after the last chunk.
    Trailer,
}

/// Longest header name whose line matters here (`transfer-encoding`).
const NAME_MAX: usize = 17;

/// How a client begins that knows HTTP/2 alone, which is not spoken here.
const HTTP_2: &[u8] = b"PRI * HTTP/2.0";

/// The state of a connection.
#[derive(Debug)]
pub struct Framing {
    place: Place,
    /// Bytes of the current line so far, without its end.
    line_len: usize,
    /// The line's first bytes in lower case, up to the colon.
    name: [u8; NAME_MAX],
    named: bool,
    last_was_cr: bool,
    /// Bytes of the current head so far; 0 while the connection idles.
    head_len: usize,
    /// Bytes at the beginning of the current head that are those of HTTP/2's preface.
    http_2: usize,
    declared: Option<u64>,
    chunked: bool,
}

impl Framing {
    pub fn new() -> Self {
        Self {
            place: Place::Head,
            line_len: 0,
            name: [0; NAME_MAX],
            named: false,
            last_was_cr: false,
            head_len: 0,
            http_2: 0,
            declared: None,
            chunked: false,
        }
    }

    /// Whether a head has begun and not ended.
    pub fn is_within_head(&self) -> bool {
        self.place == Place::Head && self.head_len > 0
    }

    /// Takes the next bytes. Gives the index of the first byte that must not be let through.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut at = 0;
        while at < bytes.len() {
            match self.place {
                Place::Body(left) | Place::Chunk(left) => at += self.skip(left, bytes.len() - at),
                Place::Head => {
                    at += self.pass_line(&bytes[at..]);
                    let Some(byte) = bytes.get(at) else { break };
                    self.head_byte(*byte).map_err(|()| at)?;
                    at += 1;
                }
                Place::ChunkSize(size, over) => {
                    self.chunk_size_byte(bytes[at], size, over);
                    at += 1;
                }
                Place::Trailer => {
                    self.trailer_byte(bytes[at]);
                    at += 1;
                }
            }
        }
        Ok(())
    }

    /// Passes over the body's bytes at once, however many there are.
    fn skip(&mut self, left: u64, available: usize) -> usize {
        let taken = left.min(available as u64);
        let rest = left - taken;
        self.place = match self.place {
            Place::Chunk(_) if rest == 0 => Place::ChunkSize(0, false),
            Place::Chunk(_) => Place::Chunk(rest),
            _ if rest == 0 => Place::Head,
            _ => Place::Body(rest),
        };
        usize::try_from(taken).unwrap_or(available)
    }

    fn head_byte(&mut self, byte: u8) -> Result<(), ()> {
        if byte == b'\n' {
            return self.head_line_end();
        }
        if self.http_2 == self.head_len && HTTP_2.get(self.http_2) == Some(&byte) {
            self.http_2 += 1;
            if self.http_2 == HTTP_2.len() {
                return Err(());
            }
        }
        self.head_len += 1;
        self.last_was_cr = byte == b'\r';
        if self.last_was_cr {
            return Ok(());
        }
        if byte == b':' && !self.named {
            self.named = true;
            self.note_name();
        } else if !self.named && self.line_len < NAME_MAX {
            self.name[self.line_len] = byte.to_ascii_lowercase();
        } else if self.named && self.is_length() && byte.is_ascii_digit() {
            let so_far = self.declared.unwrap_or(0);
            self.declared = Some(so_far.saturating_mul(10).saturating_add(u64::from(byte - b'0')));
        }
        self.line_len += 1;
        Ok(())
    }

    /// Passes over what does not matter of a line at once, up to what may be its end: most of a head.
    fn pass_line(&mut self, bytes: &[u8]) -> usize {
        let is_past_name = if self.named { !self.is_length() } else { self.line_len > NAME_MAX };
        let is_no_matter = self.line_len == 0 && begins_what_does_not_matter(bytes[0]);
        if !is_past_name && !is_no_matter {
            return 0;
        }
        let end = memchr2(b'\r', b'\n', bytes);
        let passed = end.unwrap_or(bytes.len());
        if passed > 0 {
            self.head_len += passed;
            self.line_len += passed;
            self.last_was_cr = false;
        }
        passed
    }

    fn is_length(&self) -> bool {
        self.name.starts_with(b"content-length") && self.name[14] == 0
    }

    fn note_name(&mut self) {
        // A longer name that merely begins like this one has a byte too many before its colon.
        if self.line_len == 17 && &self.name == b"transfer-encoding" {
            self.chunked = true;
        } else if self.line_len == 14 && self.is_length() {
            // A second length that differs is refused by the parser; the last one counts here.
            self.declared = Some(0);
        }
    }

    fn head_line_end(&mut self) -> Result<(), ()> {
        let is_empty_line = self.line_len == 0;
        if !self.last_was_cr || (self.chunked && self.declared.is_some()) {
            return Err(());
        }
        self.new_line();
        if !is_empty_line {
            self.head_len += 1;
            return Ok(());
        }
        if self.head_len <= 1 {
            // An empty line before a request is allowed and belongs to no head.
            self.head_len = 0;
            return Ok(());
        }
        self.head_len = 0;
        self.http_2 = 0;
        self.place = match (self.chunked, self.declared.take()) {
            (true, _) => Place::ChunkSize(0, false),
            (false, Some(length)) if length > 0 => Place::Body(length),
            (false, _) => Place::Head,
        };
        self.chunked = false;
        Ok(())
    }

    fn new_line(&mut self) {
        self.line_len = 0;
        self.name = [0; NAME_MAX];
        self.named = false;
        self.last_was_cr = false;
    }

    fn chunk_size_byte(&mut self, byte: u8, size: u64, over: bool) {
        self.place = match (byte, char::from(byte).to_digit(16)) {
            (b'\n', _) if size == 0 => {
                self.new_line();
                Place::Trailer
            }
            // The chunk and the line end behind it.
            (b'\n', _) => Place::Chunk(size.saturating_add(2)),
            (_, Some(digit)) if !over => {
                Place::ChunkSize(size.saturating_mul(16).saturating_add(u64::from(digit)), false)
            }
            _ => Place::ChunkSize(size, true),
        };
    }

    fn trailer_byte(&mut self, byte: u8) {
        match byte {
            b'\n' if self.line_len == 0 => {
                self.new_line();
                self.place = Place::Head;
            }
            b'\n' => self.new_line(),
            b'\r' => {}
            _ => self.line_len += 1,
        }
    }
}

/// Whether a line that begins like this is no end, no header that matters here, and no preface.
fn begins_what_does_not_matter(first: u8) -> bool {
    !matches!(first, b'\r' | b'\n' | b'c' | b'C' | b't' | b'T' | b'P')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(bytes: &[u8]) -> Result<(), usize> {
        let whole = Framing::new().advance(bytes);
        // However the bytes are cut, the verdict is the same.
        let mut framing = Framing::new();
        let piecewise = bytes
            .iter()
            .enumerate()
            .try_for_each(|(at, byte)| framing.advance(&[*byte]).map_err(|_| at));
        assert_eq!(whole, piecewise);
        whole
    }

    #[test]
    fn proper_requests_pass_one_after_another() {
        let get = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".as_slice();
        let post = b"POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\na\nb: c\n\nGET ".as_slice();
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
            1A;x=\"1\"\r\nabc\n\ndefghijklmnopqrstuvwxyz\r\n0\r\nA: b\r\n\r\n";
        let all = [get, post, chunked, get, post, post, get].concat();
        assert_eq!(verdict(&all), Ok(()));
    }

    #[test]
    fn a_bare_line_feed_in_a_head_is_refused() {
        assert_eq!(verdict(b"GET / HTTP/1.1\nHost: a\n\n"), Err(14));
        assert_eq!(verdict(b"GET / HTTP/1.1\r\nHost: a\n\r\n"), Err(23));
    }

    #[test]
    fn the_preface_of_http_2_is_refused_where_it_is_one() {
        assert_eq!(verdict(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Err(13));
        let get = "GET / HTTP/1.1\r\nHost: PRI * HTTP/2.0\r\n\r\n";
        assert_eq!(verdict(format!("{get}{get}").as_bytes()), Ok(()));
        assert!(verdict(format!("\r\n{get}PRI * HTTP/2.0").as_bytes()).is_err());
    }

    #[test]
    fn a_length_beside_a_transfer_encoding_is_refused_in_either_order() {
        let head = "POST / HTTP/1.1\r\n";
        let (length, chunked) = ("CONTENT-length: 5\r\n", "transfer-Encoding: chunked\r\n");
        assert!(verdict(format!("{head}{length}{chunked}\r\n").as_bytes()).is_err());
        assert!(verdict(format!("{head}{chunked}{length}\r\n").as_bytes()).is_err());
        let other = "Content-Length-Old: 5\r\nX-Transfer-Encoding: x\r\nTransfer-Encodings: x\r\n";
        assert!(verdict(format!("{head}{other}\r\n").as_bytes()).is_ok());
    }

    #[test]
    fn a_head_has_begun_with_its_first_byte_and_ends_with_its_empty_line() {
        let mut framing = Framing::new();
        assert!(!framing.is_within_head());
        framing.advance(b"\r\nG").unwrap();
        assert!(framing.is_within_head());
        framing.advance(b"ET / HTTP/1.1\r\n\r\n").unwrap();
        assert!(!framing.is_within_head());
    }
}
