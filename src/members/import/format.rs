//! What an imported file is, by its content type: how its rows are written and in which characters.

use std::borrow::Cow;

use encoding_rs::GB18030;

use crate::base::error::Code;

/// How the rows of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Ndjson,
}

/// The characters of a file. Nothing is guessed: what is not declared is UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    Utf8,
    /// What spreadsheets of Chinese offices write.
    Gb18030,
}

impl Format {
    /// Format and characters behind a content type. CSV may be in GB18030; JSON never is.
    pub fn of_content_type(text: &str) -> Result<(Self, Charset), Code> {
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let format = match essence.trim().to_ascii_lowercase().as_str() {
            "text/csv" => Self::Csv,
            "application/x-ndjson" | "application/ndjson" => Self::Ndjson,
            _ => return Err(Code::ImportFormat),
        };
        let named = parameters
            .split(';')
            .filter_map(|parameter| parameter.trim().split_once('='))
            .find(|(name, _)| name.eq_ignore_ascii_case("charset"))
            .map_or("utf-8", |(_, value)| value.trim_matches('"'));
        let is = |charset: &str| named.eq_ignore_ascii_case(charset);
        match format {
            Self::Csv | Self::Ndjson if is("utf-8") || is("utf8") => Ok((format, Charset::Utf8)),
            Self::Csv if is("gb18030") => Ok((format, Charset::Gb18030)),
            Self::Csv | Self::Ndjson => Err(Code::CharsetUnsupported),
        }
    }
}

impl Charset {
    /// The text of a file, without the mark that some programs put before it.
    pub fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, Code> {
        let text = match self {
            Self::Utf8 => std::str::from_utf8(bytes).map(Cow::Borrowed).ok(),
            Self::Gb18030 => GB18030.decode_without_bom_handling_and_without_replacement(bytes),
        };
        let text = text.ok_or(match self {
            Self::Utf8 => Code::InvalidUtf8,
            Self::Gb18030 => Code::ImportCharset,
        })?;
        Ok(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix(MARK).unwrap_or(text)),
            Cow::Owned(text) => match text.strip_prefix(MARK) {
                Some(behind) => Cow::Owned(behind.to_owned()),
                None => Cow::Owned(text),
            },
        })
    }
}

/// What some programs put before a text.
const MARK: char = '\u{feff}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_names_format_and_characters() {
        let read = Format::of_content_type;
        for utf8 in
            ["text/csv", "Text/CSV; charset=UTF-8", "text/csv; header=present; charset=\"utf8\""]
        {
            assert_eq!(read(utf8), Ok((Format::Csv, Charset::Utf8)), "{utf8}");
        }
        assert_eq!(read("text/csv; Charset=GB18030"), Ok((Format::Csv, Charset::Gb18030)));
        assert_eq!(read("application/x-ndjson"), Ok((Format::Ndjson, Charset::Utf8)));
        for other in ["text/csv; charset=gbk", "application/x-ndjson; charset=gb18030"] {
            assert_eq!(read(other), Err(Code::CharsetUnsupported), "{other}");
        }
        for other in ["", "text/html", "application/json", "multipart/form-data; boundary=x"] {
            assert_eq!(read(other), Err(Code::ImportFormat), "{other}");
        }
    }

    #[test]
    fn only_text_in_the_declared_characters_is_text() {
        let zhang_san = b"\xd5\xc5\xc8\xfd";
        assert_eq!(Charset::Gb18030.decode(zhang_san).unwrap(), "张三");
        assert_eq!(Charset::Utf8.decode(zhang_san), Err(Code::InvalidUtf8));
        // A character of four bytes, beyond the basic plane.
        assert_eq!(Charset::Gb18030.decode(b"\x95\x32\x82\x36").unwrap(), "\u{20000}");
        assert_eq!(Charset::Gb18030.decode(b"\xd5\xff"), Err(Code::ImportCharset));
        assert_eq!(Charset::Gb18030.decode(b"\x84\x31\x95\x33x").unwrap(), "x");
        assert_eq!(Charset::Utf8.decode("\u{feff}x".as_bytes()).unwrap(), "x");
    }
}
