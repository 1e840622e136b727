//! The kinds of report: what each counts, in which columns, under which version of its definition.
//! Whoever changes what a figure means raises the version, so that two files can be told apart.

use serde::{Deserialize, Serialize};

use super::table::Column;

/// What a report is about.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
#[schema(as = ReportKind)]
pub enum Kind {
    /// Visits, people and minutes by provenance of a division and of each part of it.
    Activity,
    /// The same of each venue.
    Venues,
    /// Visits of each venue on each day, as the national platform asks for them.
    Visits,
    /// People and visits by age band and sex; small groups are hidden.
    Ages,
    /// Registered and active people beside the resident population, of a division and its parts.
    Coverage,
    /// What people wanted and did not get: refusals by reason, and hours in which a venue was full.
    Demand,
    /// By which ways people came in.
    WaysIn,
    /// What is usual on workdays, weekends and holidays, by the calendar.
    DayTypes,
}

/// By what rows are grouped in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReportBy)]
pub enum By {
    Day,
    Month,
}

impl By {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Day, Self::Month].into_iter().find(|by| by.as_str() == text)
    }
}

const PERIOD: Column = Column { name: "period", zh: "日期" };
const DIVISION: Column = Column { name: "division", zh: "区划代码" };
const VENUE: Column = Column { name: "venue_id", zh: "场馆编号" };
const NAME: Column = Column { name: "name", zh: "名称" };
const VISITS: Column = Column { name: "visits", zh: "入场人次" };
const PEOPLE: Column = Column { name: "people", zh: "运动人数" };
const MEASURED: Column = Column { name: "minutes_measured", zh: "实测分钟" };
const DECLARED: Column = Column { name: "minutes_self_declared", zh: "自报分钟" };
const ESTIMATED: Column = Column { name: "minutes_estimated", zh: "估算分钟" };
const CORRECTED: Column = Column { name: "minutes_corrected", zh: "更正分钟" };
const MINUTES: Column = Column { name: "minutes", zh: "运动分钟" };

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Activity,
        Self::Venues,
        Self::Visits,
        Self::Ages,
        Self::Coverage,
        Self::Demand,
        Self::WaysIn,
        Self::DayTypes,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Venues => "venues",
            Self::Visits => "visits",
            Self::Ages => "ages",
            Self::Coverage => "coverage",
            Self::Demand => "demand",
            Self::WaysIn => "ways-in",
            Self::DayTypes => "day-types",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The title of a sheet.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Activity => "运动情况",
            Self::Venues => "各场馆情况",
            Self::Visits => "场馆每日客流",
            Self::Ages => "年龄与性别",
            Self::Coverage => "覆盖与公平",
            Self::Demand => "未满足的需求",
            Self::WaysIn => "入场方式",
            Self::DayTypes => "工作日与节假日",
        }
    }

    /// The version of what its figures mean.
    pub fn definition(self) -> u32 {
        match self {
            Self::Activity
            | Self::Venues
            | Self::Visits
            | Self::Ages
            | Self::Coverage
            | Self::Demand
            | Self::WaysIn
            | Self::DayTypes => 1,
        }
    }

    /// Whether it can be had by this: the national platform asks for days, and people who are
    /// told apart by age or counted against residents are counted by whole months.
    pub fn takes(self, by: By) -> bool {
        match self {
            Self::Activity | Self::Venues | Self::Demand | Self::WaysIn => true,
            Self::Visits => by == By::Day,
            Self::Ages | Self::Coverage | Self::DayTypes => by == By::Month,
        }
    }

    pub fn columns(self) -> Vec<Column> {
        let column = |name, zh| Column { name, zh };
        match self {
            Self::Activity => vec![
                PERIOD, DIVISION, NAME, VISITS, PEOPLE, MEASURED, DECLARED, ESTIMATED, CORRECTED,
                MINUTES,
            ],
            Self::Venues => vec![
                PERIOD, DIVISION, VENUE, NAME, VISITS, PEOPLE, MEASURED, DECLARED, ESTIMATED,
                CORRECTED, MINUTES,
            ],
            Self::Visits => vec![PERIOD, DIVISION, VENUE, NAME, VISITS],
            Self::Ages => vec![
                PERIOD,
                DIVISION,
                column("age_from", "年龄自"),
                column("age_to", "年龄至"),
                column("sex", "性别"),
                PEOPLE,
                VISITS,
            ],
            Self::Coverage => vec![
                column("period_from", "起始日期"),
                column("period_to", "截止日期"),
                DIVISION,
                NAME,
                column("residents", "常住人口"),
                column("registered", "注册人数"),
                column("registered_per_mille", "注册率‰"),
                column("active", "活跃人数"),
                column("active_per_mille", "活跃率‰"),
                column("refusals", "拒绝次数"),
                column("full_hours", "满员小时"),
            ],
            Self::Demand => {
                vec![PERIOD, DIVISION, VENUE, NAME, column("what", "项目"), column("count", "次数")]
            }
            Self::DayTypes => vec![
                PERIOD,
                DIVISION,
                NAME,
                column("day_type", "日期类型"),
                column("days", "天数"),
                VISITS,
                MINUTES,
                column("visits_per_day", "日均人次"),
            ],
            Self::WaysIn => vec![
                PERIOD,
                DIVISION,
                VENUE,
                NAME,
                column("method", "入场方式"),
                column("entries", "次数"),
                column("per_mille", "占比‰"),
            ],
        }
    }
}
