//! Declaring records lost that never came: they are missing no more, nobody waits for them, and the
//! device is not asked for them again. One that comes all the same is taken.

use sea_orm::{
    ConnectionTrait as _, DatabaseTransaction, EntityTrait as _, QuerySelect as _, Statement,
};

use super::{NATIVE, ledger, rules::Progress, tables::terminal};
use crate::base::{
    error::{Code, Error},
    ids::TerminalId,
};

/// Answers how many records were given up; none where nothing is missing.
///
/// # Errors
/// `NotFound` without such a terminal.
pub async fn give_up_gaps(tx: &DatabaseTransaction, id: TerminalId) -> Result<i64, Error> {
    let row = terminal::Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    let row = row.ok_or(Error::NotFound(Code::NotFound))?;
    if row.family != NATIVE {
        return ledger::give_up(tx, id).await;
    }
    let mut progress = Progress::parse(row.epoch, row.highest_seq, &row.gaps);
    let given_up = progress.give_up();
    // Recorders that read the numbers before find another version, and read again.
    let sql = "UPDATE terminals SET gaps = $2, acked_seq = $3, \
               numbers_version = numbers_version + 1 WHERE id = $1";
    let values = [id.0.into(), progress.gaps_text().into(), progress.acked_seq().into()];
    let update = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    tx.execute_raw(update).await?;
    Ok(given_up)
}
