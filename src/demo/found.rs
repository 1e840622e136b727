//! Sets the town up on an empty platform: staff, places, terminals, members, screens; and keeps
//! what people and scripts need to take part.

use std::collections::HashMap;

use anyhow::{Context, ensure};
use sea_orm::DatabaseConnection;
use serde::Deserialize;

use super::{
    credentials::{Credentials, Member, Screen, Staff},
    native::{Identity, Terminal},
    office::Office,
    people::Person,
    places::{DOORS, FOUNDER, Place, STAFF, StaffMember, screen_divisions},
};
use crate::{
    base::{clock::Clock, ids::MemberId, keys::Keys},
    members, screen,
    staff::{self, StaffCaller},
};

/// The server that the demo runs in, and what is behind it for what has no route: `staff add`,
/// `screens add`, and members' tokens.
pub struct Ground<'a> {
    pub db: &'a DatabaseConnection,
    pub keys: &'a Keys,
    pub clock: Clock,
    pub client: reqwest::Client,
    /// Without a slash at its end.
    pub base_url: String,
    pub ops_url: String,
}

/// A town without history.
pub struct Town {
    pub credentials: Credentials,
    /// In the order of [`DOORS`].
    pub terminals: Vec<Terminal>,
    /// In the order of the venues.
    pub places: Vec<Place>,
    /// In the order of the people; none of whom no terminal knows.
    pub ids: Vec<Option<MemberId>>,
    /// Who founded it.
    pub founder: StaffCaller,
}

impl Ground<'_> {
    /// Fails where anything is there already that the town needs to make.
    pub async fn found(&self, people: &[Person]) -> anyhow::Result<Town> {
        let founder = self
            .add_staff(&FOUNDER)
            .await
            .context("the demo wants an empty database; `serve` shows one that holds a town")?;
        let office =
            Office::open(self.client.clone(), &self.base_url, &founder, &self.clock).await?;
        let places = office.found_places().await?;
        let (mut doors, mut terminals) = (Vec::new(), Vec::new());
        for door in &DOORS {
            let made = office.add_terminal(door, places[door.venue].id).await?;
            let who = Identity { id: &made.id, key_id: &made.key_id, key: &made.key };
            let client = self.client.clone();
            let terminal = Terminal::new(client, &self.base_url, &who, self.clock.clone())?;
            terminals.push(terminal.running_fast(chrono::TimeDelta::seconds(door.fast_s)));
            doors.push(made);
        }
        office.import_members(people).await?;
        let known = roster(&terminals[0]).await?;
        let id = |person: &Person| known.get(&person.handle).copied();
        let ids: Vec<Option<MemberId>> = people.iter().map(id).collect();
        let members = self.listed(people, &ids).await?;
        let mut staff = Vec::new();
        for member in &STAFF {
            staff.push(self.add_staff(member).await?);
        }
        let credentials = Credentials {
            base_url: self.base_url.clone(),
            ops_url: self.ops_url.clone(),
            screens: self.screens().await?,
            terminals: doors,
            members,
            staff,
        };
        let founder = office.caller(self.db, &self.clock).await?;
        Ok(Town { credentials, terminals, places, ids, founder })
    }

    async fn add_staff(&self, member: &StaffMember) -> anyhow::Result<Staff> {
        let password = hex::encode(rand::random::<[u8; 12]>());
        let new = staff::NewStaff {
            name: member.name.to_owned().try_into().ok().context("a staff name")?,
            password: password.clone().into(),
            role: member.role.parse()?,
            division: member.division.parse()?,
        };
        let added = staff::add(self.db, self.keys, new, "demo", self.clock.now()).await?;
        Ok(Staff {
            name: member.name.to_owned(),
            role: member.role.to_owned(),
            division: member.division.to_owned(),
            password,
            totp_secret: added.totp_secret,
        })
    }

    async fn screens(&self) -> anyhow::Result<Vec<Screen>> {
        let mut screens = Vec::new();
        for division in screen_divisions() {
            let now = self.clock.now();
            let token = screen::add(self.db, &division.parse()?, "demo", now).await?.token;
            let url = format!("{}/screen/{division}#token={token}", self.base_url);
            screens.push(Screen { division: division.to_owned(), token, url });
        }
        Ok(screens)
    }

    /// The listed members with their ids and fresh tokens.
    async fn listed(
        &self,
        people: &[Person],
        ids: &[Option<MemberId>],
    ) -> anyhow::Result<Vec<Member>> {
        let mut members = Vec::new();
        for (person, id) in people.iter().zip(ids).filter(|(person, _)| person.listed) {
            let id = id.context("a listed member is not on the roster")?;
            let token = members::issue_token(self.db, id, self.clock.now()).await?;
            let credential = person.handle.clone();
            members.push(Member { id: id.to_string(), credential, token });
        }
        Ok(members)
    }
}

/// Members' ids by what terminals know them by.
async fn roster(terminal: &Terminal) -> anyhow::Result<HashMap<String, MemberId>> {
    #[derive(Deserialize)]
    struct Page {
        members: Vec<Grant>,
        next_cursor: Option<String>,
    }
    #[derive(Deserialize)]
    struct Grant {
        member: MemberId,
        handle: String,
    }
    /// More than the town needs: a server that never ends its pages is not waited for.
    const PAGES_MAX: usize = 1_000;
    let mut ids = HashMap::new();
    let mut path = "/api/v1/terminal/roster?limit=200".to_owned();
    for _ in 0..PAGES_MAX {
        let page: Page = terminal.read(&path).await?;
        ids.extend(page.members.into_iter().map(|grant| (grant.handle, grant.member)));
        let Some(cursor) = page.next_cursor else { return Ok(ids) };
        path = format!("/api/v1/terminal/roster?limit=200&cursor={cursor}");
    }
    ensure!(false, "the roster has no end");
    Ok(ids)
}
