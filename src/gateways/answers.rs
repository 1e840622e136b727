//! What devices that are called say of one person, in this house's words; and a page of those whom
//! they hold. Every such family ends here. Pure.

use std::collections::BTreeSet;

/// A page of persons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub handles: BTreeSet<String>,
    /// Persons of the page, by whatever number.
    pub count: u32,
    pub more: bool,
}

/// Why a device did not do what it was told with a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    DuplicateFace,
    Full,
    BadPhoto,
    Other,
}

impl Refusal {
    /// The sentence for staff, with the device's own word for it, of which nothing but letters and
    /// digits is kept: a device may put a name into it.
    pub fn told(self, own: &str) -> String {
        let word = match self {
            Refusal::DuplicateFace => "人脸重复 duplicate face",
            Refusal::Full => "设备已满 full",
            Refusal::BadPhoto => "照片不合格 bad photo",
            Refusal::Other => "未写入 not taken",
        };
        let own: String = own.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
        format!("{word}: {own}")
    }

    /// By the words in what a device says.
    pub fn of_words(said: &str) -> Self {
        let lower = said.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        if has(&["existface", "duplicate", "similar", "repeat"]) {
            Refusal::DuplicateFace
        } else if has(&["full", "capacity", "exceed", "overlimit", "nomemory", "insufficient"]) {
            Refusal::Full
        } else if has(&["pic", "face", "model", "quality", "image", "photo"]) {
            Refusal::BadPhoto
        } else {
            Refusal::Other
        }
    }
}
