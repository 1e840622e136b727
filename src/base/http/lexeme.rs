//! The words of a JSON text: strings, numbers, literals, strictly by RFC 8259. Part of `scan`,
//! which knows how they are put together.

use std::borrow::Cow;

use super::scan::Refusal;

/// A place in a text that is valid UTF-8.
pub struct Lexer<'a> {
    pub text: &'a [u8],
    pub at: usize,
}

/// Whether an integer is within its bound; other numbers always fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    Fits,
    TooLarge,
}

/// Bytes that end a string, begin an escape, or may begin a control character; the rest of a
/// string is passed over, since most of every body is inside strings.
const NEEDS_A_LOOK: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    let others = [b'"', b'\\', 0x7f, 0xc2, 0xd8, 0xe2, 0xef];
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
};

/// What is known of a string.
pub struct Text {
    pub is_escaped: bool,
    pub has_control: bool,
}

impl Lexer<'_> {
    /// The rest of `true`, `false` or `null`.
    pub fn word(&mut self, rest: &[u8]) -> Result<(), Refusal> {
        let is_there = self.text[self.at..].starts_with(rest);
        self.at += rest.len();
        if is_there { Ok(()) } else { Err(Refusal::Syntax) }
    }

    /// The rest of a number whose first byte has been read, and whether it is an integer of a
    /// magnitude over `integer_max`. One that no float can hold is no number.
    pub fn number(&mut self, first: u8, integer_max: u64) -> Result<Size, Refusal> {
        let start = if first == b'-' { self.at } else { self.at - 1 };
        self.at = start;
        let digits = self.digits()?;
        if self.text[start] == b'0' && digits > 1 {
            return Err(Refusal::Syntax);
        }
        let integer = &self.text[start..self.at];
        let mut is_integer = true;
        if self.peek() == Some(b'.') {
            is_integer = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            is_integer = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        if !is_integer && !is_finite(&self.text[start..self.at]) {
            return Err(Refusal::Syntax);
        }
        Ok(if is_integer && exceeds(integer, integer_max) { Size::TooLarge } else { Size::Fits })
    }

    fn digits(&mut self) -> Result<usize, Refusal> {
        let count = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(Refusal::Syntax) } else { Ok(count) }
    }

    /// The rest of a string whose opening quote has been read.
    pub fn string(&mut self) -> Result<Text, Refusal> {
        let mut text = Text { is_escaped: false, has_control: false };
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.iter().position(|byte| NEEDS_A_LOOK[usize::from(*byte)]);
            self.at += plain.ok_or(Refusal::Syntax)?;
            match self.next()? {
                b'"' => return Ok(text),
                b'\\' => {
                    text.is_escaped = true;
                    text.has_control |= is_control(self.escape()?);
                }
                0..0x20 => return Err(Refusal::Syntax),
                0x7f => text.has_control = true,
                // First bytes of the encodings of all other control characters.
                0xc2 | 0xd8 | 0xe2 | 0xef => text.has_control |= is_control(self.char_here()),
                _ => {}
            }
        }
    }

    /// The character whose first byte has just been read.
    fn char_here(&self) -> u32 {
        let rest = &self.text[self.at - 1..];
        let rest = &rest[..rest.len().min(4)];
        let valid = rest.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        valid.chars().next().map_or(0, u32::from)
    }

    /// The character that an escape stands for.
    fn escape(&mut self) -> Result<u32, Refusal> {
        match self.next()? {
            byte @ (b'"' | b'\\' | b'/') => Ok(u32::from(byte)),
            b'b' => Ok(8),
            b'f' => Ok(12),
            b'n' => Ok(10),
            b'r' => Ok(13),
            b't' => Ok(9),
            b'u' => match self.hex4()? {
                high @ 0xd800..0xdc00 if self.text[self.at..].starts_with(b"\\u") => {
                    self.at += 2;
                    let low = self.hex4()?.checked_sub(0xdc00).filter(|low| *low < 0x400);
                    Ok(0x1_0000 + ((high - 0xd800) << 10) + low.ok_or(Refusal::Syntax)?)
                }
                0xd800..0xe000 => Err(Refusal::Syntax),
                other => Ok(other),
            },
            _ => Err(Refusal::Syntax),
        }
    }

    fn hex4(&mut self) -> Result<u32, Refusal> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = char::from(self.next()?).to_digit(16).ok_or(Refusal::Syntax)?;
            value = value * 16 + digit;
        }
        Ok(value)
    }

    pub fn next(&mut self) -> Result<u8, Refusal> {
        let byte = self.peek().ok_or(Refusal::Syntax)?;
        self.at += 1;
        Ok(byte)
    }

    pub fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}

/// C0 and C1 controls, line and paragraph separators, the byte order mark, and the characters
/// that change the direction of text, by which one text can be made to look like another.
pub fn is_control(character: u32) -> bool {
    matches!(
        character,
        0..=0x1f
            | 0x7f..=0x9f
            | 0x61c
            | 0x200e..=0x200f
            | 0x2028..=0x202e
            | 0x2066..=0x2069
            | 0xfeff
    )
}

/// A string's value from what stands between its quotes.
pub fn unescape(raw: &[u8]) -> Result<Cow<'_, [u8]>, Refusal> {
    let quoted = [b"\"", raw, b"\""].concat();
    let text: String = serde_json::from_slice(&quoted).map_err(|_| Refusal::Syntax)?;
    Ok(Cow::Owned(text.into_bytes()))
}

fn exceeds(digits: &[u8], max: u64) -> bool {
    let value = digits.iter().try_fold(0_u64, |so_far, digit| {
        so_far.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    value.is_none_or(|value| value > max)
}

fn is_finite(number: &[u8]) -> bool {
    std::str::from_utf8(number).ok().and_then(|t| t.parse::<f64>().ok()).is_some_and(f64::is_finite)
}
