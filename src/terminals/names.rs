//! Names on devices, where a venue wants them there: of each person the masked name, as it stands on
//! screens, since nobody's whole name leaves this house. Off until staff switch it on; switched off,
//! the device is told everybody anew without.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseConnection,
    EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QuerySelect as _, sea_query::Expr,
};

use super::{
    VendorTerminal, audited,
    rules::{Family, Names},
    tables::{
        gateways::{terminal_link, terminal_roster},
        terminal,
    },
};
use crate::{
    base::{
        db,
        error::{Code, Error},
        ids::TerminalId,
    },
    members,
};

/// Says whether names go to a terminal, and tells it of everybody again if that is new.
///
/// # Errors
/// `NotFound` without such a vendor's terminal; `Conflict` where its protocol has no such encoding.
pub async fn set_names(
    db: &DatabaseConnection,
    terminal: TerminalId,
    names: Names,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    use terminal_roster::{Column, Entity};
    let tx = db::begin(db).await?;
    let missing = || Error::NotFound(Code::NotFound);
    let row = terminal::Entity::find_by_id(terminal).one(&tx).await?.ok_or_else(missing)?;
    let link = terminal_link::Entity::find_by_id(terminal).lock_exclusive().one(&tx).await?;
    let link = link.ok_or_else(missing)?;
    let family = Family::parse(&row.family).ok_or_else(missing)?;
    if names == Names::Gbk && !family.may_read_gbk() {
        return Err(Error::Conflict(Code::CommandImpossible));
    }
    if link.names == names.as_str() {
        return Ok(());
    }
    let mut link = link.into_active_model();
    link.names = Set(names.as_str().to_owned());
    link.roster_version = Set(None);
    link.update(&tx).await?;
    // Whoever is being told now may be told the old way.
    Entity::update_many()
        .col_expr(Column::State, Expr::value("renew"))
        .filter(Column::TerminalId.eq(terminal))
        .filter(Column::State.is_in(["held", "sent"]))
        .exec(&tx)
        .await?;
    audited(tx, by, &format!("terminal_names_{}", names.as_str()), terminal, now).await
}

/// The name that goes to a device with a handle; empty where none does.
pub async fn name_for(
    db: &impl ConnectionTrait,
    known: &VendorTerminal,
    handle: &str,
) -> Result<String, Error> {
    let names = known.names();
    if names == Names::None {
        return Ok(String::new());
    }
    let name = members::masked_name_of_face(db, handle).await?.unwrap_or_default();
    Ok(names.fitted(&name, known.family.name_bytes_max()))
}
