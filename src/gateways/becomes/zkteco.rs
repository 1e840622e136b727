//! What the samples of `ZKTeco` become, of access terminals and of attendance terminals.

use super::{Family, Row, Sample, all_words, instant};
use crate::gateways::{
    facts::When,
    zkteco::{acc, att, results},
};

/// A request that only asks: there is nothing to read.
fn asks(sample: &Sample) -> Vec<String> {
    assert!(sample.body.is_empty());
    Vec::new()
}

/// What somebody enrolled at the device: a template and a picture, neither read nor kept.
fn left_aside(sample: &Sample) -> Vec<String> {
    assert!(sample.query().get("table").is_none());
    Vec::new()
}

fn events(sample: &Sample) -> Vec<String> {
    assert_eq!(sample.query().text("table"), "rtlog");
    all_words(&acc::events(&sample.body))
}

fn question(sample: &Sample) -> Vec<String> {
    let (seen, record) = acc::question(&sample.body).unwrap();
    assert_eq!(record.as_bytes(), sample.body, "it is told back as it came");
    vec![super::entry(&seen), format!("door {}", acc::door_of(&record))]
}

fn clock(sample: &Sample) -> Vec<String> {
    let clock = acc::clock(&sample.body).map(|at| format!("clock {}", instant(When::Local(at))));
    clock.into_iter().collect()
}

fn firmware(sample: &Sample) -> Vec<String> {
    acc::firmware(&sample.body).into_iter().map(|firmware| format!("firmware {firmware}")).collect()
}

/// What a poll says of the device itself.
fn info(sample: &Sample) -> Vec<String> {
    let (firmware, faces) = att::info(sample.query().text("info"));
    vec![format!("firmware {}", firmware.unwrap()), format!("faces {}", faces.unwrap())]
}

fn result_lines(sample: &Sample) -> Vec<String> {
    let all = results::results(&sample.query(), &sample.body);
    all.iter().map(|result| format!("result of {}: {}", result.id, result.code)).collect()
}

/// A table of an access terminal, sent or asked for; what it says of orders is told as well.
fn acc_table(sample: &Sample) -> Vec<String> {
    let query = sample.query();
    let mut lines = Vec::new();
    if query.get("type").is_none_or(|kind| kind == "tabledata") {
        lines = all_words(&acc::table(query.text("tablename"), &sample.body));
    }
    if query.get("tablename") == Some("errorlog") {
        let errors = acc::errors_of_commands(&sample.body);
        lines.extend(errors.iter().map(|(id, code)| format!("error of {id}: {code}")));
    }
    if let Some(id) = query.get("cmdid") {
        lines.push(format!("result of {id}: {}", query.number("count").unwrap()));
    }
    lines
}

/// A table of an attendance terminal, and how many rows of it are acknowledged.
fn att_table(sample: &Sample) -> Vec<String> {
    let (facts, rows) = att::table(sample.query().text("table"), &sample.body);
    let mut lines = all_words(&facts);
    lines.push(format!("{rows} rows"));
    lines
}

pub(super) const ACC: Family = Family {
    folder: "zkteco-acc",
    said: &[
        Row("01-connect.req.http", asks, &[]),
        Row("02-registry.req.http", firmware, &["firmware Ver 8.0.1.3-20151229"]),
        Row("03-push-config.req.http", asks, &[]),
        Row("03b-push-config-get.req.http", asks, &[]),
        Row("04-options.req.http", firmware, &["firmware Ver 8.0.4.1-20180102"]),
        Row("05-ping.req.http", asks, &[]),
        // Not registered: refused, whoever it was.
        Row(
            "06-rtlog-unregistered-person.req.http",
            events,
            &["21|2017-01-10 11:49:32 at 2017-01-10T03:49:32Z: nobody, out by manual, \
               refused (27), place 21"],
        ),
        // A face by the old decimal and by the new sixteen bits; mask and temperature left aside.
        Row(
            "07-rtlog-face-in-and-out.req.http",
            events,
            &[
                "101|2026-08-21 07:22:05 at 2026-08-20T23:22:05Z: face 1, in by face, opened (3), \
                 place 101",
                "102|2026-08-21 07:22:09 at 2026-08-20T23:22:09Z: face 2, out by face, opened (0), \
                 place 102",
            ],
        ),
        Row(
            "08-rtlog-startup-device-event.req.http",
            events,
            &["100|2026-08-21 07:20:00 at 2026-08-20T23:20:00Z: notice started, door 0"],
        ),
        Row("09-rtstate.req.http", clock, &["clock 2017-01-10T07:42:40Z"]),
        Row("10-devicecmd.req.http", result_lines, &["result of 1: 0"]),
        Row(
            "10b-devicecmd-batch-lowercase-return.req.http",
            result_lines,
            &["result of 295: 0", "result of 296: -629", "result of 415: 3"],
        ),
        Row("11-tabledata-user.req.http", acc_table, &[]),
        Row("12-tabledata-biophoto.req.http", acc_table, &[]),
        Row("13-tabledata-attphoto.req.http", acc_table, &[]),
        Row("14-tabledata-biodata.req.http", acc_table, &[]),
        Row(
            "15-tabledata-errorlog.req.http",
            acc_table,
            &["error|D01E0001|123| at some time: notice error:D01E0001", "error of 123: D01E0001"],
        ),
        Row("16-getrequest.req.http", asks, &[]),
        Row("17-rtdata-time.req.http", asks, &[]),
        Row("18-querydata-count-user.req.http", acc_table, &["result of 288: 1"]),
        // 548003688 is 2017-01-19 15:14:48, and 100 is tampering.
        Row(
            "20-querydata-transaction.req.http",
            acc_table,
            &[
                "92|2017-01-19 15:14:48 at 2017-01-19T07:14:48Z: alarm tamper, door 1",
                "result of 415: 1",
            ],
        ),
        Row(
            "21-background-verify.req.http",
            question,
            &[
                "asked|2024-01-07 08:30:00|1001|0|1 at 2024-01-07T00:30:00Z: face 1001, in by \
                 face, unknown (223), place by its key",
                "door 1",
            ],
        ),
        Row("22-enroll-bio-result.req.http", left_aside, &[]),
    ],
    ours: &[
        "01-connect.registered.resp.body",
        "01-connect.unregistered.resp.body",
        "02-registry.resp.body",
        "03-push-config.resp.body",
        "04-options.resp.body",
        "05-ping.resp.body",
        "06-rtlog-unregistered-person.resp.body",
        "07-rtlog-face-in-and-out.resp.body",
        "08-rtlog-startup-device-event.resp.body",
        "09-rtstate.resp.body",
        "10-devicecmd.resp.body",
        "10b-devicecmd-batch-lowercase-return.resp.body",
        "11-tabledata-user.resp.body",
        "12-tabledata-biophoto.resp.body",
        "13-tabledata-attphoto.resp.body",
        "14-tabledata-biodata.resp.body",
        "15-tabledata-errorlog.resp.body",
        "16-getrequest.idle.resp.body",
        "16-getrequest.open-door-1-for-5s.resp.body",
        "16-getrequest.provision-person.resp.body",
        "16-getrequest.revoke-person.resp.body",
        "16-getrequest.set-options.resp.body",
        "17-rtdata-time.resp.body",
        "18-querydata-count-user.resp.body",
        "20-querydata-transaction.resp.body",
        "21-background-verify.allow.resp.body",
        "21-background-verify.deny.resp.body",
        "22-enroll-bio-result.resp.body",
    ],
};

pub(super) const ATT: Family = Family {
    folder: "zkteco-att",
    said: &[
        Row("01-init.req.http", asks, &[]),
        Row("02-options.req.http", firmware, &[]),
        Row("03-getrequest-info.req.http", info, &["firmware Ver 2.0.12-20150625", "faces 0"]),
        // By fingerprint, which has no word of its own here.
        Row(
            "04-attlog-9.req.http",
            att_table,
            &[
                "1452|2015-07-30 15:16:28|0|1 at 2015-07-30T07:16:28Z: face 1452, in by manual, \
                 opened (0), place by its key",
                "1452|2015-07-30 15:16:29|0|1 at 2015-07-30T07:16:29Z: face 1452, in by manual, \
                 opened (0), place by its key",
                "1452|2015-07-30 15:16:30|0|1 at 2015-07-30T07:16:30Z: face 1452, in by manual, \
                 opened (0), place by its key",
                "1452|2015-07-30 15:16:31|0|1 at 2015-07-30T07:16:31Z: face 1452, in by manual, \
                 opened (0), place by its key",
                "1452|2015-07-30 15:16:33|0|1 at 2015-07-30T07:16:33Z: face 1452, in by manual, \
                 opened (0), place by its key",
                "1452|2015-07-30 15:16:34|0|1 at 2015-07-30T07:16:34Z: face 1452, in by manual, \
                 opened (0), place by its key",
                "1452|2015-07-30 15:16:35|0|1 at 2015-07-30T07:16:35Z: face 1452, in by manual, \
                 opened (0), place by its key",
                "8965|2015-07-30 15:16:36|0|1 at 2015-07-30T07:16:36Z: face 8965, in by manual, \
                 opened (0), place by its key",
                "8965|2015-07-30 15:16:37|0|1 at 2015-07-30T07:16:37Z: face 8965, in by manual, \
                 opened (0), place by its key",
                "9 rows",
            ],
        ),
        Row(
            "04b-attlog-face-255.req.http",
            att_table,
            &[
                "12|2026-08-08 09:14:22|255|15 at 2026-08-08T01:14:22Z: face 12, either way by \
                 face, opened (255), place by its key",
                "1 rows",
            ],
        ),
        Row(
            "05-operlog-oplog.req.http",
            att_table,
            &[
                "operation|4|2015-07-30 10:22:34|14|0 at 2015-07-30T02:22:34Z: notice \
                 zk:operation:4",
                "1 rows",
            ],
        ),
        Row("06-operlog-user.req.http", att_table, &["2 rows"]),
        Row("06b-operlog-user-gb2312-name.req.http", att_table, &["1 rows"]),
        Row("07-operlog-biophoto.req.http", att_table, &["1 rows"]),
        Row("08-biodata.req.http", att_table, &["1 rows"]),
        // Three lines of a head and the picture, none of them a record.
        Row("09-attphoto-binary.req.http", att_table, &["4 rows"]),
        Row(
            "10-errorlog.req.http",
            att_table,
            &["error|D01E0001|123| at some time: notice error:D01E0001", "1 rows"],
        ),
        Row("11-getrequest.req.http", asks, &[]),
        Row(
            "12-devicecmd-batch.req.http",
            result_lines,
            &[
                "result of info8487: 0",
                "result of info8488: 0",
                "result of info8489: 0",
                "result of info7464: 0",
                "result of fp7464: 0",
            ],
        ),
        Row("12b-devicecmd-info-multiline.req.http", result_lines, &["result of 7: 0"]),
        Row("12c-devicecmd-shell-multiline.req.http", result_lines, &["result of 32: 0"]),
        Row("13-remote-att.req.http", asks, &[]),
        // It names no table: acknowledged, and no record.
        Row("14-post-verify-data.req.http", att_table, &["1 rows"]),
        // The first row of 04 once more; the number of an identity card behind it is not looked at.
        Row(
            "15-idcard-attlog.req.http",
            att_table,
            &[
                "1452|2015-07-30 15:16:28|0|1 at 2015-07-30T07:16:28Z: face 1452, in by manual, \
                 opened (0), place by its key",
                "1 rows",
            ],
        ),
        Row("16-aspx-variant.req.http", asks, &[]),
        Row(
            "18-attlog-one-bad-row-one-space-separated.req.http",
            att_table,
            &[
                "parked: 1001\tnot-a-date\t0\t1\t0\t0\t0",
                "1003|2026-08-09 10:00:00|0|1 at 2026-08-09T02:00:00Z: face 1003, in by manual, \
                 opened (0), place by its key",
                "1004|2026-08-09 11:30:00|0|1 at 2026-08-09T03:30:00Z: face 1004, in by manual, \
                 opened (0), place by its key",
                "3 rows",
            ],
        ),
    ],
    ours: &[
        "01-init.resp.body",
        "02-options.resp.body",
        "03-getrequest-info.resp.body",
        "04-attlog-9.resp.body",
        "04b-attlog-face-255.resp.body",
        "05-operlog-oplog.resp.body",
        "06-operlog-user.resp.body",
        "06b-operlog-user-gb2312-name.resp.body",
        "07-operlog-biophoto.resp.body",
        "08-biodata.resp.body",
        "09-attphoto-binary.resp.body",
        "10-errorlog.resp.body",
        "11-getrequest.delete.resp.body",
        "11-getrequest.idle.resp.body",
        "11-getrequest.provision.resp.body",
        "11-getrequest.unlock.resp.body",
        "12-devicecmd-batch.resp.body",
        "12b-devicecmd-info-multiline.resp.body",
        "12c-devicecmd-shell-multiline.resp.body",
        "13-remote-att.resp.body",
        "14-post-verify-data.resp.body",
        "15-idcard-attlog.resp.body",
        "16-aspx-variant.resp.body",
        "18-attlog-one-bad-row-one-space-separated.resp.body",
    ],
};
