//! What activities are as JSON.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    activities::{Activity, Kind, Place, Ranked, SignUp},
    base::ids::DivisionCode,
};

/// An activity.
#[derive(Serialize, ToSchema)]
#[schema(as = Activity)]
pub struct ActivityBody {
    id: Uuid,
    division: DivisionCode,
    venue_id: Option<Uuid>,
    venue: Option<String>,
    /// Where it is, if at no venue.
    place: Option<String>,
    kind: Kind,
    #[schema(example = "社区羽毛球赛")]
    title: String,
    about: String,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    sign_up_until: DateTime<Utc>,
    /// Places, of people or of teams.
    capacity: i32,
    taken: i32,
    waiting: i32,
    /// Years of age on the day on which it begins, both included.
    age_min: Option<i32>,
    age_max: Option<i32>,
    /// People that a team needs when sign-up ends.
    team_min: Option<i32>,
    /// People of a team; null where everybody comes alone.
    team_max: Option<i32>,
    cancelled_at: Option<DateTime<Utc>>,
    cancelled_reason: Option<String>,
    /// Null until it is over and somebody attended.
    held_at: Option<DateTime<Utc>>,
}

impl From<Activity> for ActivityBody {
    fn from(activity: Activity) -> Self {
        let (venue_id, venue) = activity.venue.unzip();
        let (cancelled_at, cancelled_reason) = activity.cancelled.unzip();
        let (times, limits) = (activity.times, activity.limits);
        Self {
            id: activity.id,
            division: activity.division,
            venue_id,
            venue,
            place: activity.place,
            kind: activity.kind,
            title: activity.title,
            about: activity.about,
            starts_at: times.starts_at,
            ends_at: times.ends_at,
            sign_up_until: times.sign_up_until,
            capacity: limits.capacity,
            taken: activity.taken,
            waiting: activity.waiting,
            age_min: limits.age_min,
            age_max: limits.age_max,
            team_min: limits.team_min,
            team_max: limits.team_max,
            cancelled_at,
            cancelled_reason,
            held_at: activity.held_at,
        }
    }
}

/// Somebody's place in an activity.
#[derive(Serialize, ToSchema)]
#[schema(as = ActivitySignUp)]
pub struct SignUpBody {
    id: Uuid,
    activity_id: Uuid,
    member_id: Uuid,
    #[schema(example = "张*")]
    name: String,
    /// The team's number.
    team: Option<i32>,
    captain: bool,
    state: Place,
    /// Until when an offer is to be confirmed.
    offered_until: Option<DateTime<Utc>>,
    attended_at: Option<DateTime<Utc>>,
    /// `door`, `qr` or `staff`.
    attended_by: Option<String>,
    place: Option<i32>,
    result: Option<String>,
}

impl From<SignUp> for SignUpBody {
    fn from(sign_up: SignUp) -> Self {
        Self {
            id: sign_up.id,
            activity_id: sign_up.activity,
            member_id: sign_up.member,
            name: sign_up.name,
            team: sign_up.team,
            captain: sign_up.is_captain,
            state: sign_up.state,
            offered_until: sign_up.offered_until,
            attended_at: sign_up.attended_at,
            attended_by: sign_up.attended_by,
            place: sign_up.place,
            result: sign_up.result,
        }
    }
}

/// A line of a ranking.
#[derive(Serialize, ToSchema)]
#[schema(as = ActivityResult)]
pub struct RankedBody {
    place: i32,
    /// Masked; of a team, its captain's.
    #[schema(example = "张*")]
    name: String,
    team: Option<i32>,
    result: Option<String>,
}

impl From<Ranked> for RankedBody {
    fn from(Ranked { place, name, team, result }: Ranked) -> Self {
        Self { place, name, team, result }
    }
}
