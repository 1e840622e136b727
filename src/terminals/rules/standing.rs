//! How a terminal stands: what is wrong with it, in words for whoever has to go and look. Pure.

use chrono::TimeDelta;

/// A clock that is off by less disturbs nobody.
const CLOCK_OFF_MS: i64 = 60_000;
/// Silence below this is nothing.
const SILENCE_MIN_S: i64 = 600;
/// Silence of so many usual pauses is more than usual.
const PAUSES: i64 = 3;
const DAY_S: i64 = 86_400;
/// Before a terminal's habits are known, half a day of silence is usual.
pub const USUAL_PAUSE_AT_FIRST_S: i32 = 43_200;

/// Whether a clock that is so far ahead disturbs anybody.
pub fn is_off(clock_offset_ms: i64) -> bool {
    clock_offset_ms.abs() >= CLOCK_OFF_MS
}

/// What is known of a terminal's completeness now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Records whose numbers have not come.
    pub missing_records: i64,
    /// Milliseconds by which its clock is ahead.
    pub clock_offset_ms: i64,
    /// Seconds since it was heard, and the longest usual pause; none before the first time.
    pub silent_s: Option<i64>,
    pub usual_pause_s: i64,
    /// Records that it has not delivered, where it says so.
    pub waiting_records: i64,
    /// It is sending what it kept while it could not.
    pub catching_up: bool,
    /// Persons whom it should hold and does not, or holds and should not.
    pub roster_mismatch: i64,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    Silent,
    MissingRecords,
    Clock,
    Backlog,
    Roster,
}

impl Trouble {
    /// In the order in which somebody should look at them.
    pub const ALL: [Self; 5] =
        [Self::Silent, Self::MissingRecords, Self::Clock, Self::Backlog, Self::Roster];

    /// The word in JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::MissingRecords => "missing_records",
            Self::Clock => "clock",
            Self::Backlog => "backlog",
            Self::Roster => "roster",
        }
    }

    fn advice(self) -> (&'static str, &'static str) {
        match self {
            Self::Silent => ("请检查供电和网络", "check its power and network"),
            Self::MissingRecords => (
                "请下达补传记录命令（query_records）",
                "order it to send its records again (query_records)",
            ),
            Self::Clock => ("请下达校时命令（sync_time）", "order it to set its clock (sync_time)"),
            Self::Backlog => ("请等待补传完成", "wait until it has sent everything"),
            Self::Roster => ("请查看名单中未写入的人员", "look at the persons it did not take"),
        }
    }
}

impl Standing {
    pub fn troubles(&self) -> Vec<Trouble> {
        Trouble::ALL.into_iter().filter(|trouble| self.has(*trouble)).collect()
    }

    fn has(&self, trouble: Trouble) -> bool {
        match trouble {
            Trouble::Silent => self.silent_s.is_some_and(|s| is_unusual(self.usual_pause_s, s)),
            Trouble::MissingRecords => self.missing_records > 0,
            Trouble::Clock => is_off(self.clock_offset_ms),
            Trouble::Backlog => self.waiting_records > 0 || self.catching_up,
            Trouble::Roster => self.roster_mismatch > 0,
        }
    }

    /// One sentence in Chinese and one in English: how it stands, and what to do first.
    pub fn sentences(&self, name: &str) -> (String, String) {
        let troubles = self.troubles();
        let Some(first) = troubles.first() else {
            return (format!("{name}一切正常。"), format!("{name} is fine."));
        };
        let (zh, en): (Vec<_>, Vec<_>) =
            troubles.iter().map(|trouble| self.words(*trouble)).unzip();
        let (do_zh, do_en) = first.advice();
        let zh = format!("{name}{}。{do_zh}。", zh.join("，"));
        (zh, format!("{name} {}: {do_en}.", en.join(", ")))
    }

    fn words(&self, trouble: Trouble) -> (String, String) {
        match trouble {
            Trouble::Silent => {
                let (zh, en) = span(self.silent_s.unwrap_or_default());
                let (usual_zh, usual_en) = span(self.usual_pause_s);
                (
                    format!("已{zh}没有消息（平时最多间隔{usual_zh}）"),
                    format!("has been silent for {en} (usually at most {usual_en})"),
                )
            }
            Trouble::MissingRecords => {
                let n = self.missing_records;
                (format!("缺{n}条记录"), format!("is missing {n} records"))
            }
            Trouble::Clock => {
                let (zh, en) = span(self.clock_offset_ms.abs() / 1_000);
                let is_fast = self.clock_offset_ms > 0;
                let (fast_zh, fast_en) = if is_fast { ("快", "fast") } else { ("慢", "slow") };
                (format!("时钟{fast_zh}{zh}"), format!("is {en} {fast_en}"))
            }
            Trouble::Backlog if self.waiting_records > 0 => {
                let n = self.waiting_records;
                (format!("还有{n}条记录待传"), format!("has {n} records left to send"))
            }
            Trouble::Backlog => {
                ("正在补传积压的记录".to_owned(), "is sending what it had kept".to_owned())
            }
            Trouble::Roster => {
                let n = self.roster_mismatch;
                (format!("名单有{n}人不一致"), format!("differs from the roster in {n} persons"))
            }
        }
    }
}

/// A span of time in its largest whole unit.
fn span(seconds: i64) -> (String, String) {
    let span = TimeDelta::seconds(seconds);
    let (n, zh, en) = match (span.num_days(), span.num_hours(), span.num_minutes()) {
        (days @ 2.., _, _) => (days, "天", "days"),
        (_, hours @ 2.., _) => (hours, "小时", "hours"),
        (_, _, minutes @ 1..) => (minutes, "分钟", "min"),
        _ => (seconds, "秒", "s"),
    };
    (format!("{n}{zh}"), format!("{n} {en}"))
}

fn is_unusual(usual_pause_s: i64, pause_s: i64) -> bool {
    pause_s > SILENCE_MIN_S.max(PAUSES.saturating_mul(usual_pause_s))
}

/// The longest usual pause after one more pause. Habits are forgotten within days; an outage is
/// not learned as one, but what comes again and again is.
pub fn usual_pause_step(usual_s: i32, pause_s: i64) -> i32 {
    let usual = i64::from(usual_s).max(1);
    let pause = pause_s.clamp(0, 30 * DAY_S);
    let forgotten = usual * DAY_S / (DAY_S + pause);
    let learned = if is_unusual(usual, pause) { pause.min(usual * 2) } else { pause };
    i32::try_from(forgotten.max(learned)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_says_what_is_wrong_and_what_to_do_first() {
        let standing = Standing {
            missing_records: 37,
            clock_offset_ms: 240_000,
            silent_s: Some(30),
            usual_pause_s: 30,
            ..Standing::default()
        };
        let (zh, en) = standing.sentences("门3");
        assert_eq!(zh, "门3缺37条记录，时钟快4分钟。请下达补传记录命令（query_records）。");
        assert_eq!(
            en,
            "门3 is missing 37 records, is 4 min fast: order it to send its records again \
             (query_records)."
        );
        assert_eq!(Standing::default().sentences("门3").0, "门3一切正常。");
    }

    #[test]
    fn every_trouble_has_its_words() {
        let standing = Standing {
            silent_s: Some(7_200),
            usual_pause_s: 60,
            missing_records: 1,
            clock_offset_ms: -3_600_000 * 72,
            waiting_records: 5,
            catching_up: true,
            roster_mismatch: 2,
        };
        assert_eq!(standing.troubles(), Trouble::ALL);
        let (zh, _) = standing.sentences("门3");
        let expected = "门3已2小时没有消息（平时最多间隔1分钟），缺1条记录，时钟慢3天，\
                        还有5条记录待传，名单有2人不一致。请检查供电和网络。";
        assert_eq!(zh, expected);
        let catching_up = Standing { catching_up: true, ..Standing::default() };
        assert!(catching_up.sentences("门3").0.contains("正在补传"));
    }

    #[test]
    fn a_device_that_polls_is_soon_missed_and_one_that_sleeps_at_night_is_not() {
        let mut usual = USUAL_PAUSE_AT_FIRST_S;
        for _ in 0..(12 * 24 * 60 * 2) {
            usual = usual_pause_step(usual, 30);
        }
        assert!(usual <= 60, "{usual}");
        assert!(is_unusual(i64::from(usual), 700) && !is_unusual(i64::from(usual), 500));
        // Ten hours of every night, and somebody every ten minutes of the day.
        let mut usual = USUAL_PAUSE_AT_FIRST_S;
        for _ in 0..30 {
            assert!(!is_unusual(i64::from(usual), 36_000), "{usual}");
            usual = usual_pause_step(usual, 36_000);
            for _ in 0..84 {
                usual = usual_pause_step(usual, 600);
            }
        }
    }

    #[test]
    fn an_outage_is_not_learned_but_a_new_habit_is() {
        assert_eq!(usual_pause_step(60, 8 * 3_600), 120);
        let mut usual = 60;
        for _ in 0..12 {
            usual = usual_pause_step(usual, 36_000);
        }
        assert!(!is_unusual(i64::from(usual), 36_000), "{usual}");
        assert!(usual_pause_step(0, -5) >= 0 && usual_pause_step(i32::MAX, i64::MAX) > 0);
    }
}
