//! Reads Rust source just far enough for the tidy checks: which paths of this crate a file names,
//! and how long its functions are. Not a parser; macros and odd layouts may slip through.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// One text file of the repository.
pub struct Source {
    /// Path from the repository's root, with `/`.
    pub path: String,
    pub text: String,
}

impl Source {
    /// The text with comments and the insides of literals blanked; lines stay where they were.
    pub fn code(&self) -> String {
        blank(&self.text)
    }

    pub fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|end| end == "rs")
    }
}

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Names that hold nothing written by hand (in a worktree `.git` is a file).
const MADE_FOLDERS: [&str; 5] = ["target", ".git", "node_modules", "dist", "out"];

/// All readable text files under `folder`, sorted by path.
pub fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if MADE_FOLDERS.iter().any(|made| entry.file_name() == *made) {
            continue;
        }
        if path.is_dir() {
            collect(&path, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(root()).expect("collected under the root");
            found.push(Source { path: path.to_string_lossy().replace('\\', "/"), text });
        }
    }
}

/// Every path after `crate::` in `code`, group imports spelt out: `crate::{a::b, c}` gives
/// `[a, b]` and `[c]`.
pub fn crate_paths(code: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for (at, found) in code.match_indices("crate::") {
        if at == 0 || !is_word(code.as_bytes()[at - 1]) {
            read_path(code.as_bytes(), at + found.len(), &[], &mut paths);
        }
    }
    paths
}

/// Reads one path or group at `at`; gives the place after it.
fn read_path(code: &[u8], at: usize, before: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let mut at = skip_blanks(code, at);
    if code.get(at) == Some(&b'{') {
        at = skip_blanks(code, at + 1);
        while at < code.len() && code[at] != b'}' {
            at = skip_blanks(code, read_path(code, at, before, paths));
            if code.get(at) == Some(&b',') {
                at = skip_blanks(code, at + 1);
            }
        }
        return at + 1;
    }
    let (word, mut at) = read_word(code, at);
    if word.is_empty() {
        paths.push(before.to_vec());
        return at + 1;
    }
    let path = [before, &[word]].concat();
    at = skip_blanks(code, at);
    if code[at..].starts_with(b"::") {
        return read_path(code, at + 2, &path, paths);
    }
    paths.push(path);
    if code[at..].starts_with(b"as ") {
        return read_word(code, skip_blanks(code, at + 3)).1;
    }
    at
}

fn read_word(code: &[u8], start: usize) -> (String, usize) {
    let length = code[start.min(code.len())..].iter().take_while(|byte| is_word(**byte)).count();
    (String::from_utf8_lossy(&code[start..start + length]).into_owned(), start + length)
}

fn skip_blanks(code: &[u8], at: usize) -> usize {
    at + code[at.min(code.len())..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether `code` names `word`, not merely a longer word that holds it.
pub fn names(code: &str, word: &str) -> bool {
    let is_whole = |at: usize| {
        let after = code.as_bytes().get(at + word.len());
        (at == 0 || !is_word(code.as_bytes()[at - 1])) && !after.is_some_and(|byte| is_word(*byte))
    };
    code.match_indices(word).any(|(at, _)| is_whole(at))
}

/// Name and length in lines (signature to closing brace) of every function with a body.
pub fn functions(code: &str) -> Vec<(String, usize)> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        if at > 0 && is_word(bytes[at - 1]) {
            continue;
        }
        let (name, after) = read_word(bytes, at + 3);
        if let Some(end) = (!name.is_empty()).then(|| body_end(bytes, after)).flatten() {
            found.push((name, code[at..end].lines().count()));
        }
    }
    found
}

/// Where the body that begins after `at` ends; none for a declaration without one.
fn body_end(code: &[u8], at: usize) -> Option<usize> {
    let mut round = 0_i32;
    let mut curly = 0_i32;
    for (offset, byte) in code[at..].iter().enumerate() {
        match byte {
            b'(' | b'[' => round += 1,
            b')' | b']' => round -= 1,
            b'{' => curly += 1,
            b'}' => {
                curly -= 1;
                if curly == 0 && round == 0 {
                    return Some(at + offset + 1);
                }
            }
            b';' if round == 0 && curly == 0 => return None,
            _ => {}
        }
    }
    None
}

/// What the scanner is inside of.
#[derive(Clone, Copy)]
enum Inside {
    Code,
    Line,
    /// Block comments nest.
    Block(usize),
    Text,
    /// A raw string closed by a quote and this many hashes.
    Raw(usize),
    Letter,
}

/// Blanks comments, strings and character literals, so that braces and words in them count for
/// nothing.
pub fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut inside = Inside::Code;
    let mut at = 0;
    while at < bytes.len() {
        let (next, width, keep) = step(inside, &bytes[at..], at > 0 && is_word(bytes[at - 1]));
        for byte in &bytes[at..(at + width).min(bytes.len())] {
            out.push(if keep || *byte == b'\n' { *byte } else { b' ' });
        }
        at += width;
        inside = next;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// One step of the scanner: what follows, how many bytes were read, whether they stay.
fn step(inside: Inside, rest: &[u8], after_word: bool) -> (Inside, usize, bool) {
    match inside {
        Inside::Code => step_in_code(rest, after_word),
        Inside::Line if rest[0] == b'\n' => (Inside::Code, 1, true),
        Inside::Line => (Inside::Line, 1, false),
        Inside::Block(depth) if rest.starts_with(b"*/") => {
            (if depth == 1 { Inside::Code } else { Inside::Block(depth - 1) }, 2, false)
        }
        Inside::Block(depth) if rest.starts_with(b"/*") => (Inside::Block(depth + 1), 2, false),
        Inside::Block(depth) => (Inside::Block(depth), 1, false),
        Inside::Text | Inside::Letter if rest[0] == b'\\' => (inside, 2, false),
        Inside::Text if rest[0] == b'"' => (Inside::Code, 1, false),
        Inside::Text => (Inside::Text, 1, false),
        Inside::Letter if rest[0] == b'\'' => (Inside::Code, 1, false),
        Inside::Letter => (Inside::Letter, 1, false),
        Inside::Raw(hashes) if rest[0] == b'"' && count_hashes(&rest[1..]) >= hashes => {
            (Inside::Code, 1 + hashes, false)
        }
        Inside::Raw(hashes) => (Inside::Raw(hashes), 1, false),
    }
}

fn step_in_code(rest: &[u8], after_word: bool) -> (Inside, usize, bool) {
    let hashes = count_hashes(&rest[1..]);
    match rest[0] {
        b'/' if rest.starts_with(b"//") => (Inside::Line, 2, false),
        b'/' if rest.starts_with(b"/*") => (Inside::Block(1), 2, false),
        b'"' => (Inside::Text, 1, false),
        b'r' if !after_word && rest.get(1 + hashes) == Some(&b'"') => {
            (Inside::Raw(hashes), 2 + hashes, false)
        }
        b'\'' if is_letter_literal(rest) => (Inside::Letter, 1, false),
        _ => (Inside::Code, 1, true),
    }
}

/// Tells `'x'` and `'\n'` from the lifetime `'x`.
fn is_letter_literal(rest: &[u8]) -> bool {
    let closed = rest.iter().take(6).skip(2).position(|byte| *byte == b'\'');
    match rest.get(1) {
        Some(b'\\') => true,
        Some(byte) if byte.is_ascii() => closed == Some(0),
        Some(_) => closed.is_some(),
        None => false,
    }
}

fn count_hashes(rest: &[u8]) -> usize {
    rest.iter().take_while(|byte| **byte == b'#').count()
}
