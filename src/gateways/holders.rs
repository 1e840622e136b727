//! A person as a device is told of them: the number that it knows them by, their face where we may
//! hand it out, and a masked name where the venue wants one there.

use std::net::IpAddr;

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

/// Why somebody was not told of.
pub const WITHHELD: &str =
    "未交出人脸：设备不在专用网络 face withheld: the device is in no private network";

impl Holder {
    /// Whom an order is about, for a device that asks from `address`; nobody where it is about none,
    /// or about one who has no number here. The photo is noted as handed out.
    ///
    /// Devices with short numbers have no secret of their own: whoever knows a serial number speaks
    /// as one. Nobody's face goes where the whole world may ask.
    pub async fn of(
        intake: &Intake,
        known: &VendorTerminal,
        order: &Order,
        address: Option<IpAddr>,
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
        let is_safe = known.has_path_token() || address.is_some_and(is_private);
        let (keys, id, now) = (&intake.state.keys, known.terminal.id, intake.now());
        // Known by a number of the terminal's own: a face that was taken here.
        if !is_safe && number != *handle {
            return Ok(None);
        }
        let photo = if is_safe { faces::hand_out(db, keys, id, handle, now).await? } else { None };
        let name = terminals::name_for(db, known, handle).await?;
        Ok(Some(Self { number, name, photo }))
    }
}

/// Whether an address belongs to a network that the world cannot reach into.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            // The last one is that of carriers, in which many a VPN lives.
            v4.is_private() || v4.is_loopback() || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(v6) => v6.is_loopback() || (v6.segments()[0] & 0xfe00) == 0xfc00,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_go_to_private_networks_only() {
        let is = |text: &str| is_private(text.parse().unwrap());
        for own in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.9",
            "172.16.0.1",
            "100.64.0.1",
            "::1",
            "fd00::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(is(own), "{own}");
        }
        for world in
            ["8.8.8.8", "100.128.0.1", "172.32.0.1", "2001:db8::1", "::ffff:8.8.8.8", "169.254.0.1"]
        {
            assert!(!is(world), "{world}");
        }
    }
}
