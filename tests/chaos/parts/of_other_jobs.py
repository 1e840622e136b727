"""Jobs of the domains are killed while they write, each held by a trigger as those of `of_jobs` are:
one table of what a job is given to do, where it is held, and what is there once it is done."""

import collections
import datetime
import http.server
import json
import threading
import time
import uuid

from of_jobs import DAY_S, HOUR_S, LONGEST_S
from stage import until
from town import COMMUNITY, command, exchange

# What jobs need to have something to do.
WITH = {"FITGATE_WECHAT_LEFT_TEMPLATE": "left-1", "FITGATE_WECHAT_TEMPLATES": "closure=closure-1",
        "FITGATE_FACES": "relay-only", "FITGATE_WEBHOOKS_ANYWHERE": "true",
        "FITGATE_OPEN_DATA_URL": "https://data.example.cn", "FITGATE_OPEN_DATA_LICENSE": "CC-BY-4.0"}

Held = collections.namedtuple("Held", "name holds begins done")


def at(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds")


def noted(column):
    return f"WHEN (OLD.{column} IS NULL AND NEW.{column} IS NOT NULL)"


def becomes(column, value):
    return f"WHEN (OLD.{column} <> NEW.{column} AND NEW.{column} = '{value}')"


class Subscriber(http.server.ThreadingHTTPServer):
    """Takes messages; `came` are their ids."""

    def __init__(self):
        self.came = []

        class Taking(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.server.came.append(self.headers["webhook-id"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Taking)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class OfOtherJobs:
    def f06_killed_in_other_jobs(self):
        self.subscriber, self.settings = Subscriber(), WITH
        for one in self.held():
            self.killed_at(*one)
        came = self.subscriber.came
        self.check(f"F6 messages of webhooks: {len(came)} came, of {len(set(came))} event",
                   len(came) >= 2 and len(set(came)) == 1)
        self.subscriber.shutdown()
        # What a job did twice shows once all of them have run again.
        self.starts_anew()
        time.sleep(10)
        twice = [one.name for one in self.held() if self.sql(one.done) != "1"]
        self.check(f"F6: what is there otherwise than once after all jobs ran again: {twice}", not twice)
        self.sql("DELETE FROM faces WHERE handle = 'held'")
        self.settings = {}
        self.stop()
        self.check("F6: starts without those settings", self.start())

    def held(self):
        card = lambda person: f"(SELECT member_id FROM credentials WHERE handle = '{self.town.people[person]}')"
        silent = self.town.doors[-1].id
        return [
            Held("the search for lost terminals", ("BEFORE UPDATE", "terminals", noted("lost_at")),
                 lambda: self.starts_anew(f"UPDATE terminals SET last_seen_at = now() - interval '8 days' "
                                          f"WHERE id = '{silent}'"),
                 f"SELECT count(*) FROM audit WHERE act = 'terminal_lost' AND object = 'terminal:{silent}'"),
            Held("the question when somebody left",
                 ("BEFORE INSERT", "wechat_messages", "WHEN (NEW.kind = 'left')"),
                 lambda: self.stays_too_long(card(-2)),
                 "SELECT count(*) FROM wechat_messages WHERE kind = 'left'"),
            Held("the check of a held text", ("BEFORE UPDATE", "tickets", "WHEN (OLD.held_ct IS NOT NULL)"),
                 self.reports_unjudged,
                 "SELECT count(*) FROM tickets WHERE state = 'reported' AND held_ct IS NULL AND text_ct <> ''"),
            Held("the news of a closure", ("BEFORE UPDATE", "notices", noted("told_at")),
                 self.closes,
                 "SELECT count(*) FROM wechat_messages WHERE kind = 'closure' AND name LIKE '%' || (SELECT id "
                 "FROM notices WHERE told_at IS NOT NULL ORDER BY created_at LIMIT 1) || '%'"),
            Held("the sending of a message", ("BEFORE UPDATE", "wechat_messages", becomes("state", "sent")),
                 self.closes,
                 "SELECT count(*) FROM wechat_messages WHERE state = 'sent' AND kind = 'closure' AND name LIKE "
                 "'%' || (SELECT id FROM notices ORDER BY created_at OFFSET 1 LIMIT 1) || '%'"),
            Held("messages of webhooks", ("BEFORE UPDATE", "webhook_deliveries", becomes("state", "delivered")),
                 self.subscribes,
                 "SELECT count(*) FROM webhook_deliveries WHERE state = 'delivered'"),
            Held("activities", ("BEFORE UPDATE", "activities", noted("held_at")),
                 lambda: self.was_active(card(-3)),
                 "SELECT count(*) FROM activities WHERE held_at = ends_at"),
            Held("open data", ("AFTER INSERT", "open_data_items", "WHEN (NEW.feed = 'venues')"),
                 lambda: self.sql("DELETE FROM open_data_items"),
                 "SELECT (count(*) = (SELECT count(*) FROM venues))::int FROM open_data_items "
                 "WHERE feed = 'venues'"),
            Held("what has outlived its class",
                 ("BEFORE UPDATE", "entry_events", "WHEN (OLD.credential <> '' AND NEW.credential IS NULL)"),
                 lambda: (self.tells(self.record()), self.starts_anew()),
                 "SELECT (count(*) = 0)::int FROM entry_events WHERE credential IS NOT NULL "
                 "AND occurred_at < now() - interval '91 days'"),
            Held("photos that are only relayed", ("BEFORE UPDATE", "faces", becomes("photo_ct", "")),
                 lambda: self.starts_anew(self.put("faces", card(-4), handle="held", photo_ct="photo",
                                                   width=1, height=1, taken_at=at(-8 * DAY_S))),
                 "SELECT count(*) FROM faces WHERE handle = 'held' AND photo_ct = ''"),
            Held("evacuations", ("BEFORE UPDATE", "evacuations", noted("ended_at")),
                 lambda: self.sql(self.put(
                     "evacuations", venue_id=next(iter(self.town.venues)), reason="drill", presumed=0,
                     started_at=at(-5 * HOUR_S), started_by="staff", opened_at=at(-HOUR_S))),
                 "SELECT count(*) FROM evacuations e JOIN audit a ON a.actor = 'job:evacuations' AND "
                 "a.object = 'venue:' || e.venue_id WHERE e.ended_at IS NOT NULL"),
            Held("holds of seats that run out", ("BEFORE UPDATE", "bookings", becomes("state", "expired")),
                 self.holds_a_seat,
                 "SELECT count(*) FROM bookings WHERE state = 'expired' AND seat IS NULL"),
            Held("tickets that wait", ("BEFORE INSERT", "ticket_steps", "WHEN (NEW.by_actor = 'job:tickets')"),
                 lambda: self.sql(self.put(
                     "tickets", venue_id=next(iter(self.town.venues)), community=COMMUNITY,
                     kind="equipment", text_ct="", state="fixed", since=at(-9 * DAY_S), told=0,
                     next_at=at(-60), reported_at=at(-9 * DAY_S))),
                 "SELECT count(*) FROM ticket_steps WHERE by_actor = 'job:tickets' AND state = 'confirmed'"),
            # Held behind the first of two rows.
            Held("minutes of groups", ("AFTER INSERT", "group_minutes"),
                 lambda: self.met(card(-2), card(-3)),
                 "SELECT (count(*) = 2 AND count(DISTINCT member_id) = 2)::int FROM group_minutes"),
            Held("honours", ("AFTER INSERT", "honour_years"),
                 lambda: self.starts_anew("DELETE FROM honours", "DELETE FROM honour_years"),
                 "SELECT count(*) FROM honour_years WHERE (SELECT count(*) FROM audit WHERE "
                 "act = 'honours_decided') = 2"),
            Held("health data whose consent is gone", ("BEFORE DELETE", "fitness_tests"),
                 lambda: self.withdraws(card(-4)),
                 "SELECT (count(c.*) > 0 AND count(t.*) = 0)::int FROM consents c LEFT JOIN fitness_tests t "
                 "ON t.member_id = c.member_id WHERE c.purpose = 'health_data' AND NOT c.granted"),
            Held("trials of rules", ("BEFORE UPDATE", "rule_trials"),
                 self.tries_rules,
                 "SELECT count(*) FROM rule_trials WHERE state = 'done'"),
        ]

    # What there is to do

    def put(self, table, member="NULL", **row):
        """The statement for a row that no request makes; `member` is SQL."""
        row = json.dumps({"id": str(uuid.uuid4())} | row)
        return (f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, '{row}' || "
                f"jsonb_build_object('member_id', {member}))")

    def resident(self, n):
        return f"(SELECT member_id FROM wechat_accounts ORDER BY created_at OFFSET {n} LIMIT 1)"

    def stays_too_long(self, member):
        """Somebody with the mini-program is seen coming in only; the closer ends the stay."""
        self.sql(f"UPDATE wechat_accounts SET member_id = {member} WHERE member_id = {self.resident(1)}")
        self.tells(self.record(int(time.time()) - LONGEST_S + 8, person=-2))

    def reports_unjudged(self):
        """WeChat is off when a resident writes, and there afterwards."""
        self.stop()
        self.start(FITGATE_WECHAT="off", **WITH)
        text = json.dumps({"kind": "equipment", "text": "跑步机坏了"})
        path = f"/api/v1/venues/{next(iter(self.town.venues))}/reports"
        headers = command(self.town.residents[0], uuid.uuid4().hex)
        exchange(self.http, "POST", path, text, headers)
        self.starts_anew("UPDATE tickets SET check_at = now() WHERE held_ct IS NOT NULL")

    def closes(self):
        """A venue where one resident was this month tells that it is closed."""
        if self.sql("SELECT count(*) FROM credentials WHERE handle = 'card-resident'") == "0":
            member = self.sql(f"SELECT {self.resident(0)}")
            self.town.ask("POST", f"/staff/members/{member}/credentials",
                          {"kind": "card", "handle": "card-resident"})
            self.town.people.append("card-resident")
            # A record tells whole seconds, and the card counts from its own moment on.
            time.sleep(1.5)
            self.tells(self.record(time.time(), door=4, person=-1), door=4)
            self.town.people.pop()
            until(lambda: self.sql(f"SELECT count(*) FROM member_venue_months WHERE visits > 0 AND "
                                   f"member_id = '{member}'") != "0", 20)
        self.town.ask("POST", "/staff/notices", {
            "venue_id": self.town.doors[4].venue, "kind": "closure", "title": "闭馆", "body": "检修。",
            "until": at(DAY_S)})

    def subscribes(self):
        """Approved without a second person; one message, which tells nothing."""
        hook = self.town.ask("POST", "/staff/webhooks", {
            "url": f"http://127.0.0.1:{self.subscriber.server_port}/", "kinds": ["faces.alarm"],
            "reason": "held"})["id"]
        self.sql(f"UPDATE webhooks SET status = 'active' WHERE id = '{hook}'")
        self.town.ask("POST", f"/staff/webhooks/{hook}/pings", {})

    def was_active(self, member):
        activity, day = str(uuid.uuid4()), at(-HOUR_S)[:10]
        self.sql(
            self.put("activity_sign_ups", member, activity_id=activity, role="solo", state="in", n=1,
                     signed_at=at(-DAY_S), attended_at=at(-2 * HOUR_S), attended_by="staff"),
            self.put("activities", id=activity, division=COMMUNITY, kind="match", title="held", about="",
                     starts_at=at(-3 * HOUR_S), ends_at=at(-HOUR_S), first_day=day, last_day=day,
                     sign_up_until=at(-DAY_S), capacity=9, taken=1, waiting=0, signed=1, created_by="staff",
                     created_at=at(-2 * DAY_S)))

    def holds_a_seat(self):
        headers = command(self.town.residents[0], uuid.uuid4().hex)
        exchange(self.http, "POST", "/api/v1/bookings", json.dumps({"slot_id": self.town.slots[0]}), headers)
        self.sql("UPDATE bookings SET held_until = now() - interval '1 minute' WHERE state = 'held'")

    def met(self, *members):
        """Two of a group were there when it met, for an hour."""
        begun, group = time.time() - 20 * DAY_S, str(uuid.uuid4())
        for person in (-2, -3):
            self.tells(self.record(begun, person=person))
            self.tells(self.record(begun + HOUR_S, door=1, way="out", person=person), door=1)
        self.sql(
            self.put("social_groups", id=group, community=COMMUNITY, name="held", sport="running",
                     about="", state="active", created_at=at(-30 * DAY_S)),
            *(self.put("group_members", member, group_id=group, state="in", is_leader=False,
                       asked_at=at(-30 * DAY_S), joined_at=at(-30 * DAY_S)) for member in members),
            self.put("group_meetups", group_id=group, venue_id=self.town.doors[0].venue,
                     starts_at=at(-20 * DAY_S), ends_at=at(HOUR_S - 20 * DAY_S), settle_at=at(-60),
                     day_before=at(-22 * DAY_S)[:10], business_day=at(-19 * DAY_S)[:10],
                     created_at=at(-30 * DAY_S)))

    def withdraws(self, member):
        self.sql(
            self.put("fitness_tests", member, division=COMMUNITY, standard_id=str(uuid.uuid4()),
                     tested_at=at(-DAY_S), tested_on=at(-DAY_S)[:10], result_ct="", by_actor="staff",
                     created_at=at(-DAY_S)),
            self.put("consents", member, purpose="health_data", at=at(-1), text_version="1", text_hash="",
                     granted=False, channel="desk", by_actor="staff"))

    def tries_rules(self):
        day = at(-25 * DAY_S)[:10]
        self.town.ask("POST", "/staff/rules/trials", {
            "venue_id": self.town.doors[0].venue, "from": day, "to": at(-15 * DAY_S)[:10],
            "rules": {"usual_stay_min": 50}})
