//! The same of what the town has beyond the door: teaching, bookings, groups, activities, fitness,
//! honours, reports.

use super::{
    Exported,
    Kind::{self, Big, Bool, Day, Instant, Int, Sealed, Small, Text},
};

pub(super) const EXPORTED: [Exported; 14] = [
    Exported {
        table: "instructors",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("home_community", Text),
            ("status", Text),
            ("coach", Bool),
            ("certified_until", Day),
            ("created_at", Instant),
        ],
    },
    Exported {
        table: "instructor_certificates",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("level", Text),
            ("issuer", Text),
            ("number_ct", Sealed),
            ("issued_on", Day),
            ("expires_on", Day),
            ("revoked_at", Instant),
        ],
    },
    Exported {
        table: "instructor_services",
        person: "member_id",
        columns: &[
            ("slot_id", Kind::Uuid),
            ("venue_id", Kind::Uuid),
            ("business_day", Day),
            ("minutes", Int),
            ("learners", Int),
        ],
    },
    Exported {
        table: "bookings",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("slot_id", Kind::Uuid),
            ("venue_id", Kind::Uuid),
            ("kind", Text),
            ("resource_id", Kind::Uuid),
            ("state", Text),
            ("starts_at", Instant),
            ("ends_at", Instant),
            ("made_at", Instant),
            ("rating", Small),
        ],
    },
    Exported {
        table: "slot_waiters",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("slot_id", Kind::Uuid),
            ("state", Text),
            ("joined_at", Instant),
        ],
    },
    Exported {
        table: "booking_members",
        person: "member_id",
        columns: &[("pardoned_at", Instant)],
    },
    Exported {
        table: "group_members",
        person: "member_id",
        columns: &[
            ("group_id", Kind::Uuid),
            ("state", Text),
            ("is_leader", Bool),
            ("asked_at", Instant),
            ("joined_at", Instant),
            ("left_at", Instant),
        ],
    },
    Exported {
        table: "group_minutes",
        person: "member_id",
        columns: &[
            ("group_id", Kind::Uuid),
            ("meetup_id", Kind::Uuid),
            ("business_day", Day),
            ("minutes", Int),
            ("recorded_at", Instant),
        ],
    },
    Exported {
        table: "partner_offers",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("community", Text),
            ("sport", Text),
            ("weekday", Int),
            ("hour", Int),
            ("created_at", Instant),
        ],
    },
    Exported {
        table: "activity_sign_ups",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("activity_id", Kind::Uuid),
            ("team_id", Kind::Uuid),
            ("role", Text),
            ("state", Text),
            ("signed_at", Instant),
            ("attended_at", Instant),
            ("attended_by", Text),
            ("place", Int),
            ("result", Text),
        ],
    },
    Exported {
        table: "fitness_tests",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("tested_at", Instant),
            ("division", Text),
            ("result_ct", Sealed),
        ],
    },
    Exported {
        table: "fitness_plans",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("test_id", Kind::Uuid),
            ("plan_ct", Sealed),
            ("starts_on", Day),
            ("ends_on", Day),
            ("created_at", Instant),
        ],
    },
    Exported {
        table: "honours",
        person: "member_id",
        columns: &[("kind", Text), ("place", Int), ("figure", Big), ("beside", Big)],
    },
    Exported {
        table: "tickets",
        person: "member_id",
        columns: &[
            ("id", Kind::Uuid),
            ("venue_id", Kind::Uuid),
            ("kind", Text),
            ("text_ct", Sealed),
            ("held_ct", Sealed),
            ("state", Text),
            ("reported_at", Instant),
            ("ended_at", Instant),
        ],
    },
];
