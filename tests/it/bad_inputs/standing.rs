//! What stands in SQL: the number of rows of every table, so that a row of the page can say what it
//! wrote, table by table, and that it wrote nothing else.

use std::collections::BTreeMap;

use crate::support::Store;

/// Tables whose rows come and go by themselves, behind what was asked, or with every signed request,
/// whatever it says.
const MOVING: [&str; 14] = [
    "counter_changes",
    "dirty_counters",
    "division_days",
    "face_alarms",
    "group_minutes",
    "leases",
    "member_months",
    "open_data_items",
    "retention_marks",
    "revisions",
    "seaql_migrations",
    "terminal_nonces",
    "venue_day_ways",
    "wechat_tokens",
];

/// Sums of stays: what is in them follows from stays and ledger, which are counted themselves.
const SUMS: [&str; 4] = ["member_days", "member_venue_months", "venue_day_hours", "venue_days"];

/// Tables, and by how many rows each has grown.
pub type Wrote<'a> = &'a [(&'a str, i64)];
pub const NOTHING: Wrote<'static> = &[];

/// How many rows each table has.
pub struct Standing(BTreeMap<String, i64>);

impl Standing {
    pub async fn of(store: &Store) -> Self {
        let names = if store.is_postgres() {
            "SELECT relname::text AS name FROM pg_class WHERE relkind IN ('r', 'p') \
             AND NOT relispartition AND relnamespace = 'public'::regnamespace"
        } else {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        };
        let names = store.rows(names).await;
        let names = names.iter().map(|row| row.try_get::<String>("", "name").unwrap());
        let counts: Vec<String> = names
            .filter(|name| !MOVING.contains(&name.as_str()))
            .map(|name| format!("SELECT '{name}' AS name, COUNT(*) AS n FROM {name}"))
            .collect();
        assert!(counts.len() > 50, "the tables are not seen");
        let rows = store.rows(&counts.join(" UNION ALL ")).await;
        let count = |row: &sea_orm::QueryResult| {
            (row.try_get("", "name").unwrap(), row.try_get("", "n").unwrap())
        };
        Self(rows.iter().map(count).collect())
    }

    /// Whether, since `self`, exactly these rows were written; sums follow where stays change.
    #[track_caller]
    pub fn has_grown(&self, after: &Self, wrote: Wrote<'_>, what: &str) {
        let has_stays =
            wrote.iter().any(|(table, _)| ["sessions", "minute_entries"].contains(table));
        let grown: Vec<(&str, i64)> = after
            .0
            .iter()
            .map(|(table, n)| (table.as_str(), n - self.0[table]))
            .filter(|(table, n)| *n != 0 && !(has_stays && SUMS.contains(table)))
            .collect();
        let mut wrote = wrote.to_vec();
        wrote.sort_unstable();
        assert_eq!(grown, wrote, "{what}: rows that were written, and those expected");
    }
}
