//! Whether what was decided of a year follows from the rows that were there then.

use sea_orm::DatabaseConnection;

use super::{
    Kind,
    candidates::{Scope, candidates, of_person},
    head, rows,
    rules::{self, Candidate, Year, placed},
};
use crate::base::{error::Error, ids::DivisionCode};

/// Works out again what was decided, from the rows that were there then; says what differs. Of
/// people, the figures of those who were honoured: who wanted to be seen then is not on record.
pub async fn verify(
    db: &DatabaseConnection,
    division: &DivisionCode,
    year: i32,
) -> Result<Option<Vec<String>>, Error> {
    let (Some(head), Some(of_year)) = (head(db, division, year).await?, Year::new(year)) else {
        return Ok(None);
    };
    let scope = Scope { division, year: of_year, as_of: head.as_of };
    let mut differences = Vec::new();
    if head.rules != rules::HONOURS {
        differences.push(format!(
            "decided by rules {}, this program knows {}",
            head.rules,
            rules::HONOURS
        ));
        return Ok(Some(differences));
    }
    let stored = rows(db, head.id).await?;
    for kind in [Kind::ActiveCommunity, Kind::ActiveGroup, Kind::ServiceStar] {
        let again = placed(candidates(db, kind, &scope).await?);
        let of_kind = stored.iter().filter(|row| row.kind == kind.as_str());
        let then = of_kind.map(|row| Candidate {
            subject: row.subject.clone(),
            figure: row.figure,
            beside: row.beside,
        });
        if then.collect::<Vec<_>>() != again {
            differences.push(format!("{} differs", kind.as_str()));
        }
    }
    for row in &stored {
        let Some(member) = row.member_id else { continue };
        let Some(kind) = Kind::from_text(&row.kind) else { continue };
        let again = of_person(db, kind, &scope, member).await?;
        let figures = again.map(|one| (one.figure, one.beside));
        if figures != Some((row.figure, row.beside)) {
            differences.push(format!("{} of place {} differs", row.kind, row.place));
        }
    }
    Ok(Some(differences))
}
