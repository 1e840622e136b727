//! What one terminal's records have become: the sessions that they opened, by provenance. For a
//! terminal that replays a log and wants to know what was made of it.

use sea_orm::{ConnectionTrait, DbErr, Statement};

use crate::base::ids::TerminalId;

/// Sessions and minutes, each by provenance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub sessions: Figures,
    pub minutes: Figures,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub total: i64,
    pub measured: i64,
    pub self_declared: i64,
    pub estimated: i64,
    pub corrected: i64,
}

impl Figures {
    /// `provenance` as SQL has it.
    fn add(&mut self, provenance: &str, amount: i64) -> Result<(), DbErr> {
        let part = match provenance {
            "measured" => &mut self.measured,
            "self_declared" => &mut self.self_declared,
            "estimated" => &mut self.estimated,
            "corrected" => &mut self.corrected,
            _ => return Err(DbErr::Type("a provenance that nobody knows".to_owned())),
        };
        *part += amount;
        self.total += amount;
        Ok(())
    }
}

/// Ended sessions that are not void and were opened by the terminal's records of the last 400
/// days: so long are the records' keys kept, by which they are found.
pub async fn of_terminal(db: &impl ConnectionTrait, terminal: TerminalId) -> Result<Tally, DbErr> {
    let statement = Statement::from_sql_and_values(
        db.get_database_backend(),
        "SELECT s.provenance AS provenance, count(*) AS sessions, \
         CAST(coalesce(sum(s.minutes), 0) AS BIGINT) AS minutes \
         FROM event_keys k JOIN sessions s ON s.id = k.event_id \
         WHERE k.terminal_id = $1 AND NOT s.void AND s.left_at IS NOT NULL GROUP BY s.provenance",
        [terminal.0.into()],
    );
    let mut tally = Tally::default();
    for row in db.query_all_raw(statement).await? {
        let provenance: String = row.try_get("", "provenance")?;
        tally.sessions.add(&provenance, row.try_get("", "sessions")?)?;
        tally.minutes.add(&provenance, row.try_get("", "minutes")?)?;
    }
    Ok(tally)
}
