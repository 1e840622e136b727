//! Instructors over HTTP, for the staff who keep them.
//!
//! | path | does |
//! | --- | --- |
//! | `GET, POST /api/v1/staff/instructors` | those of a division; registers a resident as one |
//! | `GET, PATCH /api/v1/staff/instructors/{id}` | one with certificates and service; changes them |
//! | `POST /api/v1/staff/instructors/{id}/certificates` | enters a certificate |
//! | `DELETE /api/v1/staff/instructors/{id}/certificates/{key}` | takes one back |

use axum::{extract::State as Of, http::StatusCode};
use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    Certificate, Change, Filter, Instructor, Level, NewCertificate, NewInstructor,
    SPECIALITIES_MAX, Status, reading, services,
};
use crate::{
    base::{
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command, Stamp},
        ids::{DivisionCode, InstructorId, MemberId, StaffId},
        page::{Limit, Page},
        state::State,
    },
    members,
    staff::{Function, Role, StaffCaller},
    venues::terms::{Kind, Name},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, register))
        .routes(routes!(show, change))
        .routes(routes!(certify))
        .routes(routes!(revoke))
}

#[derive(Serialize, ToSchema)]
#[schema(as = Instructor)]
struct InstructorJson {
    id: InstructorId,
    member_id: MemberId,
    /// Masked.
    name: String,
    account_id: Option<StaffId>,
    home_community: DivisionCode,
    status: Status,
    is_coach: bool,
    /// The last day on which a certificate is good; null without any.
    certified_until: Option<NaiveDate>,
    specialities: Vec<String>,
}

impl From<Instructor> for InstructorJson {
    fn from(one: Instructor) -> Self {
        Self {
            id: one.id,
            member_id: one.member,
            name: one.name_masked,
            account_id: one.staff,
            home_community: one.home_community,
            status: one.status,
            is_coach: one.is_coach,
            certified_until: one.certified_until,
            specialities: one.specialities,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// The caller's own when absent.
    division: Option<DivisionCode>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

/// The instructors whose home community lies in a division; to an instructor, themselves alone.
#[utoipa::path(get, path = "/api/v1/staff/instructors", tag = "staff: instructors",
    params(ListQuery), responses((status = 200, body = Page<InstructorJson>)))]
async fn list(
    Of(state): Of<State>,
    by: StaffCaller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<InstructorJson>>, Error> {
    let division = query.division.unwrap_or_else(|| by.division.clone());
    let staff = (by.role == Role::Instructor).then_some(by.id);
    let right = staff.map_or(Function::SeeMembers, |_| Function::PublishSlots);
    by.require(right, &division)?;
    let (cursors, name) = (state.keys.cursors(), format!("instructors {division}"));
    let list = cursors.list(&name);
    let after = list.key_if_any(query.cursor.as_deref())?;
    let filter = Filter { division: Some(division), staff, ..Filter::default() };
    let rows = reading::list(&state.db, &filter, after, query.limit.rows_to_read()).await?;
    Ok(Json(Page::cut(rows, query.limit, &list, |one| one.id, Into::into)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewInstructor)]
struct NewBody {
    member_id: MemberId,
    home_community: DivisionCode,
    /// What they teach, such as `badminton`; at most ten.
    #[serde(default)]
    specialities: Vec<String>,
    /// Whether they offer slots that residents book.
    #[serde(default)]
    is_coach: bool,
    /// An account of the role `instructor` with which they publish slots themselves.
    account_id: Option<StaffId>,
}

fn sports(texts: &[String]) -> Result<Vec<Kind>, Error> {
    if texts.len() > SPECIALITIES_MAX {
        return Err(Error::invalid("/specialities", Code::TooManyItems));
    }
    let parsed = texts.iter().enumerate().map(|(n, text)| {
        Kind::parse(text).map_err(|code| Error::invalid(format!("/specialities/{n}"), code))
    });
    parsed.collect()
}

#[derive(Serialize, ToSchema)]
#[schema(as = InstructorChanged)]
struct ChangedJson {
    id: InstructorId,
}

/// Registers a resident with a verified name as an instructor.
#[utoipa::path(post, path = "/api/v1/staff/instructors", tag = "staff: instructors",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = NewBody, responses(
        (status = 201, body = ChangedJson),
        (status = 404, description = "No such resident in the caller's division"),
        (status = 409, description = "`instructor_exists`"),
        (status = 422, description = "`member_not_verified`, or a field is not acceptable"),
    ))]
async fn register(
    Of(state): Of<State>,
    by: StaffCaller,
    Command { stamp, body: Json(body) }: Command<Json<NewBody>>,
) -> Result<Answer, Error> {
    let (now, specialities) = (state.clock.now(), sports(&body.specialities)?);
    let NewBody { member_id: member, home_community, is_coach, account_id: staff, .. } = body;
    let new = NewInstructor { member, home_community, specialities, is_coach, staff };
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let id = super::register(tx, &state.keys, &by, new, now).await?;
            Ok((StatusCode::CREATED, ChangedJson { id }))
        })
        .await
}

#[derive(Serialize, ToSchema)]
#[schema(as = InstructorCertificate)]
struct CertificateJson {
    id: Uuid,
    level: Level,
    issuer: String,
    issued_on: NaiveDate,
    expires_on: Option<NaiveDate>,
    revoked_at: Option<DateTime<Utc>>,
}

impl From<Certificate> for CertificateJson {
    fn from(one: Certificate) -> Self {
        let Certificate { id, level, issuer, issued_on, expires_on, revoked_at } = one;
        Self { id, level, issuer, issued_on, expires_on, revoked_at }
    }
}

/// Service that doors have proven: coach and learners were inside during a slot.
#[derive(Serialize, ToSchema)]
#[schema(as = InstructorService)]
struct ServedJson {
    from: NaiveDate,
    to: NaiveDate,
    slots: i64,
    minutes: i64,
    /// Learners of all slots added up; who came twice counts twice.
    learners: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = InstructorDetails)]
struct DetailsJson {
    #[serde(flatten)]
    instructor: InstructorJson,
    certificates: Vec<CertificateJson>,
    service: ServedJson,
}

/// Business days of which service is added up.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PeriodQuery {
    /// A year before `to` when absent.
    from: Option<NaiveDate>,
    /// Today when absent.
    to: Option<NaiveDate>,
}

/// An instructor with certificates, and the service of a period.
#[utoipa::path(get, path = "/api/v1/staff/instructors/{id}", tag = "staff: instructors",
    params(("id" = InstructorId, Path), PeriodQuery), responses(
        (status = 200, body = DetailsJson),
        (status = 404, description = "None in the caller's division"),
    ))]
async fn show(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<InstructorId>,
    Query(period): Query<PeriodQuery>,
) -> Result<Json<DetailsJson>, Error> {
    let instructor = reading::find(&state.db, id).await?;
    by.require(Function::SeeMembers, &instructor.home_community)?;
    let to = period.to.unwrap_or_else(|| members::local_day(state.clock.now()));
    let from = period.from.or_else(|| to.checked_sub_days(Days::new(365))).unwrap_or(to);
    if !(is_sensible(from) && is_sensible(to)) {
        return Err(Error::invalid("/from", Code::BadTime));
    }
    let served = services::served(&state.db, id, (from, to)).await?;
    let certificates = reading::certificates(&state.db, id).await?;
    let services::Served { slots, minutes, learners } = served;
    Ok(Json(DetailsJson {
        instructor: instructor.into(),
        certificates: certificates.into_iter().map(Into::into).collect(),
        service: ServedJson { from, to, slots, minutes, learners },
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InstructorChange)]
struct ChangeBody {
    status: Option<Status>,
    home_community: Option<DivisionCode>,
    specialities: Option<Vec<String>>,
    is_coach: Option<bool>,
    account_id: Option<StaffId>,
}

/// Changes what is given of an instructor.
#[utoipa::path(patch, path = "/api/v1/staff/instructors/{id}", tag = "staff: instructors",
    params(("id" = InstructorId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = ChangeBody, responses(
        (status = 200, body = ChangedJson),
        (status = 404, description = "None in the caller's division"),
        (status = 409, description = "`instructor_exists`: the account is another's"),
    ))]
async fn change(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<InstructorId>,
    Command { stamp, body: Json(body) }: Command<Json<ChangeBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    let specialities = body.specialities.as_deref().map(sports).transpose()?;
    let ChangeBody { status, home_community, is_coach, account_id: staff, .. } = body;
    let change = Change { status, home_community, specialities, is_coach, staff };
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            super::change(tx, &by, id, change, now).await?;
            Ok((StatusCode::OK, ChangedJson { id }))
        })
        .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCertificate)]
struct CertificateBody {
    level: Level,
    /// Who certified, in 1 to 60 characters.
    issuer: String,
    /// The number as printed, in 1 to 60 characters; kept sealed.
    number: String,
    issued_on: NaiveDate,
    /// The last day on which it is good; absent for one without an end.
    expires_on: Option<NaiveDate>,
}

impl CertificateBody {
    fn into_new(self) -> Result<NewCertificate, Error> {
        let name = |pointer: &str, text: &str| {
            Name::parse(text).map_err(|code| Error::invalid(pointer, code))
        };
        let (issuer, number) = (name("/issuer", &self.issuer)?, name("/number", &self.number)?);
        let Self { level, issued_on, expires_on, .. } = self;
        if !is_sensible(issued_on) || !expires_on.is_none_or(is_sensible) {
            return Err(Error::invalid("/issued_on", Code::BadTime));
        }
        Ok(NewCertificate { level, issuer, number, issued_on, expires_on })
    }
}

/// Years that days of certificates and service lie in; others are slips of the pen.
const YEARS: std::ops::RangeInclusive<i32> = 1949..=2199;

fn is_sensible(day: NaiveDate) -> bool {
    YEARS.contains(&day.year())
}

#[derive(Serialize, ToSchema)]
#[schema(as = CertificateEntered)]
struct EnteredJson {
    id: Uuid,
}

/// Enters a certificate that the caller has seen.
#[utoipa::path(post, path = "/api/v1/staff/instructors/{id}/certificates",
    tag = "staff: instructors",
    params(("id" = InstructorId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = CertificateBody, responses(
        (status = 201, body = EnteredJson),
        (status = 404, description = "None in the caller's division"),
    ))]
async fn certify(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<InstructorId>,
    Command { stamp, body: Json(body) }: Command<Json<CertificateBody>>,
) -> Result<Answer, Error> {
    let (now, new) = (state.clock.now(), body.into_new()?);
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let id = super::certify(tx, &state.keys, &by, id, new, now).await?;
            Ok((StatusCode::CREATED, EnteredJson { id }))
        })
        .await
}

/// Takes a certificate back; it stays on file.
#[utoipa::path(delete, path = "/api/v1/staff/instructors/{id}/certificates/{key}",
    tag = "staff: instructors",
    params(("id" = InstructorId, Path), ("key" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    responses(
        (status = 200, body = EnteredJson),
        (status = 404, description = "None in the caller's division"),
    ))]
async fn revoke(
    Of(state): Of<State>,
    by: StaffCaller,
    Path((id, certificate)): Path<(InstructorId, Uuid)>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            super::revoke(tx, &by, (id, certificate), now).await?;
            Ok((StatusCode::OK, EnteredJson { id: certificate }))
        })
        .await
}
