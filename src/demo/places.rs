//! The town's places: divisions, venues with their hours, and the doors with their terminals.
//! Codes under 330482 are illustrative.

use crate::base::ids::{VenueId, ZoneId};

/// What the server calls a venue of the list, and its zones in their order.
pub struct Place {
    pub id: VenueId,
    pub zones: Vec<ZoneId>,
}

/// The opening day of every venue: the platform's start.
pub const STARTED_ON: &str = "2020-12-01";
/// The community whose figures the town is known for; the first screen is its own.
pub const YONGXING: &str = "330482401001";
pub const PINGHU: &str = "330482";

pub struct Division {
    pub code: &'static str,
    pub name: &'static str,
    pub population: Option<i64>,
}

const fn division(code: &'static str, name: &'static str, population: Option<i64>) -> Division {
    Division { code, name, population }
}

/// Widest first, so that each one's parent exists before it.
pub const DIVISIONS: [Division; 11] = [
    division("33", "浙江省", None),
    division("3304", "嘉兴市", None),
    division(PINGHU, "平湖市", Some(671_834)),
    division("330482401", "平湖经济技术开发区", None),
    division("330482001", "当湖街道", None),
    division("330482100", "乍浦镇", None),
    division("330482101", "新埭镇", None),
    division(YONGXING, "永兴社区", Some(9_860)),
    division("330482001012", "如意社区", Some(12_400)),
    division("330482100005", "天妃社区", Some(7_300)),
    division("330482101003", "泖河社区", Some(5_100)),
];

/// How entries and exits become sessions at a venue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pairing {
    InAndOut,
    Toggle,
    EntryOnly,
}

impl Pairing {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Pairing::InAndOut => "in_and_out",
            Pairing::Toggle => "toggle",
            Pairing::EntryOnly => "entry_only",
        }
    }
}

/// Opening and closing in minutes of the local day.
pub type Period = (i64, i64);

pub struct Venue {
    pub community: &'static str,
    pub name: &'static str,
    pub kind: &'static str,
    pub area_m2: i32,
    /// WGS 84.
    pub lat: f64,
    pub lng: f64,
    /// Monday to Friday, then Saturday and Sunday; `None` is a venue that never closes.
    pub hours: Option<(Period, Period)>,
    pub pairing: Pairing,
    pub capacity_soft: Option<i32>,
    pub capacity: Option<i32>,
    pub prerequisites: &'static [&'static str],
    /// (kind, name) of its zones.
    pub zones: &'static [(&'static str, &'static str)],
    /// How many of a thousand exits nobody sees.
    pub exits_missing_permille: u32,
    /// How often it is chosen among its community's venues; 0 keeps it out of the simulation.
    pub weight: u32,
}

impl Venue {
    /// Its opening period on a weekday, in minutes of the local day; `None` if it never closes.
    pub fn period(&self, weekend: bool) -> Option<Period> {
        self.hours.map(|(working, weekends)| if weekend { weekends } else { working })
    }

    pub fn needs_approval(&self) -> bool {
        !self.prerequisites.is_empty()
    }
}

/// What a person needs to be approved for before entering the school's grounds.
pub const SCHOOL_APPROVAL: &str = "school_grounds";
/// Minutes credited for a stay whose end nobody saw, unless closing or the next entry cuts it.
pub const USUAL_STAY_MIN: i64 = 60;

const ALL_DAY_LONG: Option<(Period, Period)> = None;

pub const VENUES: [Venue; 8] = [
    Venue {
        community: YONGXING,
        name: "永兴百姓健身房",
        kind: "gym",
        area_m2: 200,
        lat: 30.7148,
        lng: 121.0472,
        hours: Some(((5 * 60, 24 * 60), (5 * 60, 24 * 60))),
        pairing: Pairing::InAndOut,
        capacity_soft: Some(60),
        capacity: Some(120),
        prerequisites: &[],
        zones: &[
            ("fitness_test", "体测区"),
            ("cardio", "有氧区"),
            ("strength", "力量区"),
            ("table_tennis", "乒乓球区"),
        ],
        exits_missing_permille: 590,
        weight: 46,
    },
    Venue {
        community: YONGXING,
        name: "永兴室内健身馆",
        kind: "indoor_hall",
        area_m2: 400,
        lat: 30.7152,
        lng: 121.0480,
        hours: Some(((6 * 60, 22 * 60), (6 * 60, 22 * 60))),
        pairing: Pairing::Toggle,
        capacity_soft: Some(120),
        capacity: None,
        prerequisites: &[],
        zones: &[("dance_room", "舞蹈室"), ("table_tennis", "乒乓球馆")],
        exits_missing_permille: 220,
        weight: 22,
    },
    Venue {
        community: YONGXING,
        name: "永兴多功能运动场",
        kind: "multi_sport_court",
        area_m2: 800,
        lat: 30.7157,
        lng: 121.0469,
        hours: Some(((6 * 60, 22 * 60), (6 * 60, 22 * 60))),
        pairing: Pairing::EntryOnly,
        capacity_soft: None,
        capacity: None,
        prerequisites: &[],
        zones: &[("basketball", "篮球场"), ("badminton", "羽毛球场")],
        exits_missing_permille: 1000,
        weight: 22,
    },
    Venue {
        community: YONGXING,
        name: "永兴小学运动场",
        kind: "school_grounds",
        area_m2: 5200,
        lat: 30.7139,
        lng: 121.0491,
        hours: Some(((17 * 60 + 30, 20 * 60 + 30), (8 * 60, 20 * 60 + 30))),
        pairing: Pairing::InAndOut,
        capacity_soft: Some(200),
        capacity: Some(300),
        prerequisites: &[SCHOOL_APPROVAL],
        zones: &[("running_track", "跑道"), ("football", "足球场")],
        exits_missing_permille: 350,
        weight: 10,
    },
    Venue {
        community: "330482001012",
        name: "如意24小时健身房",
        kind: "gym",
        area_m2: 260,
        lat: 30.6951,
        lng: 121.0152,
        hours: ALL_DAY_LONG,
        pairing: Pairing::InAndOut,
        capacity_soft: Some(80),
        capacity: None,
        prerequisites: &[],
        zones: &[("cardio", "有氧区"), ("strength", "力量区")],
        exits_missing_permille: 450,
        weight: 60,
    },
    Venue {
        community: "330482001012",
        name: "如意多功能运动场",
        kind: "multi_sport_court",
        area_m2: 760,
        lat: 30.6957,
        lng: 121.0160,
        hours: Some(((6 * 60, 22 * 60), (6 * 60, 22 * 60))),
        pairing: Pairing::EntryOnly,
        capacity_soft: None,
        capacity: None,
        prerequisites: &[],
        zones: &[("basketball", "篮球场")],
        exits_missing_permille: 1000,
        weight: 40,
    },
    Venue {
        community: "330482100005",
        name: "天妃百姓健身房",
        kind: "gym",
        area_m2: 180,
        lat: 30.6012,
        lng: 121.0883,
        hours: Some(((6 * 60, 22 * 60), (6 * 60, 22 * 60))),
        pairing: Pairing::Toggle,
        capacity_soft: Some(40),
        capacity: None,
        prerequisites: &[],
        zones: &[("cardio", "有氧区"), ("strength", "力量区")],
        exits_missing_permille: 300,
        weight: 100,
    },
    // Kept for door logs that `replay swipes` sends: nobody of the simulation goes there.
    Venue {
        community: "330482101003",
        name: "泖河职工健身中心",
        kind: "gym",
        area_m2: 320,
        lat: 30.8204,
        lng: 121.0617,
        hours: ALL_DAY_LONG,
        pairing: Pairing::InAndOut,
        capacity_soft: None,
        capacity: None,
        prerequisites: &[],
        zones: &[("cardio", "有氧区"), ("strength", "力量区")],
        exits_missing_permille: 590,
        weight: 0,
    },
];

/// Which way a terminal faces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Facing {
    In,
    Out,
    Both,
}

impl Facing {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Facing::In => "in",
            Facing::Out => "out",
            Facing::Both => "both",
        }
    }
}

/// A terminal at a door.
pub struct Door {
    pub serial: &'static str,
    /// Position in [`VENUES`].
    pub venue: usize,
    pub facing: Facing,
    /// How far its clock runs ahead, in seconds.
    pub fast_s: i64,
    /// Whether it was offline for the last three days of the history and replays them late.
    pub was_offline: bool,
    /// Whether it is the one for door logs.
    pub replay: bool,
}

const fn door(serial: &'static str, venue: usize, facing: Facing) -> Door {
    Door { serial, venue, facing, fast_s: 0, was_offline: false, replay: false }
}

/// Four minutes; a multiple of the 5 s to which the server rounds what it measures.
const FAST_S: i64 = 240;

pub const DOORS: [Door; 11] = [
    door("FG-YX-GYM-IN", 0, Facing::In),
    Door { was_offline: true, ..door("FG-YX-GYM-OUT", 0, Facing::Out) },
    Door { fast_s: FAST_S, ..door("FG-YX-HALL", 1, Facing::Both) },
    door("FG-YX-COURT", 2, Facing::In),
    door("FG-YX-SCHOOL-IN", 3, Facing::In),
    door("FG-YX-SCHOOL-OUT", 3, Facing::Out),
    door("FG-RY-GYM-IN", 4, Facing::In),
    door("FG-RY-GYM-OUT", 4, Facing::Out),
    door("FG-RY-COURT", 5, Facing::In),
    door("FG-TF-GYM", 6, Facing::Both),
    Door { replay: true, ..door("FG-MH-GYM", 7, Facing::Both) },
];

/// The door (position in [`DOORS`]) that sees people come into a venue, or leave it.
pub fn door_of(venue: usize, leaving: bool) -> Option<usize> {
    let seen_by = if leaving { Facing::Out } else { Facing::In };
    DOORS.iter().position(|door| {
        door.venue == venue && matches!(door.facing, f if f == seen_by || f == Facing::Both)
    })
}

/// The screens of the credentials: Yongxing's first.
pub fn screen_divisions() -> impl Iterator<Item = &'static str> {
    let others = DIVISIONS.iter().map(|d| d.code).filter(|code| code.len() == 12);
    [YONGXING, PINGHU].into_iter().chain(others.filter(|code| *code != YONGXING))
}

/// A member of staff that the demo makes.
pub struct StaffMember {
    pub name: &'static str,
    pub role: &'static str,
    pub division: &'static str,
}

pub const STAFF: [StaffMember; 5] = [
    StaffMember { name: "demo-admin", role: "admin", division: "33" },
    StaffMember { name: "demo-pinghu", role: "district", division: PINGHU },
    StaffMember { name: "demo-yongxing", role: "community", division: YONGXING },
    StaffMember { name: "demo-desk", role: "venue", division: YONGXING },
    StaffMember { name: "demo-bureau", role: "bureau", division: "3304" },
];

/// Builds the town and is named to nobody, so that its one-time codes take no one else's.
pub const FOUNDER: StaffMember =
    StaffMember { name: "demo-founder", role: "admin", division: "33" };
