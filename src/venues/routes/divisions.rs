//! The JSON of divisions and communities, in and out, field by field.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::json::at;
use crate::{
    base::{
        error::{Code, Error},
        ids::DivisionCode,
    },
    venues::{self, NewDivision, terms::Name},
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DivisionBody {
    code: DivisionCode,
    name: String,
    /// From the census; what per-capita minutes are divided by.
    resident_population: Option<i64>,
}

impl DivisionBody {
    pub fn code(&self) -> &DivisionCode {
        &self.code
    }

    pub fn parse(self) -> Result<NewDivision, Error> {
        if self.resident_population.is_some_and(|people| people < 0) {
            return Err(Error::invalid("/resident_population", Code::OutOfRange));
        }
        Ok(NewDivision {
            name: at("/name", Name::parse(&self.name))?,
            code: self.code,
            resident_population: self.resident_population,
        })
    }
}

#[derive(Serialize, ToSchema)]
pub struct DivisionJson {
    pub code: String,
    pub name: String,
    /// `province`, `city`, `county`, `street` or `community`.
    pub level: String,
    pub resident_population: Option<i64>,
}

impl From<venues::DivisionView> for DivisionJson {
    fn from(view: venues::DivisionView) -> Self {
        let venues::DivisionView { code, name, level, resident_population } = view;
        Self { code, name, level, resident_population }
    }
}

#[derive(Serialize, ToSchema)]
pub struct CommunityJson {
    #[serde(flatten)]
    division: DivisionJson,
    /// Whether it has both a gym and a multi-sport court.
    complete: bool,
    /// Kinds of venues that it still lacks.
    lacking: Vec<&'static str>,
    /// The X of "2+X".
    others: u64,
    venues: Vec<KindCount>,
}

#[derive(Serialize, ToSchema)]
struct KindCount {
    kind: String,
    count: u64,
}

impl From<venues::CommunityView> for CommunityJson {
    fn from(view: venues::CommunityView) -> Self {
        let complete = view.two_plus_x.is_complete();
        let kinds = view.two_plus_x.kinds.into_iter();
        Self {
            division: view.division.into(),
            complete,
            lacking: view.two_plus_x.lacking,
            others: view.two_plus_x.others,
            venues: kinds.map(|(kind, count)| KindCount { kind, count }).collect(),
        }
    }
}
