"""Faults of the process and of what the kernel gives it."""

import os
import pathlib
import random
import signal
import socket
import subprocess
import time

from setting import Group
from stage import FITGATE, until

# With how many descriptors a server starts, and how many connections then come.
FILES, CROWD = 96, 200
MEMORY_BYTES, CPU_QUOTA_US = 256 * 1024 * 1024, 20_000
HALF_OPEN, HALF_OPEN_FREED_S = 30, 60


class OfProcess:
    def f07_killed_in_a_migration(self):
        url = self.elsewhere()
        # Later and later until it is through: a release binary climbs in a few hundredths of a second.
        chance, kills, after = random.Random(7), 0, 0.004
        while True:
            climbing = subprocess.Popen([FITGATE, "migrate"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL,
                                        env=self.environment(FITGATE_DATABASE_URL=url))
            try:
                climbing.wait(after)
                break
            except subprocess.TimeoutExpired:
                climbing.kill()
                climbing.wait()
            kills += 1
            after *= chance.uniform(1.1, 1.5)
        code, said = self.fitgate("migrate", FITGATE_DATABASE_URL=url)
        self.check(f"F7 killed {kills} times in a migration: the next one ends well: {said[-80:]}",
                   code == 0 and kills > 0)
        code, said = self.fitgate("migrate", "--check", FITGATE_DATABASE_URL=url)
        self.check(f"F7: and the schema is whole: {said[-80:]}", code == 0)
        self.check("F7: its ledger verifies", self.fitgate("ledger", "verify", FITGATE_DATABASE_URL=url)[0] == 0)

    def elsewhere(self):
        """A database that nobody has used."""
        if self.backend == "sqlite":
            return f"sqlite://{self.disk}/other.db?mode=rwc"
        self.psql("DROP DATABASE IF EXISTS fitgate_other", "CREATE DATABASE fitgate_other")
        return self.url.replace("fitgate_faults", "fitgate_other")

    def f10_little_memory(self):
        self.limited("F10 256 MB of memory", lambda: Group("memory", memory__limit_in_bytes=MEMORY_BYTES))

    def f11_little_cpu(self):
        self.limited("F11 a fifth of a core", lambda: Group("cpu", cpu__cfs_quota_us=CPU_QUOTA_US))

    def limited(self, name, make):
        try:
            group = make()
        except OSError as error:
            return self.skip(f"{name}: no such control group here ({error.strerror})")
        def fault():
            group.take(self.server.pid)
            self.check(f"{name}: entries go on meanwhile", self.goes_on(30))
            self.check(f"{name}: and it says that it lives", self.status("/livez") == 200)
        self.under_load(name, fault)
        return group.leave(self.server.pid)

    def f12_told_to_stop(self):
        self.begin()
        self.goes_on()
        self.server.terminate()
        self.check("F12 told to stop under load: leaves with 0", self.server.wait(40) == 0)
        self.check("F12: starts again", self.start())
        self.check("F12: entries go on", self.goes_on())
        self.end("F12")

    def f13_told_twice(self):
        self.stop()
        self.start(FITGATE_DRAIN_S="30")
        self.server.terminate()
        drains = until(lambda: self.server.poll() is None and self.status("/readyz") == 503, 5)
        self.check("F13: it drains", drains)
        begun = time.monotonic()
        self.server.terminate()
        self.check("F13 told twice: leaves at once, with 1",
                   self.server.wait(20) == 1 and time.monotonic() - begun < 20)
        self.check("F13: starts again", self.start())

    def f36_nobody_reads_the_log(self):
        self.stop()
        reader, writer = os.pipe()
        os.close(reader)
        self.check("F36 nobody reads the log: ready", self.start(stderr=writer, FITGATE_LOG="info"))
        os.close(writer)
        self.under_load("F36 nobody reads the log", lambda: time.sleep(1))
        self.stop()
        self.start()

    def f37_no_descriptors(self):
        self.stop()
        self.check("F37 few descriptors: ready", self.start(prefix=("prlimit", f"--nofile={FILES}")))
        crowd = []
        for _ in range(CROWD):
            try:
                crowd.append(socket.create_connection(("127.0.0.1", self.http), timeout=1))
            except OSError:
                break
        time.sleep(2)
        stat = pathlib.Path(f"/proc/{self.server.pid}/stat")
        ticks = lambda: sum(map(int, stat.read_text().rsplit(")")[-1].split()[11:13]))
        before = ticks()
        time.sleep(2)
        spent = ticks() - before
        self.check(f"F37: it does not spin ({spent} ticks in 2 s)", spent < 100)
        for one in crowd:
            one.close()
        self.check("F37: ready after the crowd has left", until(self.is_ready, 15))
        self.stop()
        self.start()

    def f39_half_open(self):
        files = lambda: len(list(pathlib.Path(f"/proc/{self.server.pid}/fd").iterdir()))
        before, crowd = files(), []
        for _ in range(HALF_OPEN):
            one = socket.create_connection(("127.0.0.1", self.http), timeout=5)
            one.sendall(b"POST /api/v1/terminal/events HTTP/1.1\r\nHost: h\r\nContent-Le")
            crowd.append(one)
        self.check(f"F39: {HALF_OPEN} connections stop in the middle of a head",
                   until(lambda: files() >= before + HALF_OPEN // 2, 10))
        self.check(f"F39 half open: freed within {HALF_OPEN_FREED_S} s",
                   until(lambda: files() < before + HALF_OPEN // 3, HALF_OPEN_FREED_S))
        for one in crowd:
            one.close()

    def f40_the_answer_is_lost(self):
        wire, body = self.wire(), self.record()
        wire.mute()
        lost = self.tells(body, wire.port)
        wire.heal()
        self.check(f"F40 the answer is lost: {lost}", lost is None)
        again = self.tells(body, wire.port)
        self.check(f"F40: told again it is {again}", again == "duplicate")

    def f48_wrong_settings(self):
        cases = [
            ({"FITGATE_MODE": "prodution"}, "possible values"),
            ({"FITGATE_MODE": "production", "FITGATE_KEYS": "/nowhere/keys", "FITGATE_WECHAT": "off",
              "FITGATE_REALNAME": "off"}, "key file"),
            ({"FITGATE_REDIS_URL": "reddis://user:sesame@127.0.0.1"}, "redis://"),
            ({"FITGATE_DATABASE_URL": "postgres://user:sesame@127.0.0.1:1/x"}, "database"),
            ({"FITGATE_TRUSTED_PROXIES": "10.0.0.0/99"}, "network"),
        ]
        self.stop()
        for settings, says in cases:
            code, said = self.fitgate("serve", FITGATE_LISTEN="127.0.0.1:0",
                                      FITGATE_OPS_LISTEN="127.0.0.1:0", **settings)
            self.check(f"F48 {list(settings)}: {said.splitlines()[0][:100]}",
                       code == 2 and says in said and "sesame" not in said)
        self.start()
