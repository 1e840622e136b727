//! Identity documents and the rules of their numbers, as GB 11643 and the papers of Hong Kong,
//! Macao, Taiwan and foreign residents have them. Whether a number exists is not known here.
//!
//! Only the first two digits of an address are checked: counties are abolished all the time, and
//! people keep the numbers that were made of them.

use std::fmt;

use chrono::{Datelike as _, NaiveDate};
use serde::{Deserialize, Serialize};

use super::{error::Code, text::narrow};

/// What kind of paper somebody showed; its holder chooses, since the formats overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// 居民身份证.
    ResidentId,
    /// 港澳台居民居住证.
    ResidencePermit,
    /// 外国人永久居留身份证, of 2017 or 2023.
    ForeignPermanentResident,
    /// 港澳居民来往内地通行证.
    HkMoPass,
    /// 台湾居民来往大陆通行证.
    TaiwanPass,
    /// 护照, of any state.
    Passport,
}

impl DocumentKind {
    pub const ALL: [Self; 6] = [
        Self::ResidentId,
        Self::ResidencePermit,
        Self::ForeignPermanentResident,
        Self::HkMoPass,
        Self::TaiwanPass,
        Self::Passport,
    ];

    /// The word in SQL, JSON and CSV.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ResidentId => "resident_id",
            Self::ResidencePermit => "residence_permit",
            Self::ForeignPermanentResident => "foreign_permanent_resident",
            Self::HkMoPass => "hk_mo_pass",
            Self::TaiwanPass => "taiwan_pass",
            Self::Passport => "passport",
        }
    }

    /// The kind behind [`DocumentKind::as_str`].
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    Male,
    Female,
}

impl Sex {
    /// The word in SQL, JSON and CSV.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Male => "male",
            Self::Female => "female",
        }
    }
}

/// A number of the 18-character rule: six of address, eight of birth, three of sequence, one of
/// check; the `X` upper-case. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct IdNumber(String);

const ID_CHARACTERS: usize = 18;
const ID_CHARACTERS_BEFORE_2013: usize = 15;
/// Weights of the first 17 digits and the check characters by remainder: ISO 7064 MOD 11-2.
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: &[u8; 11] = b"10X98765432";

impl IdNumber {
    pub fn birth_date(&self) -> NaiveDate {
        date_of(&self.0[6..14]).expect("the constructor read this very date")
    }

    /// An odd sequence number is a man's.
    pub fn sex(&self) -> Sex {
        if self.0.as_bytes()[16] % 2 == 1 { Sex::Male } else { Sex::Female }
    }
}

impl TryFrom<&str> for IdNumber {
    type Error = Code;

    /// Takes full-width digits and `x`; refuses with `id_format`, `id_old_format`,
    /// `id_birth_date` or `id_checksum`.
    fn try_from(text: &str) -> Result<Self, Code> {
        let text = normalised(text)?;
        let digits = text.strip_suffix('X').unwrap_or(&text);
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Code::IdFormat);
        }
        match text.len() {
            ID_CHARACTERS => {}
            ID_CHARACTERS_BEFORE_2013 => return Err(Code::IdOldFormat),
            _ => return Err(Code::IdFormat),
        }
        if text.as_bytes()[17] != check_character(&text.as_bytes()[..17]) {
            return Err(Code::IdChecksum);
        }
        date_of(&text[6..14]).ok_or(Code::IdBirthDate)?;
        Ok(Self(text))
    }
}

impl TryFrom<String> for IdNumber {
    type Error = Code;
    fn try_from(text: String) -> Result<Self, Code> {
        Self::try_from(text.as_str())
    }
}

impl fmt::Debug for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdNumber(***)")
    }
}

/// A document as its holder showed it. `Debug` shows its kind only.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "RawDocument")]
pub struct Document {
    kind: DocumentKind,
    number: Number,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Number {
    Id(IdNumber),
    /// Three letters and twelve digits: foreigners' permanent residence cards of 2017.
    Card2017(String),
    Pass(String),
    Passport {
        /// ISO 3166-1 alpha-3, since two states may give the same number.
        issued_by: String,
        number: String,
    },
}

impl Document {
    /// Checks `number` by the rules of its kind; a passport also names who issued it (`CHN`).
    pub fn new(kind: DocumentKind, number: &str, issued_by: Option<&str>) -> Result<Self, Code> {
        let number = match kind {
            DocumentKind::ResidentId => Number::Id(id_of(number, is_province)?),
            DocumentKind::ResidencePermit => Number::Id(id_of(number, is_permit_region)?),
            DocumentKind::ForeignPermanentResident => foreign_card(number)?,
            DocumentKind::HkMoPass => Number::Pass(hk_mo_pass(number)?),
            DocumentKind::TaiwanPass => Number::Pass(taiwan_pass(number)?),
            DocumentKind::Passport => passport(number, issued_by)?,
        };
        Ok(Self { kind, number })
    }

    /// The document whose [`Document::number`] was kept.
    pub fn from_kept(kind: DocumentKind, number: &str) -> Result<Self, Code> {
        match number.split_once(':') {
            Some((issued_by, number)) => Self::new(kind, number, Some(issued_by)),
            None => Self::new(kind, number, None),
        }
    }

    pub fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// The whole number in its one form, for sealing; a passport's begins with its issuer and a
    /// colon.
    pub fn number(&self) -> String {
        match &self.number {
            Number::Id(number) => number.0.clone(),
            Number::Card2017(number) | Number::Pass(number) => number.clone(),
            Number::Passport { issued_by, number } => format!("{issued_by}:{number}"),
        }
    }

    /// What makes its holder unique, for the blind index.
    pub fn identity(&self) -> String {
        format!("{}:{}", self.kind.as_str(), self.number())
    }

    /// At most the first and last four characters, fewer of short numbers.
    pub fn masked(&self) -> String {
        let number = match &self.number {
            Number::Passport { number, .. } => number.clone(),
            Number::Id(_) | Number::Card2017(_) | Number::Pass(_) => self.number(),
        };
        let shown = if number.len() >= ID_CHARACTERS_BEFORE_2013 { 4 } else { 1 };
        let hidden = "*".repeat(number.len() - 2 * shown);
        format!("{}{hidden}{}", &number[..shown], &number[number.len() - shown..])
    }

    /// The birth date, where the number tells it.
    pub fn birth_date(&self) -> Option<NaiveDate> {
        match &self.number {
            Number::Id(number) => Some(number.birth_date()),
            Number::Card2017(_) | Number::Pass(_) | Number::Passport { .. } => None,
        }
    }

    /// The sex, where the number tells it.
    pub fn sex(&self) -> Option<Sex> {
        match &self.number {
            Number::Id(number) => Some(number.sex()),
            Number::Card2017(_) | Number::Pass(_) | Number::Passport { .. } => None,
        }
    }

    /// Whether somebody born on `birth` may hold this number: the short date in a card of 2017
    /// has no century, so it proves nothing alone.
    pub fn agrees_with_birth(&self, birth: NaiveDate) -> bool {
        match &self.number {
            Number::Id(number) => number.birth_date() == birth,
            Number::Card2017(number) => number[7..13] == birth.format("%y%m%d").to_string(),
            Number::Pass(_) | Number::Passport { .. } => true,
        }
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({}, ***)", self.kind.as_str())
    }
}

/// A document in JSON.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Document)]
pub struct RawDocument {
    #[serde(rename = "type")]
    kind: DocumentKind,
    #[schema(example = "330499199001010012")]
    number: String,
    /// Passports only: the issuing state, ISO 3166-1 alpha-3.
    issued_by: Option<String>,
}

impl TryFrom<RawDocument> for Document {
    type Error = Code;
    fn try_from(raw: RawDocument) -> Result<Self, Code> {
        Self::new(raw.kind, &raw.number, raw.issued_by.as_deref())
    }
}

/// Whole years since `birth` on `day`; who was born on 29 February has the birthday on the 28th in
/// common years. Negative before birth.
pub fn age_on(birth: NaiveDate, day: NaiveDate) -> i32 {
    let years = day.year() - birth.year();
    let birthday =
        birth.with_year(day.year()).or_else(|| NaiveDate::from_ymd_opt(day.year(), 2, 28));
    if birthday.is_some_and(|birthday| day < birthday) { years - 1 } else { years }
}

/// More characters than any document has; what is longer is not even read.
const NUMBER_BYTES_MAX: usize = 80;

/// Narrow, upper-case, without blanks around it.
fn normalised(text: &str) -> Result<String, Code> {
    if text.len() > NUMBER_BYTES_MAX {
        return Err(Code::IdFormat);
    }
    let text: String = text.chars().map(narrow).map(|c| c.to_ascii_uppercase()).collect();
    let text = text.trim_matches(' ');
    let fits = text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    fits.then(|| text.to_owned()).ok_or(Code::IdFormat)
}

fn id_of(text: &str, is_region: fn(&str) -> bool) -> Result<IdNumber, Code> {
    let number = IdNumber::try_from(text)?;
    if is_region(&number.0[..6]) { Ok(number) } else { Err(Code::IdRegion) }
}

/// GB/T 2260 provinces; 81 to 83 are on residence permits only.
fn is_province(address: &str) -> bool {
    matches!(
        address[..2].parse::<u8>(),
        Ok(11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71)
    )
}

fn is_permit_region(address: &str) -> bool {
    matches!(address, "810000" | "820000" | "830000")
}

/// `9`, the province of issue and the numeric nationality.
fn is_foreigners(address: &str) -> bool {
    address.starts_with('9') && is_province(&address[1..3])
}

fn foreign_card(text: &str) -> Result<Number, Code> {
    let text = normalised(text)?;
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return id_of(&text, is_foreigners).map(Number::Id);
    }
    let (letters, digits) = text.split_at_checked(3).ok_or(Code::IdFormat)?;
    if !is_letters(letters) || !is_digits(digits, 12) {
        return Err(Code::IdFormat);
    }
    // 2000 was a leap year: what is no date in it is none in 1900 either.
    date_of(&format!("20{}", &digits[4..10])).ok_or(Code::IdBirthDate)?;
    Ok(Number::Card2017(text))
}

/// The letter and the lifelong eight digits; the number of reissues that older cards add is not
/// part of whose it is.
fn hk_mo_pass(text: &str) -> Result<String, Code> {
    let text = normalised(text)?;
    let digits = text.strip_prefix(['H', 'M']).ok_or(Code::IdFormat)?;
    if is_digits(digits, 8) || is_digits(digits, 10) {
        return Ok(text[..9].to_owned());
    }
    Err(Code::IdFormat)
}

fn taiwan_pass(text: &str) -> Result<String, Code> {
    let text = normalised(text)?;
    if is_digits(&text, 8) { Ok(text) } else { Err(Code::IdFormat) }
}

fn passport(text: &str, issued_by: Option<&str>) -> Result<Number, Code> {
    let number = normalised(text)?;
    let issued_by = issued_by.map(normalised).transpose()?.unwrap_or_default();
    let fits = (5..=17).contains(&number.len()) && issued_by.len() == 3 && is_letters(&issued_by);
    if fits { Ok(Number::Passport { issued_by, number }) } else { Err(Code::IdFormat) }
}

fn is_letters(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_uppercase())
}

fn is_digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit())
}

/// The date behind `YYYYMMDD`, if there was such a day.
fn date_of(digits: &str) -> Option<NaiveDate> {
    let part = |range: std::ops::Range<usize>| digits.get(range)?.parse::<u32>().ok();
    let year = i32::try_from(part(0..4)?).ok()?;
    NaiveDate::from_ymd_opt(year, part(4..6)?, part(6..8)?)
}

/// The check character of 17 digits.
fn check_character(digits: &[u8]) -> u8 {
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(b, weight)| u32::from(b - b'0') * weight).sum();
    CHECKS[(sum % 11) as usize]
}

/// A resident number of county 330499, which no one has, with its valid check character.
#[cfg(test)]
pub fn number_for_tests(birth: NaiveDate, sequence: u32) -> String {
    let digits = format!("330499{}{sequence:03}", birth.format("%Y%m%d"));
    let check = check_character(digits.as_bytes());
    format!("{digits}{}", char::from(check))
}

#[cfg(test)]
mod tests;
