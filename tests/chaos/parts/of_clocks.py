"""The clock of a server is off, jumps, or passes a night that is special. libfaketime stands between
the server and its clock; timers go by the monotonic one, which stays true."""

import calendar
import glob
import json
import os
import random
import subprocess
import threading
import time
import uuid

from stage import FITGATE, ROOT, free_port, status, until

LIBRARY = "/usr/lib/*/faketime/libfaketime.so.1"
SHIFTS = {"ten minutes ahead": 600, "ten minutes behind": -600, "an hour behind": -3600}
# How long the clock goes to and fro, and how often.
STROBE_S, STROBE_EVERY_S = 4, 0.1
# UTC, a few seconds before midnight in Shanghai, or before four, when business days begin.
NIGHTS = {"the end of a year": "2026-12-31 15:59:55", "the end of a month": "2027-04-30 19:59:55",
          "29 February": "2028-02-28 15:59:55", "1 March of a leap year": "2028-02-29 15:59:55"}
STAYED_MIN = 20


def library():
    subprocess.run(["bash", "-c", f". tests/services.sh; [ -e \"$(ls {LIBRARY} 2>/dev/null)\" ] || "
                    "need /nowhere/faketime faketime"], cwd=ROOT, capture_output=True)
    return next(iter(glob.glob(LIBRARY)), None)


class OfClocks:
    def faked(self):
        """Settings of a server whose clock `shift` sets, or none where the library is missing."""
        found = library()
        self.clock = self.work / "clock"
        return found and {"LD_PRELOAD": found, "FAKETIME_TIMESTAMP_FILE": str(self.clock), "TZ": "UTC",
                          "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def shift(self, words):
        # At once: half a file would be a time of its own.
        beside = self.clock.with_suffix(".new")
        beside.write_text(f"{words}\n")
        os.replace(beside, self.clock)

    def tells_by_its_clock(self, body, door=0):
        """As a terminal does that is told that its clock is off: it takes ours and tells it again."""
        for _ in range(40):
            answered, headers, said = self.answer(body, door=door)
            if answered == 200:
                return said["items"][0]["result"]
            if answered == 401 and said["code"] == "clock_skew":
                self.town.doors[door].ahead = int(headers["Fitgate-Time"]) - time.time()
            elif answered not in (None, 429, 503):
                return answered
        return answered

    def f43_its_clock_is_off(self):
        faked = self.faked()
        if not faked:
            return self.skip("F43-F45: there is no libfaketime here")
        self.stop()
        self.shift("+0")
        self.check("F43: starts with a clock that can be set", self.start(**faked))
        for name, seconds in SHIFTS.items():
            self.one_shift(f"F43 {name}", seconds)
        self.stepped_within_a_stay()
        self.to_and_fro()
        for door in self.town.doors:
            door.ahead = 0
        self.stop()
        self.check("F43: starts with its own clock", self.start())
        self.under_load("F43 afterwards", lambda: None)
        return self.counters("F43")

    def one_shift(self, name, seconds):
        self.shift(f"{seconds:+}")
        body = self.record()
        answered, headers, said = self.answer(body)
        off = int(headers["Fitgate-Time"]) - time.time() - seconds
        self.check(f"{name}: whoever signs by another time is refused and told ours ({answered})",
                   answered == 401 and said["code"] == "clock_skew" and abs(off) < 5)
        first = self.tells_by_its_clock(body)
        self.check(f"{name}: by our time it is {first}, then a duplicate",
                   first == "accepted" and self.tells_by_its_clock(body) == "duplicate")
        self.check(f"{name}: ready", self.is_ready())
        self.shift("+0")
        self.town.doors[0].ahead = 0
        self.check(f"{name}: and a duplicate by the true time", self.tells(body) == "duplicate")

    def stepped_within_a_stay(self):
        """F45: minutes are those between the events, whatever the clock did; and what was signed once
        is not taken twice."""
        door, nonce, now = self.town.doors[0], uuid.uuid4().hex, int(time.time())
        entered = now - 7 * 86400
        self.tells(self.record(entered, person=20))
        beat = json.dumps({"clock": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
                           "queue_length": 1}).encode()
        first = door.post(self.http, "heartbeat", beat, nonce, at=now)[0]
        self.shift("+600")
        ahead = door.post(self.http, "heartbeat", beat, nonce, at=now)[2].get("code")
        self.shift("-600")
        self.tells_by_its_clock(self.record(entered + 45 * 60, door=1, way="out", person=20), door=1)
        self.shift("+0")
        self.town.doors[1].ahead = 0
        again = door.post(self.http, "heartbeat", beat, nonce, at=now)[2].get("code")
        self.check(f"F43: a signed request is taken once: {first}, {ahead}, {again}",
                   (first, ahead, again) == (200, "clock_skew", "nonce_reused"))
        stay = self.stay(entered)
        self.check(f"F45 a step within a stay: {stay}", stay.startswith("45|measured|"))

    def stay(self, entered):
        """The stay that began then: minutes, provenance, business day, what the ledger says."""
        return self.sql(
            "SELECT s.minutes, s.provenance, s.business_day, (SELECT sum(minutes) FROM minute_entries "
            "WHERE session_id = s.id) FROM sessions s WHERE NOT s.void AND s.entered_at = "
            f"to_timestamp({entered})")

    def to_and_fro(self):
        name, chance, ends = "F43 to and fro", random.Random(43), time.monotonic() + STROBE_S
        def strobe():
            while time.monotonic() < ends:
                self.shift(f"{chance.choice((-600, -1, 0, 1, 600)):+}")
                time.sleep(STROBE_EVERY_S)
        thread = threading.Thread(target=strobe)
        thread.start()
        bodies, results = [], []
        while time.monotonic() < ends:
            bodies.append(self.record())
            results.append(self.tells_by_its_clock(bodies[-1]))
        thread.join()
        self.shift("+0")
        self.town.doors[0].ahead = 0
        strange = {result for result in results if result not in ("accepted", "duplicate", 401)}
        self.check(f"{name}: {len(results)} records, strange answers {strange}", results and not strange)
        again = {self.tells(body) for body in bodies}
        self.check(f"{name}: all are there in the end: {again}", again <= {"accepted", "duplicate"})

    def f44_nights(self):
        if not self.faked():
            return self.skip("F44: there is no libfaketime here")
        with self.another("F44") as other:
            for n, (name, moment) in enumerate(NIGHTS.items()):
                other.a_night(f"F44 {name}", moment, n)
            other.ledger_and_counters()
        return None

    def a_night(self, name, moment, person):
        at = calendar.timegm(time.strptime(moment, "%Y-%m-%d %H:%M:%S"))
        self.stop()
        # From now on the clock goes as ours does, far ahead.
        faked = self.faked()
        self.shift(f"{at - int(time.time()):+}")
        self.check(f"{name}: starts", self.start(**faked))
        entered, left = at - STAYED_MIN * 60 + 8, at + 8
        first = self.tells_by_its_clock(self.record(entered, person=person))
        # Doors have taken its time by now.
        passed = until(lambda: time.time() + self.town.doors[0].ahead > left, 20)
        second = self.tells_by_its_clock(self.record(left, door=1, way="out", person=person), door=1)
        self.check(f"{name}: in before it, out after it: {first}, {second}",
                   passed and (first, second) == ("accepted", "accepted"))
        # Business days begin at four in the morning in Shanghai, which is the hour 20 before in UTC.
        day = time.strftime("%Y-%m-%d", time.gmtime(entered + (8 - 4) * 3600))
        stay = self.stay(entered)
        self.check(f"{name}: {STAYED_MIN} minutes, all on {day}: {stay}",
                   stay == f"{STAYED_MIN}|measured|{day}|{STAYED_MIN}")
        self.check(f"{name}: ready", self.is_ready())

    def ledger_and_counters(self):
        code, said = self.fitgate("ledger", "verify")
        self.check(f"F44: ledger verify: {said[-100:]}", code == 0)
        # Counters show what is current, which is to be asked by the server's clock.
        at = time.time() + self.town.doors[0].ahead
        words = ("counters", "verify", "--at", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)))
        self.check("F44: counters equal SQL", until(lambda: self.fitgate(*words)[0] == 0, 30))
        log = (self.work / "server.log").read_text(errors="replace")
        self.check(f"F44: panics in the log: {log.count('panicked')}", "panicked" not in log)

    def f43_two_clocks(self):
        """A second server on the same stores, ten minutes ahead of the first."""
        faked = self.faked()
        if not faked:
            return
        name, http, ops = "F43 two servers, one ten minutes ahead", free_port(), free_port()
        self.shift("+600")
        listen = {"FITGATE_LISTEN": f"127.0.0.1:{http}", "FITGATE_OPS_LISTEN": f"127.0.0.1:{ops}"}
        with open(self.work / "server.log", "ab") as log:
            second = self.serve_beside(log, faked | listen)
        try:
            self.check(f"{name}: ready", until(lambda: status(f"http://127.0.0.1:{ops}/readyz") == 200, 30))
            self.under_load(name, lambda: self.told_ahead(name, http))
        finally:
            second.terminate()
            second.wait(60)
        self.counters(name)

    def serve_beside(self, log, settings):
        return subprocess.Popen([FITGATE, "serve"], stdout=log, stderr=log, env=self.environment(**settings))

    def told_ahead(self, name, http):
        door = self.town.doors[0]
        door.ahead = 600
        said = [self.tells(self.record(), http) for _ in range(5)]
        door.ahead = 0
        self.check(f"{name}: it takes records too: {said}", said == ["accepted"] * 5)
