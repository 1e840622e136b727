//! Many members' rows as a file: asked for by one of the staff for a reason, approved by another,
//! handed out to whoever asked after both factors were given again. Read page by page, so that a
//! city needs no more memory than a village; each person can read that their row left, and each
//! row says by which export it did. Of children only the star is shown.

use chrono::{DateTime, Datelike as _, Utc};
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, FromQueryResult as _, Statement,
    Value,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    CHAIN, local_day, open_text, rules::GUARDIAN_UNDER, tables::members, unmask::What,
    views::note_exported,
};
use crate::{
    base::{
        db,
        error::Error,
        ids::{DivisionCode, MemberId},
        keys::Keys,
        text::safe_cell,
    },
    staff::{
        Function, StaffCaller, audit,
        requests::{self, Matter, NewRequest},
    },
};

/// Rows of a page: what is read, written down and sent at once.
const PAGE_ROWS: u64 = 200;
/// Tells spreadsheets that the file is UTF-8.
const MARK: &str = "\u{feff}";
const COLUMNS: [&str; 8] = [
    "id",
    "name",
    "home_community",
    "status",
    "verification",
    "sex",
    "birth_year",
    "registered_at",
];
/// Characters of a row's mark that nobody else can make.
const MARK_CHARS: usize = 22;

/// What the request says beside where and why.
#[derive(Serialize, Deserialize)]
struct Payload {
    clear: Vec<What>,
}

/// Asks for the rows of a division: masked, but for what is to be in the clear.
pub async fn ask_export(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    division: DivisionCode,
    clear: Vec<What>,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Uuid, Error> {
    by.require(Function::ExportMembers, &division)?;
    let reason = requests::reason(reason)?.to_owned();
    let new = NewRequest {
        matter: Matter::Export,
        object: format!("division:{division}"),
        member: None,
        division,
        payload: serde_json::to_string(&Payload { clear }).map_err(Error::internal)?,
        reason,
    };
    requests::ask(tx, by, new, now).await
}

/// An export on its way.
pub struct Export {
    by: StaffCaller,
    request: Uuid,
    division: DivisionCode,
    clear: Vec<What>,
    /// The last row that was read.
    after: (String, Uuid),
    rows: u64,
    now: DateTime<Utc>,
}

/// Begins an approved export of the caller's own: 404 for another's, 403 before it is approved,
/// 401 for who has not just given both factors.
pub async fn begin_export(
    db: &DatabaseConnection,
    by: &StaffCaller,
    request: Uuid,
    now: DateTime<Utc>,
) -> Result<Export, Error> {
    by.require_fresh(now)?;
    let tx = db::begin(db).await?;
    let found = requests::approved(&tx, by, request, Matter::Export, now).await?;
    by.require(Function::ExportMembers, &found.division)?;
    let payload: Payload = serde_json::from_str(&found.payload).map_err(Error::internal)?;
    note(&tx, by, "members_exported", request, Some(&found.reason), None, now).await?;
    tx.commit().await?;
    Ok(Export {
        by: by.clone(),
        request,
        after: (found.division.as_str().to_owned(), Uuid::nil()),
        division: found.division,
        clear: payload.clear,
        rows: 0,
        now,
    })
}

impl Export {
    /// The name of the file.
    pub fn file_name(&self) -> String {
        format!("fitgate-members-{}-{}.csv", self.division, local_day(self.now))
    }

    /// The line of columns.
    pub fn head(&self) -> String {
        let mut columns = COLUMNS.to_vec();
        if self.clear.contains(&What::Phone) {
            columns.push("phone");
        }
        if self.clear.contains(&What::Document) {
            columns.extend(["document_type", "document_number"]);
        }
        columns.push("watermark");
        format!("{MARK}{}\r\n", columns.join(","))
    }

    /// The next lines, after it was written down for each person that they leave; none at the end.
    pub async fn next_page(
        &mut self,
        db: &DatabaseConnection,
        keys: &Keys,
    ) -> Result<Option<Vec<u8>>, Error> {
        let tx = db::begin(db).await?;
        let sql = format!(
            "SELECT {} FROM members m WHERE erased_at IS NULL \
             AND (home_community, id) > ($1, $2) AND home_community <= $3 \
             ORDER BY home_community, id LIMIT $4",
            members::COLUMNS
        );
        let (home, id) = self.after.clone();
        let last = format!("{:9<12}", self.division.as_str());
        let limit = i64::try_from(PAGE_ROWS).unwrap_or(i64::MAX);
        let values: [Value; 4] = [home.into(), id.into(), last.into(), limit.into()];
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
        let page = members::Model::find_by_statement(statement).all(&tx).await?;
        let Some(newest) = page.last() else {
            let rows = self.rows.to_string();
            note(&tx, &self.by, "members_export_ended", self.request, None, Some(&rows), self.now)
                .await?;
            tx.commit().await?;
            return Ok(None);
        };
        self.after = (newest.home_community.as_str().to_owned(), newest.id.0);
        self.rows += page.len() as u64;
        let ids: Vec<MemberId> = page.iter().map(|row| row.id).collect();
        note_exported(&tx, &self.by, ids, self.now).await?;
        tx.commit().await?;
        let mut lines =
            csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        for row in &page {
            lines.write_record(self.line(keys, row)?).map_err(Error::internal)?;
        }
        Ok(Some(lines.into_inner().map_err(|error| Error::internal(error.into_error()))?))
    }

    fn line(&self, keys: &Keys, row: &members::Model) -> Result<Vec<String>, Error> {
        let year = local_day(self.now).year();
        let is_child = row.birth_year.is_none_or(|birth| year - birth <= GUARDIAN_UNDER);
        let open = |column: &str, sealed: &str| open_text(keys, row.id, column, sealed);
        let name = if is_child {
            "*".to_owned()
        } else if self.clear.contains(&What::Name) {
            open("name_ct", &row.name_ct)?
        } else {
            row.name_masked.clone()
        };
        let told = |text: Option<String>| text.filter(|_| !is_child).unwrap_or_default();
        let mut line = vec![
            row.id.to_string(),
            name,
            row.home_community.to_string(),
            row.status.clone(),
            row.verification.clone(),
            told(row.sex.clone()),
            told(row.birth_year.map(|year| year.to_string())),
            row.registered_at.to_rfc3339(),
        ];
        if self.clear.contains(&What::Phone) {
            let sealed = row.phone_ct.as_deref().filter(|_| !is_child);
            line.push(sealed.map_or(Ok(String::new()), |sealed| open("phone_ct", sealed))?);
        }
        if self.clear.contains(&What::Document) {
            line.push(told(Some(row.document_type.clone())));
            let number =
                if is_child { String::new() } else { open("document_ct", &row.document_ct)? };
            line.push(number);
        }
        line.push(watermark(keys, self.request, row.id));
        Ok(line.iter().map(|cell| safe_cell(cell)).collect())
    }
}

/// By which export a row left, which its request names with who and why; and that it did, which
/// nobody without the keys can make up.
pub fn watermark(keys: &Keys, request: Uuid, member: MemberId) -> String {
    let mut mark = keys.blind_index("members.export", &format!("{request}:{member}"));
    mark.truncate(MARK_CHARS);
    format!("{request}.{mark}")
}

async fn note(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    act: &str,
    request: Uuid,
    reason: Option<&str>,
    after: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (actor, object) = (by.actor(), format!("export:{request}"));
    let deed = audit::Deed { actor: &actor, act, object: &object, before: None, after, reason };
    audit::append(tx, CHAIN, &deed, now).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_its_export_and_nobody_else_can_say_so() {
        let (keys, request, member) = (Keys::generate(), Uuid::now_v7(), MemberId::new());
        let mark = watermark(&keys, request, member);
        assert!(mark.starts_with(&request.to_string()));
        assert_eq!(mark, watermark(&keys, request, member));
        assert_ne!(mark, watermark(&Keys::generate(), request, member));
        assert_ne!(mark, watermark(&keys, request, MemberId::new()));
    }
}
