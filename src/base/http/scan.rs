//! A strict look at a JSON text before it is read into a type: one pass, no allocation but the
//! list of keys. serde alone would take the last of two equal keys in a free map, show nesting in
//! its messages, and let control characters through; and none of it says where, as a pointer.

use std::borrow::Cow;

use super::lexeme::{self, Lexer, Size};
use crate::base::error::{Code, Fault};

/// What a text may hold at most.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Levels of arrays and objects in one another.
    pub depth: usize,
    /// Items of one array, and keys of one object.
    pub items: usize,
    /// Magnitude of an integer; 2^53 - 1 is the largest that every JSON reader keeps exact.
    pub integer: u64,
    /// Faults told at once; the scan goes on, since broken syntax outranks them.
    pub faults: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { depth: 16, items: 10_000, integer: (1 << 53) - 1, faults: 20 }
    }
}

/// Why a text cannot be read at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Utf8,
    Syntax,
    /// So deep that nothing more is looked at.
    Depth,
    /// An array or object over its bound; nothing behind it is looked at.
    Items,
}

/// Levels beyond which the scan itself stops.
const DEPTH_ABSOLUTE_MAX: usize = 128;

/// Checks a whole text. The faults name their places by JSON pointers; each also has the level
/// at which a caller that answers per item can cut them.
pub fn scan(text: &[u8], bounds: &Bounds) -> Result<Vec<Fault>, Refusal> {
    std::str::from_utf8(text).map_err(|_| Refusal::Utf8)?;
    let mut scanner = Scanner::new(text, *bounds);
    scanner.run()?;
    Ok(scanner.faults)
}

/// Whether the end of an array or object counts as a place: it is where a field is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    Count,
    Ignore,
}

/// The pointer to the last key, value or end of a container that begins before `offset`; for a
/// text that [`scan`] has passed.
pub fn pointer_before(text: &[u8], offset: usize, ends: Ends) -> String {
    let bounds = Bounds { faults: 0, ..Bounds::default() };
    let mut scanner = Scanner::new(text, bounds);
    scanner.until = offset;
    scanner.ends = ends;
    // It stops at the offset by failing; what matters is how far it came.
    let _ = scanner.run();
    scanner.reached
}

/// One open array or object.
struct Level {
    /// Where this object's keys begin in the list of keys; nothing for an array.
    keys_from: Option<usize>,
    /// Items or keys so far; the current one is the last.
    count: usize,
}

struct Scanner<'a> {
    lexer: Lexer<'a>,
    bounds: Bounds,
    levels: Vec<Level>,
    /// The keys of all open objects, unescaped, innermost last.
    keys: Vec<Cow<'a, [u8]>>,
    faults: Vec<Fault>,
    until: usize,
    ends: Ends,
    reached: String,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a [u8], bounds: Bounds) -> Self {
        Self {
            lexer: Lexer { text, at: 0 },
            bounds,
            levels: Vec::with_capacity(8),
            keys: Vec::with_capacity(32),
            faults: Vec::new(),
            until: usize::MAX,
            ends: Ends::Ignore,
            reached: String::new(),
        }
    }

    fn run(&mut self) -> Result<(), Refusal> {
        self.lexer.skip_space();
        self.value()?;
        while let Some(level) = self.levels.last() {
            let is_object = level.keys_from.is_some();
            self.lexer.skip_space();
            match (self.lexer.next()?, is_object) {
                (b',', _) => {
                    self.lexer.skip_space();
                    self.begin_item(is_object)?;
                    self.value()?;
                }
                (b'}', true) | (b']', false) => self.close()?,
                _ => return Err(Refusal::Syntax),
            }
        }
        self.lexer.skip_space();
        if self.lexer.at == self.lexer.text.len() { Ok(()) } else { Err(Refusal::Syntax) }
    }

    /// A value up to its end, or up to and with the first item of a container in it.
    fn value(&mut self) -> Result<(), Refusal> {
        loop {
            self.note_place()?;
            let byte = self.lexer.next()?;
            if !matches!(byte, b'{' | b'[') {
                return self.scalar(byte);
            }
            self.open(byte == b'{')?;
            self.lexer.skip_space();
            match (self.lexer.peek(), byte) {
                (Some(b'}'), b'{') | (Some(b']'), b'[') => {
                    self.lexer.at += 1;
                    return self.close();
                }
                _ => self.begin_item(byte == b'{')?,
            }
        }
    }

    fn open(&mut self, is_object: bool) -> Result<(), Refusal> {
        if self.levels.len() == DEPTH_ABSOLUTE_MAX {
            return Err(Refusal::Depth);
        }
        let keys_from = is_object.then_some(self.keys.len());
        self.levels.push(Level { keys_from, count: 0 });
        if self.levels.len() == self.bounds.depth + 1 {
            self.fault(String::new(), Code::TooDeep);
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Refusal> {
        if let Some(Level { keys_from: Some(from), .. }) = self.levels.pop() {
            self.keys.truncate(from);
        }
        if self.until < self.lexer.at {
            return Err(Refusal::Syntax);
        }
        if self.ends == Ends::Count && self.until != usize::MAX {
            self.reached = self.pointer();
        }
        Ok(())
    }

    /// Counts an item; for an object also reads its key and colon.
    fn begin_item(&mut self, is_object: bool) -> Result<(), Refusal> {
        let items_max = self.bounds.items;
        let level = self.levels.last_mut().ok_or(Refusal::Syntax)?;
        level.count += 1;
        if level.count > items_max.min(if is_object { KEYS_MAX } else { usize::MAX }) {
            return Err(Refusal::Items);
        }
        if !is_object {
            return Ok(());
        }
        if self.lexer.next()? != b'"' {
            return Err(Refusal::Syntax);
        }
        self.key()?;
        self.lexer.skip_space();
        if self.lexer.next()? != b':' {
            return Err(Refusal::Syntax);
        }
        self.lexer.skip_space();
        Ok(())
    }

    fn key(&mut self) -> Result<(), Refusal> {
        let start = self.lexer.at;
        let string = self.lexer.string()?;
        let raw = &self.lexer.text[start..self.lexer.at - 1];
        let key = if string.is_escaped { lexeme::unescape(raw)? } else { Cow::Borrowed(raw) };
        let from = self.levels.last().and_then(|level| level.keys_from).unwrap_or(0);
        let is_repeated = self.keys[from..].contains(&key);
        self.keys.push(key);
        if self.until <= start {
            return Err(Refusal::Syntax);
        }
        if self.until != usize::MAX {
            self.reached = self.pointer();
        }
        if is_repeated {
            self.fault(self.pointer(), Code::DuplicateField);
        }
        if string.has_control {
            self.fault(self.pointer(), Code::ControlCharacter);
        }
        Ok(())
    }

    fn scalar(&mut self, first: u8) -> Result<(), Refusal> {
        match first {
            b'"' => {
                if self.lexer.string()?.has_control {
                    self.fault(self.pointer(), Code::ControlCharacter);
                }
                Ok(())
            }
            b't' => self.lexer.word(b"rue"),
            b'f' => self.lexer.word(b"alse"),
            b'n' => self.lexer.word(b"ull"),
            b'-' | b'0'..=b'9' => {
                if self.lexer.number(first, self.bounds.integer)? == Size::TooLarge {
                    self.fault(self.pointer(), Code::OutOfRange);
                }
                Ok(())
            }
            _ => Err(Refusal::Syntax),
        }
    }

    fn fault(&mut self, pointer: String, code: Code) {
        if self.faults.len() < self.bounds.faults {
            self.faults.push(Fault { pointer, code });
        }
    }

    fn note_place(&mut self) -> Result<(), Refusal> {
        if self.until == usize::MAX {
            return Ok(());
        }
        if self.lexer.at >= self.until {
            return Err(Refusal::Syntax);
        }
        self.reached = self.pointer();
        Ok(())
    }

    /// The pointer to where the scan stands. A key that is not a plausible field name ends it,
    /// so that nothing a person typed is ever repeated.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for (depth, level) in self.levels.iter().enumerate() {
            if level.count == 0 {
                break;
            }
            let Some(from) = level.keys_from else {
                pointer.push('/');
                pointer.push_str(&(level.count - 1).to_string());
                continue;
            };
            let next = self.levels[depth + 1..].iter().find_map(|inner| inner.keys_from);
            let own = &self.keys[from..next.unwrap_or(self.keys.len())];
            let Some(name) = own.last().and_then(|key| as_field_name(key)) else { break };
            pointer.push('/');
            pointer.push_str(name);
        }
        pointer
    }
}

/// Keys of one object; more make the search for equal ones slow, and no form has as many.
const KEYS_MAX: usize = 64;

fn as_field_name(key: &[u8]) -> Option<&str> {
    let is_plausible = key.len() <= 40
        && key.first().is_some_and(u8::is_ascii_lowercase)
        && key.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_');
    is_plausible.then(|| std::str::from_utf8(key).ok()).flatten()
}
