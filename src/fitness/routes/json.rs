//! The JSON of fitness tests. Values are decimals with at most three digits behind the point.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    base::{
        clock::Given,
        documents::Sex,
        error::{Code, Error},
        ids::{DivisionCode, MemberId, TerminalId, VenueId},
    },
    fitness::{
        AGAIN_AFTER, Advice, Entered, Grade, Milli, Move, NO_DIAGNOSIS, Need, NewTest, Plan,
        Progress, Scored, StandardView, Test, Trend, advice, name_of, oldest_first, trends,
    },
};

/// Items of one test.
const ITEMS_MAX: usize = 40;
/// Characters of a device's name for a test.
const RECORD_BYTES_MAX: usize = 64;
/// Thousandths of a unit.
const THOUSANDTHS: f64 = 1000.0;
/// How far a decimal may be from thousandths, for it to be one that was written with three digits.
const SLACK: f64 = 1e-6;
/// Below here a float misses the decimal it stands for by less than [`SLACK`]; it is far beyond
/// what anybody measures.
const SCALED_END: f64 = 1e9;

/// A measured item.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FitnessItem)]
pub struct ItemBody {
    /// As the standard calls it.
    #[schema(example = "grip_strength")]
    item: String,
    #[schema(example = 41.5)]
    value: f64,
}

/// The items of a test in thousandths; refuses what is no such number, and too many.
pub fn measured(items: Vec<ItemBody>) -> Result<Vec<(String, Milli)>, Error> {
    let wrong = || Error::invalid("/items", Code::FitnessItems);
    if items.len() > ITEMS_MAX {
        return Err(Error::invalid("/items", Code::TooManyItems));
    }
    let exact = |one: ItemBody| {
        let scaled = one.value * THOUSANDTHS;
        let fits = scaled.abs() < SCALED_END && (scaled - scaled.round()).abs() < SLACK;
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and below 10^9")]
        fits.then(|| (one.item, scaled.round() as Milli)).ok_or_else(wrong)
    };
    items.into_iter().map(exact).collect()
}

fn decimal(value: Milli) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "values are far below 2^53")]
    let value = value as f64;
    value / THOUSANDTHS
}

/// Hundredths of a point as points.
fn points(hundredths: i64) -> f64 {
    decimal(hundredths * 10)
}

#[derive(Serialize, ToSchema)]
#[schema(as = FitnessHistory)]
pub struct HistoryJson {
    /// The newest first.
    items: Vec<TestJson>,
    trends: Vec<TrendJson>,
}

impl HistoryJson {
    pub fn of(history: Vec<Test>) -> Self {
        let trends = trends(&oldest_first(&history)).into_iter().map(TrendJson::from).collect();
        Self { items: history.into_iter().map(TestJson::from).collect(), trends }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = FitnessTest)]
pub struct TestJson {
    id: Uuid,
    tested_at: DateTime<Utc>,
    venue_id: Option<VenueId>,
    /// Name and version of the standard.
    standard: String,
    standard_version: i32,
    /// Nobody has compared the standard with the official text yet: points are provisional, and
    /// there is no grade.
    provisional: bool,
    by_device: bool,
    /// In completed years on the day of the test.
    age: i32,
    sex: Sex,
    items: Vec<ScoredJson>,
    /// 0 to 100; null while a weighted item has no points.
    total: Option<f64>,
    grade: Option<Grade>,
    grade_title: Option<&'static str>,
    /// Weighted items without points.
    missing: Vec<String>,
}

impl From<Test> for TestJson {
    fn from(test: Test) -> Self {
        let Test { id, tested_at, venue, standard, compared, by_device, outcome, .. } = test;
        let grade = outcome.grade.filter(|_| compared);
        Self {
            id,
            tested_at,
            venue_id: venue,
            standard: standard.0,
            standard_version: standard.1,
            provisional: !compared,
            by_device,
            age: outcome.age,
            sex: outcome.sex,
            items: outcome.items.into_iter().map(ScoredJson::from).collect(),
            total: outcome.total.map(points),
            grade,
            grade_title: grade.map(Grade::zh),
            missing: outcome.missing,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = FitnessItemScored)]
struct ScoredJson {
    item: String,
    name: Option<&'static str>,
    value: f64,
    /// 0 to 100; null where the standard has no bands for the person.
    points: Option<i32>,
}

impl From<Scored> for ScoredJson {
    fn from(scored: Scored) -> Self {
        let Scored { item, value, score } = scored;
        Self { name: name_of(&item), item, value: decimal(value), points: score }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = FitnessTrend)]
struct TrendJson {
    item: String,
    name: Option<&'static str>,
    /// Against the time before and the first time, by points for one's own age and sex.
    since_last: Move,
    since_first: Move,
    /// Oldest first.
    points: Vec<TrendPoint>,
}

#[derive(Serialize, ToSchema)]
struct TrendPoint {
    day: NaiveDate,
    value: f64,
    points: Option<i32>,
}

impl From<Trend> for TrendJson {
    fn from(trend: Trend) -> Self {
        let Trend { item, points, since_last, since_first } = trend;
        let point = |(day, value, points)| TrendPoint { day, value: decimal(value), points };
        let points = points.into_iter().map(point).collect();
        Self { name: name_of(&item), item, since_last, since_first, points }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = FitnessGuidance)]
pub struct GuidanceJson {
    /// Null without a test.
    tested_at: Option<DateTime<Utc>>,
    provisional: bool,
    /// What needs most comes first.
    items: Vec<AdviceJson>,
    plan: Option<PlanJson>,
    /// The plan is over, or the test is half a year old.
    test_again: bool,
    note: &'static str,
    note_en: &'static str,
}

impl GuidanceJson {
    pub fn of(test: Option<Test>, plan: Option<(Plan, Progress)>, now: DateTime<Utc>) -> Self {
        let tested_at = test.as_ref().map(|test| test.tested_at);
        let is_over = |test: &Test| {
            let mut plans = plan.iter();
            plans.any(|(plan, _)| test.tested_on < plan.ends_on && plan.ends_on < now.date_naive())
        };
        let test_again =
            test.as_ref().is_some_and(|test| now - test.tested_at >= AGAIN_AFTER || is_over(test));
        let said = test.as_ref().map(|test| advice(&test.outcome)).unwrap_or_default();
        let (note, note_en) = NO_DIAGNOSIS;
        Self {
            tested_at,
            provisional: test.is_some_and(|test| !test.compared),
            items: said.into_iter().map(AdviceJson::from).collect(),
            plan: plan.map(PlanJson::from),
            test_again,
            note,
            note_en,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = FitnessAdvice)]
struct AdviceJson {
    item: String,
    name: &'static str,
    name_en: &'static str,
    need: Need,
    sentence: String,
    sentence_en: String,
}

impl From<Advice> for AdviceJson {
    fn from(advice: Advice) -> Self {
        let Advice { item, name, name_en, need, sentence, sentence_en } = advice;
        Self { item, name, name_en, need, sentence, sentence_en }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = FitnessPlan)]
struct PlanJson {
    id: Uuid,
    test_id: Uuid,
    text: String,
    weekly_minutes: i32,
    starts_on: NaiveDate,
    ends_on: NaiveDate,
    /// What it asked for up to today.
    minutes_planned: i64,
    /// Measured by doors, or corrected, since it began.
    minutes_attended: i64,
}

impl From<(Plan, Progress)> for PlanJson {
    fn from((plan, progress): (Plan, Progress)) -> Self {
        let Plan { id, test, text, weekly_minutes, starts_on, ends_on } = plan;
        let Progress { minutes_planned, minutes_attended } = progress;
        Self {
            id,
            test_id: test,
            text,
            weekly_minutes,
            starts_on,
            ends_on,
            minutes_planned,
            minutes_attended,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = FitnessStandards)]
pub struct StandardsJson {
    items: Vec<StandardJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FitnessStandard)]
struct StandardJson {
    name: String,
    version: i32,
    /// SHA-256 over both files.
    digest: String,
    loaded_at: DateTime<Utc>,
    /// Null while nobody has compared it with the official text.
    compared_at: Option<DateTime<Utc>>,
    compared_with: Option<String>,
    measures: Vec<MeasureJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FitnessMeasure)]
struct MeasureJson {
    item: String,
    name: Option<&'static str>,
    /// Null for an item that the standard weighs and has no bands for.
    unit: Option<String>,
}

impl From<Vec<StandardView>> for StandardsJson {
    fn from(views: Vec<StandardView>) -> Self {
        let measure = |(item, unit): (String, _)| MeasureJson { name: name_of(&item), item, unit };
        let standard = |view: StandardView| StandardJson {
            name: view.name,
            version: view.version,
            digest: view.digest,
            loaded_at: view.loaded_at,
            compared_at: view.compared_at,
            compared_with: view.compared_with,
            measures: view.items.into_iter().map(measure).collect(),
        };
        Self { items: views.into_iter().map(standard).collect() }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FitnessUpload)]
pub struct DeviceBody {
    /// At most 50.
    pub tests: Vec<DeviceTest>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FitnessUploadTest)]
pub struct DeviceTest {
    /// The device's own name for the test, 1 to 64 visible characters, never used twice.
    pub record: String,
    /// As the roster names people.
    member: MemberId,
    tested_at: Given,
    items: Vec<ItemBody>,
}

impl DeviceTest {
    pub fn into_new(self, community: &DivisionCode, device: TerminalId) -> Result<NewTest, Error> {
        let fits = (1..=RECORD_BYTES_MAX).contains(&self.record.len())
            && self.record.bytes().all(|b| b.is_ascii_graphic());
        if !fits {
            return Err(Error::invalid("/record", Code::InvalidValue));
        }
        Ok(NewTest {
            member: self.member,
            community: community.clone(),
            venue: None,
            tested_at: self.tested_at.0,
            measured: measured(self.items)?,
            record: Some((device, self.record)),
        })
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = FitnessUploadAnswer)]
pub struct DeviceAnswer {
    pub items: Vec<DeviceResult>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FitnessUploadResult)]
pub struct DeviceResult {
    record: String,
    /// `accepted`, `duplicate` or `refused`.
    result: &'static str,
    /// The code of the refusal.
    reason: Option<&'static str>,
}

impl DeviceResult {
    /// What the device is told; what passes, or nobody planned, is the whole request's error.
    pub fn of(record: String, entered: Result<Entered, Error>) -> Result<Self, Error> {
        let refused = |code: Code| ("refused", Some(code.as_str()));
        let (result, reason) = match entered {
            Ok(Entered::Taken(_)) => ("accepted", None),
            Ok(Entered::Known) => ("duplicate", None),
            Err(Error::Invalid(faults)) => {
                refused(faults.first().map_or(Code::InvalidValue, |fault| fault.code))
            }
            Err(Error::Forbidden(code) | Error::NotFound(code)) => refused(code),
            Err(other) => return Err(other),
        };
        Ok(Self { record, result, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_three_digits_behind_the_point_at_most() {
        let read = |value| measured(vec![ItemBody { item: "bmi".to_owned(), value }]).ok();
        for (value, milli) in [(28.0, 28_000), (0.58, 580), (-4.35, -4_350), (9999.999, 9_999_999)]
        {
            assert_eq!(read(value), Some(vec![("bmi".to_owned(), milli)]), "{value}");
        }
        for bad in [28.00001, 9999.9999, 0.0005, 1e6, -1e300, f64::NAN] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
