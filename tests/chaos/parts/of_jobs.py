"""Jobs and commands are killed in the middle: a trigger holds a job fast while it writes, commands
die after a time that grows until one is through. Each begins anew, and its effect is there once."""

import json
import random
import subprocess
import threading
import time
import uuid

from of_postgres import TERMINATE
from stage import FITGATE, until
from town import command, exchange

SLEEPS = ("SELECT count(*) FROM pg_stat_activity WHERE datname = 'fitgate_faults' AND "
          "application_name = 'fitgate' AND wait_event = 'PgSleep'")
# The slowest of the jobs below begins every twenty seconds.
BEGINS_WITHIN_S, DONE_WITHIN_S = 45, 60
DAY_S, HOUR_S = 86400, 3600
# A stay at the town's venues ends by itself after so long.
LONGEST_S = 240 * 60


# Leases outlive a killed process by a minute, claims on messages by two; nobody waits for that here.
LET_GO = ("DELETE FROM leases", "UPDATE wechat_messages SET due_at = now() WHERE state = 'pending'",
          "UPDATE webhook_deliveries SET due_at = now() WHERE state = 'pending'")


class OfJobs:
    # With which settings servers start again.
    settings = {}

    def f06_killed_in_jobs(self):
        self.closer()
        self.days()
        self.retention()
        self.anchor()
        self.erasure()

    def killed_at(self, name, holds, begins, done):
        """`holds` is the trigger that holds it, `done` a query that is 1 once it is done."""
        self.slow(*holds)
        begins()
        self.check(f"F6 {name}: it is at it",
                   until(lambda: self.sql(SLEEPS) != "0", BEGINS_WITHIN_S) and self.sql(done) != "1")
        self.die()
        self.psql(TERMINATE)
        self.sql(f"DROP TRIGGER slow ON {holds[1]}", *LET_GO)
        self.check(f"F6 killed in {name}: starts again", self.start(**self.settings))
        self.check(f"F6 {name}: done all the same", until(lambda: self.sql(done) == "1", DONE_WITHIN_S))
        code, said = self.fitgate("ledger", "verify")
        self.check(f"F6 {name}: ledger verify: {said[-80:]}", code == 0)

    def closer(self):
        entered = int(time.time()) - LONGEST_S + 8
        stay = f"FROM sessions WHERE entered_at = to_timestamp({entered}) AND NOT void"
        self.killed_at(
            "the closer", ("BEFORE UPDATE", "sessions"),
            lambda: self.tells(self.record(entered, person=-1)),
            f"SELECT count(*) {stay} AND left_at IS NOT NULL AND minutes = (SELECT sum(minutes) FROM "
            f"minute_entries WHERE session_id = (SELECT id {stay}))")

    def days(self):
        at = int(time.time()) - 60 * DAY_S
        def begins():
            self.tells(self.record(at, person=-1))
            for door in self.town.doors:
                beat = {"clock": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "queue_length": 0}
                door.post(self.http, "heartbeat", json.dumps(beat).encode(), uuid.uuid4().hex)
        self.killed_at(
            "days that become final",
            ("BEFORE UPDATE", "venue_days", "WHEN (NEW.final_at IS DISTINCT FROM OLD.final_at)"), begins,
            f"SELECT count(*) FROM venue_days WHERE final_at IS NOT NULL AND business_day = "
            f"(to_timestamp({at}) AT TIME ZONE 'Asia/Shanghai' - interval '4 hours')::date")

    def starts_anew(self, *meanwhile):
        """Jobs of hours and days run when a server starts, once nobody has their leases."""
        self.stop()
        self.sql("DELETE FROM leases", *meanwhile)
        self.start(**self.settings)

    def retention(self):
        self.sql("INSERT INTO terminal_nonces (terminal_id, nonce, expires_at) SELECT id, 'old', now() - "
                 "interval '1 day' FROM terminals LIMIT 1")
        self.killed_at("retention", ("BEFORE DELETE", "terminal_nonces"), self.starts_anew,
                       "SELECT 1 - count(*) FROM terminal_nonces WHERE nonce = 'old'")

    def anchor(self):
        before = int(self.sql("SELECT count(*) FROM audit WHERE chain = 'days'"))
        self.tells(self.record(person=-1))
        self.killed_at("the anchor of days", ("BEFORE INSERT", "audit", "WHEN (NEW.chain = 'days')"),
                       self.starts_anew,
                       f"SELECT count(*) - {before} FROM audit WHERE chain = 'days'")

    def erasure(self):
        token = self.town.residents[-1]
        asks = lambda: exchange(self.http, "DELETE", "/api/v1/me", None, command(token, uuid.uuid4().hex))
        def swallowed():
            try:
                asks()
            except OSError:
                pass
        erased = "SELECT count(*) FROM members WHERE erased_at IS NOT NULL"
        begins = lambda: threading.Thread(target=swallowed, daemon=True).start()
        self.slow("BEFORE UPDATE", "members")
        begins()
        self.check("F6 an erasure: it is at it", until(lambda: self.sql(SLEEPS) != "0", 10))
        self.die()
        self.psql(TERMINATE)
        self.sql("DROP TRIGGER slow ON members")
        self.check("F6 killed in an erasure: starts again, nobody is erased",
                   self.start() and self.sql(erased) == "0")
        self.check("F6 an erasure: asked again, done", asks()[0] == 204 and self.sql(erased) == "1")

    # Commands

    def killed_until_through(self, words, settings, through, before=lambda: None):
        """Kills the command later and later until it comes to its end; how often it was killed."""
        chance, kills, after = random.Random(6), 0, 0.02
        while True:
            before()
            running = subprocess.Popen([FITGATE, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       text=True, env=self.environment(**settings))
            try:
                said, _ = running.communicate(timeout=after)
                return kills, through(running.returncode, said), said
            except subprocess.TimeoutExpired:
                running.kill()
                running.communicate()
            kills += 1
            after *= chance.uniform(1.2, 1.6)

    def f06_killed_in_commands(self):
        # A killed one keeps the others from it for a quarter of a minute.
        kills, is_well, said = self.killed_until_through(
            ["counters", "rebuild"], {}, lambda code, said: code == 0 or "anew already" in said)
        self.check(f"F6 killed {kills} times in a rebuild of counters: {said[-80:]}", is_well and kills)
        self.counters("F6 killed in a rebuild")
        self.stop()
        file, elsewhere = self.work / "export.ndjson", {"FITGATE_DATABASE_URL": self.elsewhere()}
        halves = []
        def another():
            """What a killed one left is looked at and put away; the next refuses to write over it."""
            if file.exists():
                halves.append(self.fitgate("import", str(file), **elsewhere))
                file.unlink()
        kills, is_well, said = self.killed_until_through(
            ["export", str(file)], {}, lambda code, _: code == 0, another)
        self.check(f"F6 killed {kills} times in an export: {said[-80:]}", is_well and kills)
        self.check(f"F6 an export: no import takes one of {len(halves)} halves: {halves[-1:]}",
                   halves and all(code == 2 for code, _ in halves))
        # One that had written everything may have been killed before it said so.
        kills, is_well, said = self.killed_until_through(
            ["import", str(file)], elsewhere, lambda code, said: code == 0 or "is not empty" in said)
        self.check(f"F6 killed {kills} times in an import: {said[-80:]}", is_well and kills)
        here, there = self.fitgate("ledger", "digest"), self.fitgate("ledger", "digest", **elsewhere)
        self.check("F6 an import: the digest is the same", here == there and here[0] == 0)
        self.check("F6: starts again", self.start())
