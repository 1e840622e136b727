//! The JSON of residents' own minutes.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    base::ids::{SessionId, VenueId},
    minutes::{own, statement::Declarable, tables::minute_entry},
};

/// Minutes by provenance.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnFigures)]
pub struct FiguresJson {
    visits: i64,
    minutes: i64,
    measured: i64,
    self_declared: i64,
    estimated: i64,
    corrected: i64,
}

impl From<own::Sum> for FiguresJson {
    fn from(sum: own::Sum) -> Self {
        let own::Sum { visits, measured, self_declared, estimated, corrected } = sum;
        Self { visits, minutes: sum.total(), measured, self_declared, estimated, corrected }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = OwnMinutes)]
pub struct MinutesJson {
    /// Days or months with anything in them, the oldest first.
    pub items: Vec<PeriodJson>,
    pub total: FiguresJson,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OwnPeriod)]
pub struct PeriodJson {
    /// A business day, or the first day of a month.
    pub from: NaiveDate,
    #[serde(flatten)]
    pub figures: FiguresJson,
}

/// One stay.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnSession)]
pub struct StayJson {
    id: SessionId,
    venue: StayVenue,
    business_day: NaiveDate,
    entered_at: DateTime<Utc>,
    /// Null while inside.
    left_at: Option<DateTime<Utc>>,
    minutes: i32,
    /// `measured`, `self_declared`, `estimated` or `corrected`; null while inside.
    provenance: Option<String>,
    /// `exit`, `limit`, `next_entry`, `declared` or `correction`.
    ended_by: Option<String>,
    /// Why these minutes count, or do not.
    why: &'static str,
    why_en: &'static str,
    /// The version of the venue's rules by which it was judged.
    rule_version: i32,
    /// What was credited and taken back, the oldest first; the minutes are their sum.
    ledger: Vec<LedgerJson>,
    /// Which ends the resident may declare; null when it is not, or no longer, theirs to say.
    may_declare: Option<DeclarableJson>,
    /// A dispute about it is open.
    disputed: bool,
}

/// Ends of a stay that its resident may declare.
#[derive(Serialize, ToSchema)]
#[schema(as = DeclarableEnds)]
struct DeclarableJson {
    /// The first and the last end that are taken now: within the stay and the last 48 hours.
    earliest: DateTime<Utc>,
    latest: DateTime<Utc>,
    /// Until when the last end of all is taken.
    until: DateTime<Utc>,
}

impl From<Declarable> for DeclarableJson {
    fn from(Declarable { earliest, latest, until }: Declarable) -> Self {
        Self { earliest, latest, until }
    }
}

#[derive(Serialize, ToSchema)]
struct StayVenue {
    id: VenueId,
    name: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OwnLedgerRow)]
struct LedgerJson {
    recorded_at: DateTime<Utc>,
    minutes: i32,
    provenance: String,
    /// `fold`: a terminal's record; `closer`: the stay's limit; `declared`: the resident's word.
    cause: String,
}

impl From<minute_entry::Model> for LedgerJson {
    fn from(row: minute_entry::Model) -> Self {
        let minute_entry::Model { recorded_at, minutes, provenance, cause, .. } = row;
        Self { recorded_at, minutes, provenance, cause }
    }
}

impl From<own::Stay> for StayJson {
    fn from(stay: own::Stay) -> Self {
        let (why, why_en) = why(&stay.row);
        let own::Stay { row, ledger, declarable } = stay;
        Self {
            id: SessionId(row.id),
            venue: StayVenue { id: VenueId(row.venue_id), name: row.venue_name },
            business_day: row.business_day,
            entered_at: row.entered_at,
            left_at: row.left_at,
            minutes: row.minutes,
            provenance: row.provenance,
            ended_by: row.ended_by,
            why,
            why_en,
            rule_version: row.rule_version,
            ledger: ledger.into_iter().map(Into::into).collect(),
            may_declare: declarable.map(Into::into),
            disputed: row.disputed == 1,
        }
    }
}

fn why(row: &own::StayRow) -> (&'static str, &'static str) {
    if !row.credited {
        return (
            "您当时未同意统计运动时长，因此不计分钟。",
            "You had not agreed to minutes being counted, so none are.",
        );
    }
    match row.provenance.as_deref() {
        None => ("您正在馆内，离场后计入。", "You are inside; minutes count when you leave."),
        Some("measured") => {
            ("入场和离场都有终端记录，按实际时间计算。", "Terminals saw you come and leave.")
        }
        Some("self_declared") => {
            ("没有离场记录，按您填写的离场时间计算。", "Nobody saw you leave; it is as you said.")
        }
        Some("corrected") => ("工作人员核实后更正。", "Staff looked into it and corrected it."),
        Some(_) => (
            "没有离场记录，按场馆的常规时长估算。",
            "Nobody saw you leave; the venue's usual stay is credited.",
        ),
    }
}
