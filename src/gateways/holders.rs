//! A person as a device is told of them: the number that it knows them by, their face where we may
//! hand it out, and a masked name where the venue wants one there.

use super::intake::Intake;
use crate::{
    base::error::Error,
    terminals::{self, VendorTerminal, commands::Order, faces, pins},
};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// What stands for the person on the device.
    pub number: String,
    /// Fit for the device; empty where none goes there.
    pub name: String,
    /// A JPEG.
    pub photo: Option<Vec<u8>>,
}

impl Holder {
    /// Whom an order is about; nobody where it is about none, or about one who has no number here.
    /// The photo is noted as handed out.
    pub async fn of(
        intake: &Intake,
        known: &VendorTerminal,
        order: &Order,
    ) -> Result<Option<Self>, Error> {
        let db = &intake.state.db;
        let handle = match order {
            Order::HoldPerson { handle } | Order::RemovePerson { handle } => handle,
            Order::OpenDoor { .. }
            | Order::Restart
            | Order::QueryRecords { .. }
            | Order::SyncTime
            | Order::ListPersons
            | Order::ServerDecides { .. } => return Ok(None),
        };
        let Some(number) = pins::number(db, known, handle).await? else { return Ok(None) };
        if matches!(order, Order::RemovePerson { .. }) {
            return Ok(Some(Self { number, ..Self::default() }));
        }
        let (keys, id, now) = (&intake.state.keys, known.terminal.id, intake.now());
        let photo = faces::hand_out(db, keys, id, handle, now).await?;
        let name = terminals::name_for(db, known, handle).await?;
        Ok(Some(Self { number, name, photo }))
    }
}
