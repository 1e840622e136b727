"""PostgreSQL's primary dies with a tail that no standby has: the wire between them was cut, not
frozen, since what the kernel holds would still arrive. Terminals send again what they are asked for."""

import json
import pathlib
import random
import subprocess
import time

from proxy import Wire
from stage import free_port, until

# Records that reach the standby, and those that do not.
KEPT, LOST = 8, 8
NOBODY = ("127.0.0.1", 9)
MINUTE_S, HOUR_S = 60, 3600


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
        with self.another("F22") as other:
            standby = Standby(other.postgres)
            try:
                other.fails_over("F22 failover that loses the tail", standby)
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
