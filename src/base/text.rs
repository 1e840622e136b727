//! Texts of people, valid by their type: names and phone numbers. They show nothing in `Debug`
//! and cannot be serialised by accident; what may be shown has been asked for by name.

use std::fmt;

use serde::Deserialize;
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};
use unicode_segmentation::UnicodeSegmentation as _;

use super::error::Code;

/// What a person may call one character; ethnic names with their dots reach forty.
const NAME_GRAPHEMES_MAX: usize = 50;
/// Fifty rare Chinese characters of four bytes, with room for marks on Latin letters.
const NAME_BYTES_MAX: usize = 256;
/// More marks on one letter than any orthography has are an attack on whoever displays it.
const MARKS_ON_A_LETTER_MAX: usize = 2;
/// The dot between the parts of an ethnic or foreign name, as the national standard writes it.
const MIDDLE_DOT: char = '·';

/// A real name: Chinese characters, with middle dots in ethnic and foreign names, or Latin
/// letters. In NFC, so that equal names are equal texts.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct PersonName {
    name: String,
    written: Option<String>,
}

impl PersonName {
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// How it was written, where that is another text: with other dots, or another apostrophe.
    pub fn written(&self) -> Option<&str> {
        self.written.as_deref()
    }

    fn new(name: String, written: String) -> Self {
        let written = (written != name).then_some(written);
        Self { name, written }
    }

    /// The first character and a star (张*); a name of one character shows only the star.
    pub fn masked(&self) -> String {
        let mut graphemes = self.name.graphemes(true);
        match (graphemes.next(), graphemes.next()) {
            (Some(first), Some(_)) => format!("{first}*"),
            _ => "*".to_owned(),
        }
    }
}

impl TryFrom<&str> for PersonName {
    type Error = Code;

    /// Refuses with `name_length` or `name_characters`.
    fn try_from(text: &str) -> Result<Self, Code> {
        let text = text.trim_matches([' ', '\u{3000}']);
        // Before normalisation, which is not free on megabytes.
        if text.is_empty() || text.len() > 2 * NAME_BYTES_MAX {
            return Err(Code::NameLength);
        }
        let written: String = text.nfc().collect();
        if written.len() > NAME_BYTES_MAX || written.graphemes(true).count() > NAME_GRAPHEMES_MAX {
            return Err(Code::NameLength);
        }
        let (name, fits) = if written.starts_with(is_han) {
            let dotted = |c| if is_dot(c) { MIDDLE_DOT } else { c };
            let name: String = written.chars().map(dotted).collect();
            let fits = is_chinese_name(&name);
            (name, fits)
        } else {
            let name = written.replace('\u{2019}', "'");
            let fits = is_latin_name(&name);
            (name, fits)
        };
        fits.then(|| Self::new(name, written)).ok_or(Code::NameCharacters)
    }
}

/// Every dot that keyboards offer for the one between the parts of a name.
fn is_dot(c: char) -> bool {
    matches!(
        c,
        '·' | '•' | '・' | '.' | '\u{ff0e}' | '\u{ff65}' | '\u{2027}' | '\u{2219}' | '\u{22c5}'
    )
}

/// Chinese characters of all planes, with those that Unicode may yet add to planes 2 and 3: a
/// person's rare character must not wait for our next release.
fn is_han(c: char) -> bool {
    matches!(
        c,
        '\u{3007}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{fa0e}'..='\u{fa29}'
            | '\u{20000}'..='\u{2fffd}'
            | '\u{30000}'..='\u{3fffd}'
    )
}

/// Parts of Chinese characters with one dot between two parts.
fn is_chinese_name(name: &str) -> bool {
    name.split(MIDDLE_DOT).all(|part| !part.is_empty() && part.chars().all(is_han))
}

/// Latin letters with their marks; between them single spaces, hyphens, apostrophes and dots, and
/// a space after a dot (J. R. R.).
fn is_latin_name(name: &str) -> bool {
    let (mut before, mut marks) = (None, 0);
    for c in name.chars() {
        let fits = match c {
            _ if is_latin_letter(c) => true,
            _ if is_combining_mark(c) => {
                marks < MARKS_ON_A_LETTER_MAX && before.is_some_and(|b| !is_joint(b))
            }
            ' ' => before.is_some_and(|b| b == '.' || !is_joint(b)),
            _ => is_joint(c) && before.is_some_and(|b| !is_joint(b)),
        };
        if !fits {
            return false;
        }
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        before = Some(c);
    }
    before.is_some_and(|last| last == '.' || !is_joint(last))
}

fn is_joint(c: char) -> bool {
    matches!(c, ' ' | '-' | '\'' | '.' | MIDDLE_DOT)
}

/// Basic Latin to Latin Extended-B, and Latin Extended Additional: every Latin orthography in use.
fn is_latin_letter(c: char) -> bool {
    c.is_alphabetic()
        && matches!(c, 'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

/// A mobile phone number of the mainland, as `+8613900000000`.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Phone(String);

/// Digits of a mobile number without the country's.
const MOBILE_DIGITS: usize = 11;

impl Phone {
    /// E.164, with the plus.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `139****0000`.
    pub fn masked(&self) -> String {
        let digits = &self.0["+86".len()..];
        format!("{}****{}", &digits[..3], &digits[7..])
    }
}

impl TryFrom<&str> for Phone {
    type Error = Code;

    /// Takes full-width digits, spaces, hyphens and the country's prefix; refuses with
    /// `phone_format`.
    fn try_from(text: &str) -> Result<Self, Code> {
        let text: String = text
            .chars()
            .map(narrow)
            .filter(|c| !matches!(c, ' ' | '-'))
            .take("0086".len() + MOBILE_DIGITS + 1)
            .collect();
        let digits = ["+86", "0086", "86"]
            .into_iter()
            .find_map(|prefix| text.strip_prefix(prefix))
            .unwrap_or(&text);
        let fits = digits.len() == MOBILE_DIGITS
            && digits.bytes().all(|b| b.is_ascii_digit())
            && matches!(digits.as_bytes(), [b'1', b'3'..=b'9', ..]);
        fits.then(|| Self(format!("+86{digits}"))).ok_or(Code::PhoneFormat)
    }
}

/// The narrow form of a full-width character (１ → 1, Ｘ → X, the wide space → a space).
pub fn narrow(c: char) -> char {
    const WIDE_TO_NARROW: u32 = 0xfee0;
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - WIDE_TO_NARROW).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    }
}

/// What these texts share: reading them out of JSON, and a `Debug` that tells nothing.
macro_rules! personal {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = Code;
            fn try_from(text: String) -> Result<Self, Code> {
                Self::try_from(text.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }
    )*};
}

personal!(PersonName, Phone);

/// What makes a spreadsheet take a text for a formula, and the quote that keeps it from doing so.
const LOADED: [char; 8] = ['=', '+', '-', '@', '\t', '\r', '\0', '\''];

/// A cell of a table: with a quote before whatever might be run, or might be taken for such a
/// quote (ASVS 1.2.10).
pub fn safe_cell(text: &str) -> String {
    if text.starts_with(LOADED) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests;
