//! Leases: work that only one process at a time should do, held in SQL for a while.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};

use super::db;

/// Takes or renews the lease of `name` until `until`; `false` when somebody else holds it.
pub async fn take(
    db: &DatabaseConnection,
    name: &str,
    holder: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let statement = Statement::from_sql_and_values(
        db.get_database_backend(),
        "INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3) \
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until \
         WHERE leases.holder = excluded.holder OR leases.until < $4",
        [name.into(), holder.into(), until.into(), now.into()],
    );
    let _turn = db::turn(db).await;
    Ok(db.execute_raw(statement).await?.rows_affected() == 1)
}

/// Gives a lease back before its time; one that somebody else holds stays theirs.
pub async fn give_back(db: &DatabaseConnection, name: &str, holder: &str) -> Result<(), DbErr> {
    let statement = Statement::from_sql_and_values(
        db.get_database_backend(),
        "DELETE FROM leases WHERE name = $1 AND holder = $2",
        [name.into(), holder.into()],
    );
    let _turn = db::turn(db).await;
    db.execute_raw(statement).await.map(drop)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::base::clock::from_millis;

    #[tokio::test]
    async fn one_at_a_time_holds_a_lease() {
        let (_folder, db) = db::fresh_for_tests().await;
        let now = from_millis(1_800_000_000_000);
        let until = now + TimeDelta::seconds(10);
        assert!(take(&db, "work", "a", now, until).await.unwrap());
        assert!(take(&db, "work", "a", now, until).await.unwrap(), "its holder renews it");
        assert!(!take(&db, "work", "b", now, until).await.unwrap());
        let later = until + TimeDelta::seconds(1);
        assert!(take(&db, "work", "b", later, later).await.unwrap(), "its time is over");
        give_back(&db, "work", "a").await.unwrap();
        assert!(!take(&db, "work", "a", now, until).await.unwrap(), "it is not a's to give");
        give_back(&db, "work", "b").await.unwrap();
        assert!(take(&db, "work", "a", now, until).await.unwrap());
    }
}
