//! No table with a person's id is left out of what a person is shown.

use std::collections::BTreeSet;

use sea_orm::ConnectionTrait as _;

use super::*;

#[tokio::test]
async fn no_table_with_a_persons_id_is_forgotten() {
    let (_folder, db) = db::fresh_for_tests().await;
    let sql = "SELECT DISTINCT m.name AS name FROM sqlite_master m, pragma_table_info(m.name) c \
               WHERE m.type = 'table' AND c.name IN ('member_id', 'guardian_id')";
    let listed = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(listed).await.unwrap();
    let there: BTreeSet<String> = rows.iter().map(|row| row.try_get("", "name").unwrap()).collect();
    let known: BTreeSet<String> =
        exported().map(|exported| exported.table).chain(NOT_EXPORTED).map(str::to_owned).collect();
    assert_eq!(there, known);
}
