//! What residents report of venues and what became of it, and what is announced.

use chrono::TimeDelta;

use super::Life;
use crate::{
    base::db,
    demo::places::YONGXING,
    members::said::Judged,
    notices::{self, NewNotice},
    tickets::{self, Act, Kind, NewTicket, Step},
};

/// A report: at which venue, what, in whose words, how many hours ago, and what staff did since.
struct Report {
    venue: usize,
    kind: Kind,
    text: &'static str,
    hours_ago: i64,
    acts: &'static [Act],
}

const REPORTS: [Report; 6] = [
    Report {
        venue: 0,
        kind: Kind::Equipment,
        text: "二号跑步机启动后有异响。",
        hours_ago: 96,
        acts: &[Act::Triage, Act::Assign, Act::Fix, Act::Confirm],
    },
    Report {
        venue: 1,
        kind: Kind::Hygiene,
        text: "更衣室地面有积水，容易滑倒。",
        hours_ago: 60,
        acts: &[Act::Triage, Act::Assign, Act::Fix, Act::Confirm],
    },
    Report {
        venue: 2,
        kind: Kind::Equipment,
        text: "东侧篮筐的网断了。",
        hours_ago: 30,
        acts: &[Act::Triage, Act::Assign, Act::Fix],
    },
    Report {
        venue: 0,
        kind: Kind::Equipment,
        text: "拉力器的把手松动。",
        hours_ago: 9,
        acts: &[Act::Triage, Act::Assign],
    },
    Report {
        venue: 1,
        kind: Kind::Hygiene,
        text: "饮水机没有水了。",
        hours_ago: 5,
        acts: &[Act::Triage],
    },
    Report { venue: 2, kind: Kind::Equipment, text: "一盏灯不亮。", hours_ago: 1, acts: &[] },
];

const NOTICES: [(&str, &str); 2] = [
    ("永兴社区运动会开始报名", "请在小程序“赛事活动”中报名，名额有限。"),
    ("冬季场馆开放时间不变", "各场馆照常开放，早间锻炼请注意保暖。"),
];

impl Life<'_> {
    pub(super) async fn reports_and_notices(&self) -> anyhow::Result<()> {
        // Those whom the credentials name report: who has the credentials can read what became of it.
        for (who, report) in REPORTS.iter().enumerate() {
            self.report(who, report).await?;
        }
        for (days_ago, (title, body)) in (1..).zip(NOTICES) {
            let new = NewNotice {
                division: Some(YONGXING.parse()?),
                venue: None,
                kind: notices::Kind::Notice,
                title: title.to_owned(),
                body: body.to_owned(),
                publish_at: None,
                until: None,
            };
            let tx = db::begin(self.db).await?;
            notices::publish(&tx, self.by, &new, self.now - TimeDelta::days(days_ago)).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn report(&self, who: usize, report: &Report) -> anyhow::Result<()> {
        let Report { venue, kind, text, hours_ago, acts } = *report;
        let member = self.member(who)?;
        let mut at = self.now - TimeDelta::hours(hours_ago);
        let new = NewTicket {
            venue: self.places[venue].id,
            zone: None,
            kind,
            text: Judged::Fine(text.to_owned()),
        };
        let tx = db::begin(self.db).await?;
        let id = tickets::report(&tx, self.keys, member, &new, at).await?;
        for act in acts {
            at += TimeDelta::minutes(80);
            if *act == Act::Confirm {
                tickets::confirm(&tx, self.keys, member, id, true, at).await?;
                continue;
            }
            let mut step = Step::bare(*act);
            step.assignee = (*act == Act::Assign).then(|| "维修班".to_owned());
            tickets::act(&tx, self.keys, self.by, id, &step, at).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
