//! Everything that is kept of a person, in one JSON document. Every table with a person's id is
//! listed here; a test fails where one is forgotten. What only serves us — hashes, indexes, MACs —
//! is left out; what is sealed is opened.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{DatabaseConnection, QueryResult, Statement};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::base::{db, error::Error, ids::MemberId, keys::Keys};

/// How a column becomes JSON.
#[derive(Clone, Copy)]
enum Kind {
    Uuid,
    Text,
    Day,
    Instant,
    Int,
    Big,
    Bool,
    Float,
    /// Sealed under the row's first column; shown without its `_ct`.
    Sealed,
    /// A sealed photo; shown in base64.
    Photo,
}

/// A table with rows about people.
struct Exported {
    table: &'static str,
    /// Whose row it is.
    person: &'static str,
    /// The first one names the row.
    columns: &'static [(&'static str, Kind)],
}

use Kind::{Big, Bool, Day, Float, Instant, Int, Photo, Sealed, Text};

const MINUTES: [(&str, Kind); 4] = [
    ("minutes_measured", Big),
    ("minutes_self_declared", Big),
    ("minutes_estimated", Big),
    ("minutes_corrected", Big),
];

const EXPORTED: [Exported; 28] = [
    Exported {
        table: "members",
        person: "id",
        columns: &[
            ("id", Kind::Uuid),
            ("name_ct", Sealed),
            ("document_type", Text),
            ("document_ct", Sealed),
            ("phone_ct", Sealed),
            ("birth_ct", Sealed),
            ("sex", Text),
            ("status", Text),
            ("verification", Text),
            ("home_community", Text),
            ("guardian_id", Kind::Uuid),
            ("registered_at", Instant),
        ],
    },
    Exported {
        table: "credentials",
        person: "member_id",
        columns: &[
            ("handle", Text),
            ("kind", Text),
            ("status", Text),
            ("valid_from", Instant),
            ("valid_to", Instant),
        ],
    },
    Exported {
        table: "consents",
        person: "member_id",
        columns: &[
            ("purpose", Text),
            ("at", Instant),
            ("granted", Bool),
            ("text_version", Text),
            ("text_hash", Text),
            ("channel", Text),
        ],
    },
    Exported {
        table: "terminal_roster",
        person: "member_id",
        columns: &[
            ("terminal_id", Kind::Uuid),
            ("handle", Text),
            ("state", Text),
            ("result_code", Big),
            ("changed_at", Instant),
        ],
    },
    Exported {
        table: "roster_receipts",
        person: "member_id",
        columns: &[("terminal_id", Kind::Uuid), ("result", Text), ("at", Instant)],
    },
    Exported {
        table: "handle_receipts",
        person: "member_id",
        columns: &[
            ("handle", Text),
            ("terminal_id", Kind::Uuid),
            ("result", Text),
            ("at", Instant),
        ],
    },
    Exported {
        table: "member_views",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("role", Text),
            ("division", Text),
            ("act", Text),
            ("at", Instant),
        ],
    },
    Exported {
        table: "view_requests",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("reason", Text),
            ("asked_at", Instant),
            ("approved_at", Instant),
            ("valid_until", Instant),
        ],
    },
    Exported {
        table: "staff_requests",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("kind", Text),
            ("reason", Text),
            ("asked_at", Instant),
            ("decided_at", Instant),
            ("decision", Text),
        ],
    },
    Exported {
        table: "member_approvals",
        person: "member_id",
        columns: &[("kind", Text), ("valid_from", Instant), ("valid_to", Instant)],
    },
    Exported {
        table: "member_settings",
        person: "member_id",
        columns: &[("in_ranks", Bool), ("updated_at", Instant)],
    },
    Exported {
        table: "member_tokens",
        person: "member_id",
        columns: &[("created_at", Instant), ("expires_at", Instant), ("revoked_at", Instant)],
    },
    Exported { table: "recovery_codes", person: "member_id", columns: &[("expires_at", Instant)] },
    Exported {
        table: "companions",
        person: "member_id",
        columns: &[("companion_id", Kind::Uuid), ("since", Instant)],
    },
    Exported {
        table: "companions",
        person: "companion_id",
        columns: &[("member_id", Kind::Uuid), ("since", Instant)],
    },
    Exported { table: "companion_codes", person: "member_id", columns: &[("expires_at", Instant)] },
    Exported {
        table: "export_links",
        person: "member_id",
        columns: &[("created_at", Instant), ("expires_at", Instant)],
    },
    Exported {
        table: "verifications",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("method", Text),
            ("outcome", Text),
            ("created_at", Instant),
            ("ended_at", Instant),
        ],
    },
    Exported {
        table: "wechat_accounts",
        person: "member_id",
        columns: &[("id", Kind::Uuid), ("openid_ct", Sealed), ("created_at", Instant)],
    },
    Exported {
        table: "wechat_messages",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("fields_ct", Sealed),
            ("state", Text),
            ("created_at", Instant),
            ("ended_at", Instant),
        ],
    },
    Exported {
        table: "faces",
        person: "member_id",
        columns: &[("handle", Text), ("photo_ct", Photo), ("taken_at", Instant)],
    },
    Exported {
        table: "entry_events",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("venue_id", Kind::Uuid),
            ("occurred_at", Instant),
            ("received_at", Instant),
            ("direction", Text),
            ("method", Text),
            ("credential", Text),
            ("score", Float),
            ("decision", Text),
            ("reason", Text),
            ("effect", Text),
        ],
    },
    Exported {
        table: "sessions",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("venue_id", Kind::Uuid),
            ("business_day", Day),
            ("entered_at", Instant),
            ("left_at", Instant),
            ("minutes", Int),
            ("provenance", Text),
            ("ended_by", Text),
            ("void", Bool),
        ],
    },
    Exported {
        table: "session_facts",
        person: "member_id",
        columns: &[
            ("session_id", Kind::Uuid),
            ("kind", Text),
            ("entered_at", Instant),
            ("left_at", Instant),
            ("reason", Text),
            ("at", Instant),
        ],
    },
    Exported {
        table: "session_disputes",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("session_id", Kind::Uuid),
            ("text_ct", Sealed),
            ("held_ct", Sealed),
            ("created_at", Instant),
            ("resolved_at", Instant),
            ("outcome", Text),
            ("resolution", Text),
        ],
    },
    Exported {
        table: "minute_entries",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("session_id", Kind::Uuid),
            ("venue_id", Kind::Uuid),
            ("business_day", Day),
            ("minutes", Int),
            ("provenance", Text),
            ("cause", Text),
            ("recorded_at", Instant),
        ],
    },
    Exported {
        table: "member_days",
        person: "member_id",
        columns: &[
            ("business_day", Day),
            ("visits", Big),
            MINUTES[0],
            MINUTES[1],
            MINUTES[2],
            MINUTES[3],
        ],
    },
    Exported {
        table: "member_venue_months",
        person: "member_id",
        columns: &[("venue_id", Kind::Uuid), ("month", Day), ("visits", Big)],
    },
];

/// Tables with a person's id and nothing of theirs that another table does not tell: where the
/// fold stands, and whose counters are to be written anew.
#[cfg(test)]
const NOT_EXPORTED: [&str; 2] = ["timelines", "counter_changes"];

/// Everything that is kept of a member, as of one moment.
pub async fn export(
    db: &DatabaseConnection,
    keys: &Keys,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<Value, Error> {
    let tx = db::snapshot(db).await?;
    let mut tables = Map::new();
    for exported in &EXPORTED {
        // A table whose rows are about two people stands here once for each.
        let rows = rows(&tx, keys, exported, member).await?;
        let all = tables.entry(exported.table).or_insert_with(|| json!([]));
        if let Value::Array(all) = all {
            all.extend(rows);
        }
    }
    tx.commit().await?;
    Ok(json!({ "exported_at": now, "member_id": member, "tables": tables }))
}

async fn rows(
    tx: &impl sea_orm::ConnectionTrait,
    keys: &Keys,
    exported: &Exported,
    member: MemberId,
) -> Result<Vec<Value>, Error> {
    let Exported { table, person, columns } = exported;
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let first = names[0];
    let sql =
        format!("SELECT {} FROM {table} WHERE {person} = $1 ORDER BY {first}", names.join(", "));
    let statement =
        Statement::from_sql_and_values(tx.get_database_backend(), sql, [member.0.into()]);
    let mut items = Vec::new();
    for row in tx.query_all_raw(statement).await? {
        items.push(item(keys, exported, &row)?);
    }
    Ok(items)
}

fn item(keys: &Keys, exported: &Exported, row: &QueryResult) -> Result<Value, Error> {
    let mut item = Map::new();
    let name_of_row = match value(exported.columns[0], row)? {
        Value::String(text) => text,
        other => other.to_string(),
    };
    for &(name, kind) in exported.columns {
        let shown = name.strip_suffix("_ct").unwrap_or(name);
        let value = match kind {
            Sealed => opened(keys, exported.table, name, &name_of_row, row)?,
            Photo => {
                let sealed: String = row.try_get("", name)?;
                // Relayed to the terminals, and kept here no more.
                if sealed.is_empty() {
                    Value::Null
                } else {
                    json!(STANDARD.encode(keys.open_face(&name_of_row, &sealed)?))
                }
            }
            Kind::Uuid | Text | Day | Instant | Int | Big | Bool | Float => {
                value((name, kind), row)?
            }
        };
        item.insert(shown.to_owned(), value);
    }
    Ok(Value::Object(item))
}

/// A sealed text; an empty one has been forgotten already.
fn opened(
    keys: &Keys,
    table: &str,
    column: &str,
    row_id: &str,
    row: &QueryResult,
) -> Result<Value, Error> {
    let sealed: Option<String> = row.try_get("", column)?;
    let Some(sealed) = sealed.filter(|sealed| !sealed.is_empty()) else { return Ok(Value::Null) };
    let plain = keys.open(table, column, row_id, &sealed)?;
    Ok(json!(String::from_utf8_lossy(&plain)))
}

fn value((name, kind): (&str, Kind), row: &QueryResult) -> Result<Value, Error> {
    Ok(match kind {
        Kind::Uuid => json!(row.try_get::<Option<Uuid>>("", name)?),
        Text | Sealed | Photo => json!(row.try_get::<Option<String>>("", name)?),
        Day => json!(row.try_get::<Option<NaiveDate>>("", name)?),
        Instant => json!(row.try_get::<Option<DateTime<Utc>>>("", name)?),
        Int => json!(row.try_get::<Option<i32>>("", name)?),
        Big => json!(row.try_get::<Option<i64>>("", name)?),
        Bool => json!(row.try_get::<Option<bool>>("", name)?),
        Float => json!(row.try_get::<Option<f64>>("", name)?),
    })
}

#[cfg(test)]
mod tests;
