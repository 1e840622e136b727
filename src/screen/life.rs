//! What a division has beside its doors: groups, activities that were held, what is announced.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::document::NoticeLine;
use crate::{activities, base::ids::DivisionCode, groups, notices};

/// Notices that a screen shows, one after the other.
const NOTICES_MAX: u64 = 3;

/// As a document shows it; a figure of nothing is left out, as if it were not kept.
#[derive(Clone, Debug, Default)]
pub struct Life {
    pub groups: Option<i64>,
    pub activities: Option<i64>,
    pub notices: Vec<NoticeLine>,
}

/// What there is at `now`.
pub async fn find(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    now: DateTime<Utc>,
) -> Result<Life, DbErr> {
    let kept = |count: i64| (count > 0).then_some(count);
    let groups = kept(groups::count_active(db, division).await?);
    let activities = kept(activities::count_held(db, division).await?);
    let announced = notices::of_division(db, division, NOTICES_MAX, now).await?;
    let line = |notice: notices::Notice| NoticeLine {
        venue: notice.venue.map(|(_, name)| name),
        title: notice.title,
        until: notice.until,
    };
    Ok(Life { groups, activities, notices: announced.into_iter().map(line).collect() })
}
