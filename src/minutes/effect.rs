//! What a change does to a member's stays and minutes: the difference of two moments. Whoever wants
//! to see it before it is done does it, looks, and takes it back.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Statement};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::base::ids::MemberId;

/// A stay that is not void, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult, Serialize, ToSchema)]
#[schema(as = StayState)]
pub struct Stay {
    pub id: Uuid,
    pub venue_id: Uuid,
    pub entered_at: DateTime<Utc>,
    pub left_at: Option<DateTime<Utc>>,
    pub minutes: i32,
    pub provenance: Option<String>,
}

/// The stays of members as they are now.
#[derive(Clone, Debug)]
pub struct Moment(BTreeMap<Uuid, Stay>);

impl Moment {
    /// Reads all stays of these members, of whom there are one or two.
    pub async fn of(conn: &impl ConnectionTrait, members: &[MemberId]) -> Result<Self, DbErr> {
        let sql = "SELECT id, venue_id, entered_at, left_at, minutes, provenance FROM sessions \
                   WHERE member_id = $1 AND NOT void";
        let mut stays = BTreeMap::new();
        for member in members {
            let values = [member.0.into()];
            let statement =
                Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
            let rows = Stay::find_by_statement(statement).all(conn).await?;
            stays.extend(rows.into_iter().map(|stay| (stay.id, stay)));
        }
        Ok(Self(stays))
    }

    fn minutes(&self) -> i64 {
        self.0.values().map(|stay| i64::from(stay.minutes)).sum()
    }

    /// What became of it by a later moment.
    pub fn until(self, later: Self) -> Effect {
        let (minutes_before, minutes_after) = (self.minutes(), later.minutes());
        let (mut before, mut after) = (self.0, later.0);
        let ids: Vec<Uuid> = before.keys().chain(after.keys()).copied().collect();
        let mut stays = Vec::new();
        for id in ids {
            let (was, is) = (before.remove(&id), after.remove(&id));
            if was != is {
                stays.push(StayChange { before: was, after: is });
            }
        }
        Effect { minutes_before, minutes_after, stays }
    }
}

/// One stay that is otherwise; `before` is null where it is new, `after` where it is void.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StayChange {
    pub before: Option<Stay>,
    pub after: Option<Stay>,
}

/// What a change does to somebody's stays and minutes.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = MinutesEffect)]
pub struct Effect {
    /// Credited minutes of all stays of the person.
    pub minutes_before: i64,
    pub minutes_after: i64,
    /// The stays that are otherwise afterwards.
    pub stays: Vec<StayChange>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::from_millis;

    fn stay(n: u128, minutes: i32) -> Stay {
        Stay {
            id: Uuid::from_u128(n),
            venue_id: Uuid::nil(),
            entered_at: from_millis(0),
            left_at: None,
            minutes,
            provenance: None,
        }
    }

    #[test]
    fn only_what_differs_is_told() {
        let moment = |stays: &[(u128, i32)]| {
            Moment(stays.iter().map(|(n, m)| (Uuid::from_u128(*n), stay(*n, *m))).collect())
        };
        let effect = moment(&[(1, 10), (2, 20), (3, 30)]).until(moment(&[(2, 20), (3, 5), (4, 1)]));
        assert_eq!((effect.minutes_before, effect.minutes_after), (60, 26));
        let told: Vec<_> = effect
            .stays
            .iter()
            .map(|c| (c.before.as_ref().map(|s| s.minutes), c.after.as_ref().map(|s| s.minutes)))
            .collect();
        assert_eq!(told, [(Some(10), None), (Some(30), Some(5)), (None, Some(1))]);
    }
}
