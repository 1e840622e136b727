//! Bodies of many parts, as devices send them: with or without a named boundary, with pictures that
//! nobody asked for, cut off in the middle. Pure.

/// Parts of one body that are looked at.
const PARTS_MAX: usize = 64;
const BOUNDARY_BYTES_MAX: usize = 128;

/// One part: its head in lower case, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    pub head: String,
    pub body: &'a [u8],
}

impl Part<'_> {
    /// The `name` of a form's field.
    pub fn name(&self) -> &str {
        let found = self.head.split_once("name=\"").and_then(|(_, rest)| rest.split_once('"'));
        found.map_or("", |(name, _)| name)
    }

    /// A picture; dropped unread.
    pub fn is_picture(&self) -> bool {
        self.head.contains("content-type: image/") || self.head.contains("filename=")
    }

    pub fn is_gzip(&self) -> bool {
        self.head.contains("content-encoding: gzip")
    }
}

/// The boundary that a content type names.
pub fn boundary(content_type: &str) -> Option<&str> {
    let at = content_type.to_ascii_lowercase().find("boundary=")? + "boundary=".len();
    let text = content_type.get(at..)?.split(';').next()?.trim().trim_matches('"');
    (1..=BOUNDARY_BYTES_MAX).contains(&text.len()).then_some(text)
}

/// The parts of a body. Without a boundary, the first line of the body is taken for one; a body
/// that has none is no multipart, and has no parts.
pub fn parts<'a>(boundary: Option<&str>, body: &'a [u8]) -> Vec<Part<'a>> {
    let Some(delimiter) = boundary.map(|text| format!("--{text}").into_bytes()).or_else(|| {
        let line = body.trim_ascii_start().split(|byte| *byte == b'\n').next()?.trim_ascii();
        let fits = line.len() > 2 && line.len() <= BOUNDARY_BYTES_MAX && line.starts_with(b"--");
        fits.then(|| line.to_vec())
    }) else {
        return Vec::new();
    };
    let mut rest = match find(body, &delimiter) {
        Some(at) => &body[at + delimiter.len()..],
        None => return Vec::new(),
    };
    let mut parts = Vec::new();
    while parts.len() < PARTS_MAX && !rest.starts_with(b"--") && !rest.is_empty() {
        let end = find(rest, &delimiter);
        let text = &rest[..end.unwrap_or(rest.len())];
        parts.extend(part(text));
        match end {
            Some(at) => rest = &rest[at + delimiter.len()..],
            None => break,
        }
    }
    parts
}

fn part(text: &[u8]) -> Option<Part<'_>> {
    let text = without_line_end_before(text);
    let (head, body) = match (find(text, b"\r\n\r\n"), find(text, b"\n\n")) {
        (Some(at), _) => (&text[..at], &text[at + 4..]),
        (None, Some(at)) => (&text[..at], &text[at + 2..]),
        (None, None) => return None,
    };
    let body = body.strip_suffix(b"\r\n").or(body.strip_suffix(b"\n")).unwrap_or(body);
    Some(Part { head: String::from_utf8_lossy(head).to_ascii_lowercase(), body })
}

fn without_line_end_before(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\r\n").or(text.strip_prefix(b"\n")).unwrap_or(text)
}

/// Where a word begins first.
pub fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    // Looks for the first byte before it compares, so that large pictures cost little.
    let (first, _) = word.split_first()?;
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| byte == first) {
        if text[from + at..].starts_with(word) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_with_a_named_boundary_or_by_the_first_line() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"SN\"\r\n\r\nA1\r\n--b\r\n\
            Content-Type: image/jpeg\r\n\r\n\xff\xd8\r\n--b--\r\n";
        for boundary in [Some("b"), None] {
            let found = parts(boundary, body);
            assert_eq!((found[0].name(), found[0].body), ("sn", &b"A1"[..]));
            assert!(found[1].is_picture() && found.len() == 2);
        }
        assert_eq!(parts(Some("b"), &body[..60]).len(), 1, "a part that was cut off is one");
        assert_eq!(parts(None, b"{}"), []);
        assert_eq!(parts(Some("x"), body), []);
    }

    #[test]
    fn a_boundary_is_read_out_of_a_content_type() {
        assert_eq!(boundary("multipart/form-data; boundary=MIME_b"), Some("MIME_b"));
        assert_eq!(boundary("multipart/mixed; Boundary=\"a b\"; x=1"), Some("a b"));
        assert_eq!((boundary("application/json"), boundary("x; boundary=")), (None, None));
    }
}
