//! Where a resident stands among those who want to be seen. What everybody asks for, a division's
//! month, is read once a minute for all who ask; what is one's own is read each time. Whoever no
//! longer wants to be seen is gone from the list at once, and counted as ahead for a minute at most.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use moka::{future::Cache, ops::compute::Op};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, FromQueryResult, Statement, Value};
use uuid::Uuid;

use crate::base::ids::{DivisionCode, MemberId};

/// Rows of a ranking.
const RANKED_MAX: usize = 50;
/// How long a board is good for.
const GOOD_FOR: TimeDelta = TimeDelta::minutes(1);
/// Boards kept: months of divisions that somebody asked for lately.
const BOARDS_MAX: u64 = 500;

/// Somebody in a ranking, as everybody may see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    pub member_id: Uuid,
    pub name: String,
    pub minutes: i64,
}

/// Where a member stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranks {
    pub top: Vec<Ranked>,
    /// Rank and minutes of whoever asks, if they want to be seen and have any.
    pub own: Option<(i64, i64)>,
}

/// A division's month as one read found it.
#[derive(Debug)]
struct Board {
    read_at: DateTime<Utc>,
    /// The first, by minutes and id.
    top: Vec<(Uuid, i64)>,
    /// How many have so many minutes, the most first: as many rows as there are different months,
    /// at most one a minute of a month, however many members.
    levels: Vec<(i64, i64)>,
}

/// Boards that this process has read.
#[derive(Clone)]
pub struct Boards(Cache<(DivisionCode, NaiveDate), Arc<Board>>);

impl Default for Boards {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(BOARDS_MAX).build())
    }
}

/// Who may be seen in a ranking, as `m`.
const SEEN: &str = "m.status = 'active' \
     AND EXISTS (SELECT 1 FROM member_settings s WHERE s.member_id = m.id AND s.in_ranks) \
     AND EXISTS (SELECT 1 FROM consents k WHERE k.member_id = m.id \
     AND k.purpose = 'minutes_statistics' AND k.granted AND k.at = (SELECT MAX(l.at) \
     FROM consents l WHERE l.member_id = m.id AND l.purpose = 'minutes_statistics'))";

/// Months of those at home between `$2` and `$3`.
const MONTHS: &str = "FROM member_months r JOIN members m ON m.id = r.member_id \
     WHERE r.month = $1 AND r.minutes > 0 \
     AND m.home_community >= $2 AND m.home_community <= $3";

impl Boards {
    /// The ranking of the `month` that begins on that day, of those at home `within`.
    pub async fn ranks(
        &self,
        db: &DatabaseConnection,
        member: MemberId,
        within: &DivisionCode,
        month: NaiveDate,
        now: DateTime<Utc>,
    ) -> Result<Ranks, DbErr> {
        let board = self.board(db, within, month, now).await?;
        let own = own_minutes(db, member, within, month).await?;
        Ok(Ranks {
            top: names(db, &board.top).await?,
            own: own.map(|minutes| (board.ahead_of(minutes) + 1, minutes)),
        })
    }

    /// What was read within a minute; where many ask at once, one reads and the others wait.
    async fn board(
        &self,
        db: &DatabaseConnection,
        within: &DivisionCode,
        month: NaiveDate,
        now: DateTime<Utc>,
    ) -> Result<Arc<Board>, DbErr> {
        let entry = self.0.entry((within.clone(), month));
        let read = entry
            .and_try_compute_with(|found| async {
                match found {
                    Some(found) if found.value().is_good(now) => Ok::<_, DbErr>(Op::Nop),
                    _ => Ok(Op::Put(Arc::new(Board::read(db, within, month, now).await?))),
                }
            })
            .await?;
        let read = read.into_entry().ok_or_else(|| DbErr::RecordNotFound("board".to_owned()))?;
        Ok(read.into_value())
    }
}

impl Board {
    async fn read(
        db: &DatabaseConnection,
        within: &DivisionCode,
        month: NaiveDate,
        now: DateTime<Utc>,
    ) -> Result<Self, DbErr> {
        let top = format!(
            "SELECT r.member_id AS member_id, r.minutes AS n {MONTHS} AND {SEEN} \
             ORDER BY r.minutes DESC, r.member_id LIMIT {RANKED_MAX}"
        );
        let levels = format!(
            "SELECT r.minutes AS minutes, COUNT(*) AS n {MONTHS} AND {SEEN} \
             GROUP BY r.minutes ORDER BY r.minutes DESC"
        );
        let ask = |sql: &str| {
            let values = [month.into(), within.as_str().into(), last_of(within)];
            Statement::from_sql_and_values(db.get_database_backend(), sql, values)
        };
        let (mut first, mut counts) = (Vec::new(), Vec::new());
        for row in db.query_all_raw(ask(&top)).await? {
            first.push((row.try_get("", "member_id")?, row.try_get("", "n")?));
        }
        for row in db.query_all_raw(ask(&levels)).await? {
            counts.push((row.try_get("", "minutes")?, row.try_get("", "n")?));
        }
        Ok(Self { read_at: now, top: first, levels: counts })
    }

    /// A clock that was set back makes nothing good for longer.
    fn is_good(&self, now: DateTime<Utc>) -> bool {
        (now - self.read_at).abs() < GOOD_FOR
    }

    fn ahead_of(&self, minutes: i64) -> i64 {
        self.levels.iter().take_while(|(level, _)| *level > minutes).map(|(_, n)| n).sum()
    }
}

/// The last code that homes within a division may have: digits come before the colon.
fn last_of(within: &DivisionCode) -> Value {
    format!("{within}:").into()
}

/// The month of whoever asks, if they are at home there and may be seen.
async fn own_minutes(
    db: &DatabaseConnection,
    member: MemberId,
    within: &DivisionCode,
    month: NaiveDate,
) -> Result<Option<i64>, DbErr> {
    let sql = format!("SELECT r.minutes AS minutes {MONTHS} AND r.member_id = $4 AND {SEEN}");
    let values = [month.into(), within.as_str().into(), last_of(within), member.0.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), &sql, values);
    let row = db.query_one_raw(statement).await?;
    row.map(|row| row.try_get("", "minutes")).transpose()
}

#[derive(FromQueryResult)]
struct Named {
    id: Uuid,
    name: String,
}

/// Those of `top` who may be seen now, by their masked names.
async fn names(db: &DatabaseConnection, top: &[(Uuid, i64)]) -> Result<Vec<Ranked>, DbErr> {
    if top.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<String> = (1..=top.len()).map(|n| format!("${n}")).collect();
    let sql = format!(
        "SELECT m.id AS id, m.name_masked AS name FROM members m WHERE m.id IN ({}) AND {SEEN}",
        places.join(", ")
    );
    let ids = top.iter().map(|(id, _)| (*id).into());
    let statement = Statement::from_sql_and_values(db.get_database_backend(), &sql, ids);
    let found = Named::find_by_statement(statement).all(db).await?;
    let mut names: HashMap<Uuid, String> =
        found.into_iter().map(|row| (row.id, row.name)).collect();
    let ranked = |(member_id, minutes): &(Uuid, i64)| {
        let name = names.remove(member_id)?;
        Some(Ranked { member_id: *member_id, name, minutes: *minutes })
    };
    Ok(top.iter().filter_map(ranked).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_as_many_minutes_has_the_same_rank() {
        let board = Board {
            read_at: DateTime::UNIX_EPOCH,
            top: Vec::new(),
            levels: vec![(90, 1), (60, 3), (10, 7)],
        };
        let ranks = [91, 90, 61, 60, 10, 1].map(|minutes| board.ahead_of(minutes) + 1);
        assert_eq!(ranks, [1, 1, 2, 2, 5, 12]);
    }

    #[test]
    fn a_board_is_good_for_a_minute_by_whichever_way_the_clock_went() {
        let board = Board { read_at: DateTime::UNIX_EPOCH, top: Vec::new(), levels: Vec::new() };
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        assert!(board.is_good(at(59)) && board.is_good(at(-59)));
        assert!(!board.is_good(at(60)) && !board.is_good(at(-60)));
    }
}
