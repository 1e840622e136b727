//! What the samples of Hikvision, FCARD, Dahua, Uniubi and HQ become. Each begins with the number
//! by which the device names itself.

use super::{Family, Row, Sample, entry, instant, words};
use crate::gateways::{
    dahua, fcard,
    hikvision::{event::What, routes},
    hq::{self, push},
    uniubi,
};

fn hikvision(sample: &Sample) -> Vec<String> {
    let events = routes::events(sample.content_type(), &sample.body);
    let mut lines = Vec::new();
    for event in events {
        let what = match event.what {
            What::Heartbeat(clock) => format!("clock {}", instant(clock.unwrap())),
            What::Fact(fact) => words(&fact),
            What::Question(seen, number) => format!("question {number}: {}", entry(&seen)),
        };
        lines.push(format!("{}: {what}", event.serial));
    }
    lines
}

fn fcard_poll(sample: &Sample) -> Vec<String> {
    vec![fcard::record::serial(&sample.body)]
}

fn fcard_limit(sample: &Sample) -> Vec<String> {
    let limit = fcard::record::limit(&sample.body);
    vec![fcard::record::serial(&sample.body), format!("limit {limit}")]
}

fn fcard_record(sample: &Sample) -> Vec<String> {
    let upload = fcard::record::read(sample.content_type(), &sample.body);
    vec![upload.serial, words(&upload.fact)]
}

fn dahua(sample: &Sample) -> Vec<String> {
    let post = dahua::event::read(sample.content_type(), &sample.body);
    assert_eq!(post.question, None);
    let mut lines = vec![post.serial];
    lines.extend(super::all_words(&post.facts));
    lines
}

fn uniubi(sample: &Sample) -> Vec<String> {
    let callback = uniubi::callback::read(&sample.query(), &sample.body);
    vec![callback.serial, words(&callback.fact)]
}

fn hq(sample: &Sample) -> Vec<String> {
    let push = hq::push::read(&sample.body);
    let what = match push.what {
        push::What::Heartbeat(clock) => format!("clock {}", instant(clock.unwrap())),
        push::What::Fact(fact) => words(&fact),
    };
    vec![push.serial, what]
}

/// 2026-04-17 19:23:48, three hours west: the same event live, in parts, alone and in a stream.
const FACE: &str = "AA0000001: 591|1776464628000 at 2026-04-17T22:23:48Z: face 1, in by face, \
    opened (5/75), place 591 after 590";
const CLOSED: &str = "AA0000001: 572|1776462026000 at 2026-04-17T21:40:26Z: notice remote_close, \
    door 1 after 571";

pub(super) const HIKVISION: Family = Family {
    folder: "hikvision",
    said: &[
        Row("01-httphost-push-remote-close-3-1025.event.json", hikvision, &[CLOSED]),
        Row("01-httphost-push-remote-close-3-1025.req.http", hikvision, &[CLOSED]),
        Row("02-face-pass-5-75.event.json", hikvision, &[FACE]),
        Row("02-httphost-push-face-pass-5-75-with-picture.req.http", hikvision, &[FACE]),
        // Three that were stored, then one that happens; numbers that it does not report are none.
        Row(
            "03-alertstream-replay-then-live.resp.http",
            hikvision,
            &[
                "AA0000001: 587|1776464622000 at 2026-04-17T22:23:42Z: notice hik:3/1028 after 579",
                "AA0000001: 588|1776464623000 at 2026-04-17T22:23:43Z: notice remote_close, \
                 door 1 after 587",
                "AA0000001: 589|1776464623000 at 2026-04-17T22:23:43Z: notice lock_closed, \
                 door 1 after 588",
                FACE,
            ],
        ),
        Row("04-httphost-push-face-pass-plain-json.req.http", hikvision, &[FACE]),
        // It does not say whose it is: its path does.
        Row(
            "06-event-xml-doorbell-5-37.event.xml",
            hikvision,
            &[": 12345|1791279600000 at 2026-10-06T09:40:00Z: notice doorbell, door 1 after 12344"],
        ),
        Row(
            "08-remotecheck-request-event.event.json",
            hikvision,
            &["AA0000001: question 591: 591|1776464628000 at 2026-04-17T22:23:48Z: face 1, in by \
               face, opened (5/75), place 591"],
        ),
    ],
    ours: &[
        "07-remotecheck-put.req.body",
        "07-remotecheck-put.req.success-with-info.body",
        "07-remotecheck-put.resp.body",
        "09-acscfg-put.req.body",
        "10-httphosts-put.req.xml",
        "10-httphosts-put.resp.xml",
        "11-digest-401.resp.http",
        "12-remotecontrol-door-open.req.xml",
        "13-system-time-put.req.xml",
        "14-deviceinfo.resp.xml",
        "15-subscribeevent-autofilled.xml",
    ],
};

const FC: &str = "FC-8200H12345678";

pub(super) const FCARD: Family = Family {
    folder: "fcard",
    said: &[
        Row("01-keepalive.req.http", fcard_poll, &[FC]),
        Row("03-downloadpeople.req.http", fcard_limit, &[FC, "limit 100"]),
        // 1718616771 is 2024-06-17 09:32:51 UTC; the second, packed, says the same second.
        Row(
            "05-uploadidentifyrecord-face-in.req.http",
            fcard_record,
            &[
                FC,
                "120|1718616771 at 2024-06-17T09:32:51Z: face 1, in by face, opened (3), place 120",
            ],
        ),
        Row(
            "06-uploadidentifyrecord-gzip-recordJson-out.req.http",
            fcard_record,
            &[
                FC,
                "121|1718616771 at 2024-06-17T09:32:51Z: face 1, out by face, opened (3), \
                 place 121",
            ],
        ),
    ],
    ours: &[
        "01-keepalive.idle.resp.body",
        "01-keepalive.not-authorised.resp.body",
        "01-keepalive.work.resp.body",
        "02-remotecommand.open-door.resp.body",
        "03-downloadpeople.resp.body",
        "04-deletepeople.resp.body",
        "05-upload.resp.body",
    ],
};

/// Its text three times, before each of three pictures: one event. 1769246396 is 2026-01-24
/// 17:19:56 in Zhejiang, as the name of its file says.
const DAHUA_FACE: &[&str] = &[
    "020000000003",
    "1769246396|1|00000001|15|0 at 2026-01-24T09:19:56Z: face 1, in by face, opened (0), place by \
     its key",
];

pub(super) const DAHUA: Family = Family {
    folder: "dahua",
    said: &[
        Row("01-notification-face-pass-3-images.req.http", dahua, DAHUA_FACE),
        Row("01-notification-face-pass.info.json", dahua, DAHUA_FACE),
    ],
    ours: &[],
};

const UFACE: &str = "E03C1CB7BBE60000";

pub(super) const UNIUBI: Family = Family {
    folder: "uniubi",
    said: &[
        Row(
            "01-identify-callback-face_0-in-period.req.http",
            uniubi,
            &[
                UFACE,
                "1788472566659|face_0 at 2026-09-03T21:56:06.659Z: face PRUEBA1, either way by \
                 face, opened (face_0), place 1788472566659",
            ],
        ),
        Row(
            "02-identify-callback-face_1-out-of-period.req.http",
            uniubi,
            &[
                UFACE,
                "1788472600000|face_1 at 2026-09-03T21:56:40Z: face PRUEBA1, either way by face, \
                 refused (face_1), place 1788472600000",
            ],
        ),
        // A stranger, whatever stands for the person.
        Row(
            "03-identify-callback-face_2-stranger.req.http",
            uniubi,
            &[
                UFACE,
                "1788472612345|face_2 at 2026-09-03T21:56:52.345Z: nobody, either way by face, \
                 refused (face_2), place 1788472612345",
            ],
        ),
    ],
    ours: &[
        "05-heartbeat.reply-has-task.resp.body",
        "05-heartbeat.reply-no-task.resp.body",
        "06-get-task.face-createByUrl.resp.body",
        "06-get-task.person-create.resp.body",
    ],
};

pub(super) const HQ: Family = Family {
    folder: "hq-face",
    said: &[
        Row("01-heartbeat.req.http", hq, &["1434281", "clock 2020-09-15T09:16:01Z"]),
        // Nobody gave it a number of ours, so its own stands for the person; no number of a record.
        Row(
            "02-verifypush-live.req.http",
            hq,
            &[
                "1434281",
                "none|2020-09-15T17:19:41|0||3|1 at 2020-09-15T09:19:41Z: face 3, either way by \
                 face, opened (1), place by its key",
            ],
        ),
        Row(
            "03-verifypush-replayed-with-pictures.req.http",
            hq,
            &[
                "123555",
                "4|2024-06-24T09:56:15 at 2024-06-24T01:56:15Z: face 123, either way by face, \
                 opened (1), place 4",
            ],
        ),
        Row(
            "04-snappush-stranger.req.http",
            hq,
            &[
                "1434281",
                "none|2020-09-15T17:16:23|||| at 2020-09-15T09:16:23Z: nobody, either way by face, \
                 refused (snap), place by its key",
            ],
        ),
    ],
    ours: &[
        "01-heartbeat.resp.body",
        "03-verifypush.alt.resp.body",
        "03-verifypush.resp.body",
        "05-subscribe.command.json",
        "06-editpersonnew.command.json",
        "07-deleteperson.command.json",
    ],
};
