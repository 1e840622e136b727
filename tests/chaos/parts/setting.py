"""One server with its stores and a load on it, and what all faults share: entries go on, answers are
200, 429 or 503, what was acknowledged is there exactly once, ledger and counters verify."""

import base64
import collections
import contextlib
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import threading
import time

import private
from disk import Disk
from proxy import Wire
from stage import FITGATE, LOAD, ROOT, Checks, Folder, Postgres, Redis, free_port, status, until
from town import Town

EXPECTED = {"200", "429", "503"}
# Of the records of our own; the load's lie below.
EPOCH = 9
# So many people, the last ones, are left out of the load.
SPARE = 4


class Setting(Checks):
    """`own` is a disk for the database alone."""

    def __init__(self, backend, own=None):
        super().__init__()
        self.backend, self.own, self.folder = backend, own, Folder("faults")
        self.work = self.folder.path
        self.server = self.load_process = self.redis = self.postgres = None
        # How many records were told, by their door.
        self.runs, self.told = 0, collections.Counter()
        self.epoch, self.before = EPOCH, collections.Counter()
        self.http, self.ops = free_port(), free_port()

    # What stands

    def open(self):
        if self.backend == "sqlite":
            self.disk = self.own.path if self.own else self.work / "disk"
            self.disk.mkdir(exist_ok=True)
            self.has_disk = not self.own and os.geteuid() == 0 and subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=200m", "fitgate", self.disk],
                capture_output=True).returncode == 0
            self.url = f"sqlite://{self.disk}/town.db?mode=rwc"
        else:
            self.postgres = Postgres("fitgate_faults", self.own and self.own.path)
            self.url = self.postgres.url()
            self.redis = Redis(self.work)
        # On a busy machine its ladder takes a while.
        self.check("the server", self.start() or until(self.is_ready, 60))
        self.town = Town(self.http, self.environment())
        self.credentials(self.town.people[:-SPARE], "credentials.json")

    @contextlib.contextmanager
    def another(self, name, own_disk_mb=None):
        """A whole setting beside this one, whose checks count here; none where it wants a disk of
        its own and cannot have one."""
        own = None
        try:
            own = own_disk_mb and Disk(self.work, f"disk-{free_port()}", own_disk_mb)
        except (OSError, subprocess.CalledProcessError) as error:
            self.skip(f"{name}: no disk can be made and mounted here ({error})")
            yield None
            return
        other = type(self)(self.backend, own)
        other.check, other.skip = self.check, self.skip
        try:
            other.open()
            yield other
        finally:
            other.clean()
            if own:
                own.remove()

    def credentials(self, people, name):
        """What the load needs to know of the town."""
        terminals = [{"id": door.id, "key_id": door.key_id, "venue_id": door.venue,
                      "key": base64.urlsafe_b64encode(door.key).decode().rstrip("="),
                      "direction": door.direction, "protocol": "native"} for door in self.town.doors]
        file = {"base_url": f"http://127.0.0.1:{self.http}", "terminals": terminals,
                "members": [{"credential": card} for card in people]}
        (self.work / name).write_text(json.dumps(file))

    def psql(self, *statements):
        return self.postgres.psql(*statements)

    def sql(self, *statements):
        return self.postgres.psql(*statements, database=self.postgres.database)

    def change(self, statement):
        """By hand, on either database; the server of a SQLite file may be up."""
        if self.postgres:
            return self.sql(statement)
        with contextlib.closing(sqlite3.connect(self.disk / "town.db", timeout=30)) as database:
            database.execute(statement)
            return database.commit()

    def environment(self, **more):
        stores = {"FITGATE_DATABASE_URL": self.url, "FITGATE_KEYS": str(self.work / "town.keys")}
        if self.redis:
            stores["FITGATE_REDIS_URL"] = self.redis.url
        pretends = {"FITGATE_WECHAT": "pretend", "FITGATE_REALNAME": "pretend"}
        return os.environ | stores | pretends | {"FITGATE_LOG": "warn", "NO_COLOR": "1"} | more

    def fitgate(self, *words, **more):
        done = subprocess.run([FITGATE, *words], capture_output=True, text=True, timeout=120,
                              env=self.environment(**more))
        return done.returncode, (done.stdout + done.stderr).strip()

    def start(self, prefix=(), stderr=None, **more):
        log = stderr or open(self.work / "server.log", "ab")
        listen = {"FITGATE_LISTEN": f"127.0.0.1:{self.http}",
                  "FITGATE_OPS_LISTEN": f"127.0.0.1:{self.ops}"}
        self.server = subprocess.Popen([*prefix, FITGATE, "serve"], stdout=log, stderr=log,
                                       env=self.environment(**listen | more))
        return until(self.is_ready, 30)

    def stop(self):
        if self.server:
            self.server.terminate()
            self.server.wait(60)
            self.server = None

    def die(self):
        self.server.kill()
        self.server.wait()

    def is_ready(self):
        return self.status("/readyz") == 200

    def status(self, path):
        return status(f"http://127.0.0.1:{self.ops}{path}")

    # The load

    def begin(self, *words, credentials="credentials.json"):
        self.runs += 1
        self.acks = self.work / f"{self.runs}.acks"
        usual = ["--connections", "4", "--rate", "60", "--batch", "2"]
        self.load_process = subprocess.Popen(
            [LOAD, "entries", "--credentials", self.work / credentials, "--base-url",
             f"http://127.0.0.1:{self.http}", "--acks", self.acks, "--keep-trying", "90", "--method",
             "card", "--seconds", "3600", *(words or usual)],
            stdout=open(self.work / "load.json", "w"), stderr=open(self.work / "load.log", "a"))

    def acked(self):
        return self.acks.read_bytes().count(b"ack ") if self.acks.exists() else 0

    def goes_on(self, within=20):
        before = self.acked()
        return until(lambda: self.acked() > before + 20, within)

    def stands_still(self, seconds=3):
        """Whether nothing is acknowledged for so long."""
        before = self.acked()
        time.sleep(seconds)
        return self.acked() == before

    def end(self, name):
        self.load_process.terminate()
        ended = self.load_process.wait(120)
        told = json.loads((self.work / "load.json").read_text() or "{}")
        statuses = told.get("statuses", {})
        self.check(f"{name}: answers {statuses}", ended == 0 and set(statuses) <= EXPECTED)

    def under_load(self, name, fault):
        """The fault between two moments at which entries are acknowledged."""
        self.begin()
        if not self.goes_on():
            self.check(f"{name}: entries before it", False)
        pid = self.server.pid
        fault()
        self.check(f"{name}: entries go on", self.goes_on(30))
        self.check(f"{name}: the same process", self.server.pid == pid and self.server.poll() is None)
        self.end(name)

    def counters(self, name):
        verify = lambda: self.fitgate("counters", "verify", FITGATE_OPS_URL=f"http://127.0.0.1:{self.ops}")[0] == 0
        self.check(f"{name}: counters equal SQL within a minute", until(verify, 60))

    # One record of our own

    def count_anew(self):
        """Doors begin an epoch that is newer than what a load before may have told by them."""
        self.epoch, self.before = int(1000 * time.time()), self.told.copy()

    def last_seq(self, door=0):
        return self.told[door] - self.before[door]

    def record(self, at=None, door=0, way="in", person=0):
        """The body of a record that nobody told before. Each door numbers its own, in an epoch of
        its own."""
        self.told[door] += 1
        # Far apart, so that each opens a stay of its own, and long ago, so that each has its end.
        at = time.time() - 86400 * 120 + self.told[door] * 7200 if at is None else at
        event = {"epoch": self.epoch + door, "seq": self.last_seq(door), "direction": way, "method": "card",
                 "device_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
                 "credential": self.town.people[person], "outcome": "opened"}
        return json.dumps({"events": [event]}).encode()

    def answer(self, body, port=None, door=0):
        """Status, headers and what was said; all None without an answer."""
        try:
            return self.town.doors[door].post(port or self.http, "events", body)
        except OSError:
            return None, None, None

    def tells(self, body, port=None, door=0):
        """What becomes of it; None without an answer."""
        answered, _, said = self.answer(body, port, door)
        return said["items"][0]["result"] if answered == 200 else answered

    def finds_no_room(self):
        """Whether a new record is refused because the disk is full, and told when to come back."""
        answered, headers, said = self.answer(self.record())
        return answered == 503 and said["code"] == "storage_full" and int(headers["Retry-After"]) > 0

    def meanwhile(self, body, port=None):
        """Tells it in a thread; the list gets what became of it."""
        came = []
        thread = threading.Thread(target=lambda: came.append(self.tells(body, port)), daemon=True)
        thread.start()
        return thread, came

    def told_once(self, name, body, results):
        """The server starts again; told again, the record has one of these results and one effect."""
        self.check(f"{name}: starts again", self.start())
        said = []
        until(lambda: said.append(self.tells(body)) or isinstance(said[-1], str), 20)
        seq = json.loads(body)["events"][0]["seq"]
        stored = self.sql(f"SELECT count(*) FROM entry_events WHERE epoch = {self.epoch} AND seq = {seq}")
        self.check(f"{name}: told again it is {said[-1]}, stored {stored} times",
                   said[-1] in results and stored == "1")

    def wire(self):
        """A way to the server that can be attacked."""
        return Wire(("127.0.0.1", self.http), random.Random(1))

    # The whole

    def acknowledged(self):
        """Whether every acknowledged record is in SQL exactly once, and what is said of it."""
        acks = sorted(self.work.glob("*.acks"))
        if not acks:
            return True, "none"
        done = subprocess.run(["tests/chaos/acknowledged", *acks, "--database-url", self.url],
                              cwd=ROOT, capture_output=True, text=True)
        return done.returncode == 0, (done.stdout + done.stderr).strip()[:160]

    def stand(self):
        is_well, said = self.acknowledged()
        self.check(f"every acknowledged record exactly once: {said}", is_well)
        self.counters("at last")
        code, said = self.fitgate("ledger", "verify")
        self.check(f"ledger verify: {said[-100:]}", code == 0)
        log = (self.work / "server.log").read_text(errors="replace")
        self.check(f"panics in the log: {log.count('panicked')}", "panicked" not in log)
        self.check(f"private lines in the log: {private.lines(log)[:5]}", not private.lines(log))

    def run(self, wanted):
        """`wanted` are beginnings of names such as f21; all without any."""
        self.open()
        for name in sorted(name for name in dir(self) if name[0] == "f" and name[1:3].isdigit()):
            if wanted and name.split("_")[0] not in wanted:
                continue
            begun = time.monotonic()
            try:
                getattr(self, name)()
            except Exception as error:  # one fault's surprise is no reason to leave out the others
                self.check(f"{name} comes to its end: {error!r} {getattr(error, 'stderr', '')}", False)
                self.recover()
            print(f"-- {name} took {time.monotonic() - begun:.1f} s", flush=True)
        self.stand()

    def recover(self):
        for process in (self.load_process, self.server):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        self.start()

    def clean(self):
        for process in (self.load_process, self.server):
            if process and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        if self.redis:
            self.redis.kill()
        if self.postgres:
            self.postgres.close()
        if self.backend == "sqlite" and getattr(self, "has_disk", False):
            subprocess.run(["umount", self.disk])
        self.folder.remove()


class Group:
    """A control group of the kernel around one process; needs root."""

    def __init__(self, kind, **limits):
        self.path = pathlib.Path(f"/sys/fs/cgroup/{kind}/fitgate-faults")
        self.path.mkdir(exist_ok=True)
        for name, value in limits.items():
            (self.path / name.replace("__", ".")).write_text(str(value))

    def take(self, pid):
        (self.path / "cgroup.procs").write_text(str(pid))

    def leave(self, pid):
        (self.path.parent / "cgroup.procs").write_text(str(pid))
        until(lambda: not (self.path / "cgroup.procs").read_text(), 5)
        self.path.rmdir()
