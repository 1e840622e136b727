//! Texts of statements, made once: they depend on which tables and columns take part, not on rows,
//! and putting one together takes longer than deciding an entry.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::Shape;

/// What a text is made of: addresses and lengths of constants, which are as good as their contents.
pub(super) type Ingredients = Vec<(usize, usize)>;

static TEXTS: Mutex<Option<HashMap<Ingredients, String>>> = Mutex::new(None);

/// The text made of `ingredients`; `make` makes it the first time.
pub(super) fn text(ingredients: Ingredients, make: impl FnOnce() -> String) -> String {
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    texts.get_or_insert_default().entry(ingredients).or_insert_with(make).clone()
}

pub(super) fn constant(text: &'static str) -> (usize, usize) {
    (text.as_ptr().addr(), text.len())
}

pub(super) fn shape(shape: Shape) -> (usize, usize) {
    (0, shape as usize)
}

/// Every text made so far by this process.
pub fn all() -> Vec<String> {
    let texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    texts.iter().flat_map(HashMap::values).cloned().collect()
}
