"""PostgreSQL's primary dies with a tail that no standby has, or lives on beside the standby that was
promoted: the wire between them was cut, not frozen, since what the kernel holds would still arrive.
Terminals send again what they are asked for."""

import contextlib
import json
import pathlib
import random
import subprocess
import time

from proxy import Wire
from stage import FITGATE, free_port, status, until
from town import exchange

# Records that reach the standby, and those that do not.
KEPT, LOST = 8, 8
NOBODY = ("127.0.0.1", 9)
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400
# A server looks about once a second whether it was left behind, and hears it of one that does so
# too; ten times that, and more for a busy machine.
NOTICES_S = 30
# Door "both" of the first venue.
BOTH = 2


class Standby:
    """Streams from a primary, through a wire that can be cut for good."""

    def __init__(self, primary):
        self.primary, self.port = primary, free_port()
        self.wire = Wire(("127.0.0.1", primary.port), random.Random(3))
        folder = pathlib.Path(primary.cluster).parent
        self.cluster = str(folder / "standby")
        primary.as_user(f"{primary.bin}/pg_basebackup", "-D", self.cluster, "-R", "-X", "stream", "-c",
                        "fast", "-d", f"host=127.0.0.1 port={self.wire.port} user=fitgate")
        primary.as_user(f"{primary.bin}/pg_ctl", "-D", self.cluster, "-w", "-l", str(folder / "standby.log"),
                        "-o", f"-c port={self.port} -c unix_socket_directories={self.cluster}", "start")

    def sql(self, statement, database="postgres"):
        return subprocess.run(
            ["psql", "-X", "-At", f"postgres://fitgate@127.0.0.1:{self.port}/{database}", "-c", statement],
            check=True, capture_output=True, text=True).stdout.strip()

    def cut_off(self):
        self.wire.target = NOBODY
        self.wire.cut()

    def stop(self):
        self.primary.as_user(f"{self.primary.bin}/pg_ctl", "-D", self.cluster, "-m", "immediate", "stop")


class OfFailover:
    def f22_failover_loses_the_tail(self):
        self.count_anew()
        self.with_a_standby("F22", lambda other, standby: other.fails_over("F22 failover that loses the tail", standby))

    def with_a_standby(self, fault, act):
        with self.another(fault) as other:
            standby = Standby(other.postgres)
            try:
                act(other, standby)
                other.stand()
            finally:
                standby.stop()

    def fails_over(self, name, standby):
        # The one address of the database, as a floating address or a proxy gives it.
        address = Wire(("127.0.0.1", self.postgres.port), random.Random(4))
        self.stop()
        self.url = self.postgres.url(address.port)
        self.check(f"{name}: ready at the database's address", self.start())
        first = int(time.time() - 6 * HOUR_S)
        bodies = [self.record(first + n * MINUTE_S, person=n) for n in range(KEPT + LOST)]
        self.check(f"{name}: {KEPT} records accepted",
                   all(self.tells(body) == "accepted" for body in bodies[:KEPT]))
        there = f"SELECT count(*) FROM entry_events WHERE epoch = {self.epoch}"
        arrived = lambda: standby.sql(there, self.postgres.database) == str(KEPT)
        self.check(f"{name}: they reach the standby", until(arrived, 20))
        standby.cut_off()
        self.check(f"{name}: {LOST} more accepted, which do not",
                   all(self.tells(body) == "accepted" for body in bodies[KEPT:]) and arrived())
        digest = self.digest_of_all(KEPT + LOST)
        self.counters(f"{name}: before it")

        pid = self.server.pid
        self.postgres.kill()
        standby.sql("SELECT pg_promote()")
        address.target = ("127.0.0.1", standby.port)
        self.postgres.port = standby.port
        address.cut()
        self.check(f"{name}: ready within 30 s, the same process",
                   until(self.is_ready, 30) and self.server.pid == pid)
        self.check(f"{name}: the tail is lost", self.sql(there) == str(KEPT))
        self.counters(f"{name}, though Redis was ahead")
        self.sends_again(name, bodies)
        self.check(f"{name}: the digest is as before", digest == self.digest_of_all(KEPT + LOST))
        self.check(f"{name}: each record is there once",
                   self.sql(f"SELECT count(*), count(DISTINCT seq) FROM entry_events WHERE epoch = {self.epoch}")
                   == f"{KEPT + LOST}|{KEPT + LOST}")

    def f23_two_primaries(self):
        self.with_a_standby("F23", lambda other, standby: other.splits("F23 two primaries", standby))

    def splits(self, name, standby):
        """Server A stays with the old primary, B goes to the promoted one; then A follows."""
        address_a, address_b = (Wire(("127.0.0.1", self.postgres.port), random.Random(n)) for n in (5, 6))
        self.stop()
        self.url = self.postgres.url(address_a.port)
        self.check(f"{name}: A is ready", self.start())
        with self.beside("b", FITGATE_DATABASE_URL=self.postgres.url(address_b.port)) as (b, b_ops):
            bodies = [self.stay(n) for n in range(KEPT)]
            self.check(f"{name}: {KEPT} records accepted, by A and B in turn",
                       all(self.tells(body, b if n % 2 else self.http) == "accepted"
                           for n, body in enumerate(bodies)))
            there = f"SELECT count(*) FROM entry_events WHERE epoch = {self.epoch}"
            self.check(f"{name}: they reach the standby", until(
                lambda: standby.sql(there, self.postgres.database) == str(KEPT), 20))
            standby.cut_off()
            bodies += [self.stay(n) for n in range(KEPT, KEPT + LOST)]
            self.check(f"{name}: {LOST} more accepted by A alone",
                       all(self.tells(body) == "accepted" for body in bodies[KEPT:]))

            pid = self.server.pid
            standby.sql("SELECT pg_promote()")
            address_b.target = ("127.0.0.1", standby.port)
            address_b.cut()
            bodies += self.until_it_refuses(name, len(bodies))
            self.is_fenced(name)
            self.check(f"{name}: B is ready", until(lambda: status(f"http://127.0.0.1:{b_ops}/readyz") == 200, 30))
            by_b = [self.record(time.time() - 10 * DAY_S + n * MINUTE_S, BOTH, person=20 + n) for n in range(4)]
            self.check(f"{name}: B goes on", all(self.tells(body, b, BOTH) == "accepted" for body in by_b))
            self.check(f"{name}: A takes none of it meanwhile", self.tells(bodies[0]) == 503)

            digest = self.as_it_would_be(name, bodies, by_b)
            self.postgres.kill()
            self.postgres.port = standby.port
            address_a.target = ("127.0.0.1", standby.port)
            address_a.cut()
            self.check(f"{name}: A follows and is ready, the same process",
                       until(self.is_ready, 30) and self.server.pid == pid)
            self.check(f"{name}: the new primary lacks what A took", self.sql(there) == str(KEPT))
            self.sends_again(name, bodies)
            self.check(f"{name}: the digest is what one primary would have",
                       digest == self.digest_of_all(len(bodies) + len(by_b)))
            self.check(f"{name}: each record is there once",
                       self.sql(f"SELECT count(*), count(DISTINCT seq) FROM entry_events WHERE epoch = {self.epoch}")
                       == f"{len(bodies)}|{len(bodies)}")
            self.counters(name)

    def stay(self, n):
        """Record n at the first door, of one of sixteen people, whose stays lie half a day apart."""
        at = time.time() - 20 * DAY_S + n // 16 * DAY_S / 2 + n % 16 * MINUTE_S
        return self.record(at, person=n % 16)

    @contextlib.contextmanager
    def beside(self, name, without=(), **settings):
        """Another server on the same Redis; gives its ports."""
        http, ops = free_port(), free_port()
        listen = {"FITGATE_LISTEN": f"127.0.0.1:{http}", "FITGATE_OPS_LISTEN": f"127.0.0.1:{ops}"}
        settings = {word: value for word, value in self.environment(**listen | settings).items()
                    if word not in without}
        with open(self.work / f"{name}.log", "ab") as log:
            server = subprocess.Popen([FITGATE, "serve"], stdout=log, stderr=log, env=settings)
        try:
            self.check(f"server {name} is ready", until(
                lambda: status(f"http://127.0.0.1:{ops}/readyz") == 200, 30))
            yield http, ops
        finally:
            server.terminate()
            server.wait(60)

    def until_it_refuses(self, name, first):
        """What A is told until it says that its database is behind; the last one it refused."""
        bodies, said, ends = [], {}, time.monotonic() + NOTICES_S
        begun = time.monotonic()
        while time.monotonic() < ends and (said or {}).get("code") != "database_behind":
            bodies.append(self.stay(first + len(bodies)))
            answered, headers, said = self.answer(bodies[-1])
            time.sleep(0.1)
        took = time.monotonic() - begun
        self.check(f"{name}: A refuses after {took:.1f} s and {len(bodies) - 1} more: {answered} {said}",
                   answered == 503 and said["code"] == "database_behind" and int(headers["Retry-After"]) > 0)
        return bodies

    def is_fenced(self, name):
        answered, _, said = exchange(self.ops, "GET", "/readyz")
        self.check(f"{name}: A is not ready, and says why: {said}",
                   answered == 503 and said["errors"][0]["pointer"] == "/primary")
        answered, _, said = exchange(self.http, "POST", "/api/v1/staff/sessions", b"{}",
                                     {"Content-Type": "application/json"})
        self.check(f"{name}: A does nothing else either: {answered} {said['code']}",
                   (answered, said["code"]) == (503, "database_behind"))
        told = (self.work / "server.log").read_text(errors="replace").count("was promoted over this one")
        self.check(f"{name}: A's log says it {told} times", told == 1)

    def as_it_would_be(self, name, bodies, by_b):
        """The digest of the old primary, had it been told everything, by a server that knows of no other."""
        with self.beside("alone", without=("FITGATE_REDIS_URL",),
                         FITGATE_DATABASE_URL=self.postgres.url()) as (http, _):
            said = {self.tells(body, http) for body in bodies} | {self.tells(body, http, BOTH) for body in by_b}
            self.check(f"{name}: the old primary takes all from who has no Redis: {said}",
                       said <= {"accepted", "duplicate"})
            return self.digest_of_all(len(bodies) + len(by_b))

    def sends_again(self, name, bodies):
        """A terminal tells its last record again and hears what is missing."""
        result = []
        def last():
            status, _, said = self.answer(bodies[-1])
            result[:] = [said] if status == 200 else []
            return bool(result)
        until(last, 20)
        asked = result and result[0]["resend_from"]
        self.check(f"{name}: the last record is {result and result[0]['items'][0]['result']}, and asked for "
                   f"is {asked}", asked == {"epoch": self.epoch, "seq": KEPT + 1})
        again = [json.loads(body)["events"][0] for body in bodies[KEPT:-1]]
        status, _, said = self.answer(json.dumps({"events": again}).encode())
        self.check(f"{name}: told again, the others are new",
                   status == 200 and {item["result"] for item in said["items"]} == {"accepted"})
        self.check(f"{name}: nothing more is asked for", status == 200 and said["resend_from"] is None)

    def digest_of_all(self, stays):
        """The digest once every stay has its end, which the closer gives it."""
        ended = f"SELECT count(*) FROM sessions WHERE left_at IS NOT NULL AND NOT void"
        self.check(f"all {stays} stays have their end", until(lambda: self.sql(ended) == str(stays), 90))
        return self.fitgate("ledger", "digest")[1]
