"""A disk that is full under PostgreSQL, and power that is lost. Each has a disk of its own, an ext4
in a file on a loop device, and needs root. How the loss of power is emulated stands in disk.py."""

import os
import signal
import subprocess
import time

from stage import until

DISK_MB = 500
# From the last answer on its way until the load has written that it came.
SETTLES_S = 0.3
# Who syncs now and then has by chance synced just before a loss: SQLite without a sync at each commit
# lost nothing in one of two.
LOSSES = {"postgres": 1, "sqlite": 8}
# What keeps nobody from losing what they wrote.
UNSYNCED = "int fsync(int f) { (void)f; return 0; } int fdatasync(int f) { (void)f; return 0; }\n"


class OfFullDisk:
    """Of PostgreSQL's; SQLite's stands in of_sqlite.py."""

    def f29_disk_full(self):
        name = "F29 PostgreSQL's disk full"
        with self.another(name, DISK_MB) as other:
            if other:
                other.fills_up(name)
                other.stand()

    def fills_up(self, name):
        self.begin("--connections", "8", "--rate", "200", "--batch", "5")
        # A new piece of its log has room for a while, so that a table is the first to want some.
        self.psql("SELECT pg_switch_wal()")
        self.check(f"{name}: entries before it", self.goes_on())
        pid = self.server.pid
        self.own.fill()
        # A table that cannot grow is said; its log that cannot, below, takes PostgreSQL down.
        self.check(f"{name}: 503 storage_full", until(self.finds_no_room, 60))
        try:
            # The next piece of its log finds no room.
            self.psql("SELECT pg_switch_wal()")
        except subprocess.CalledProcessError:
            pass
        self.check(f"{name}: nothing is taken any more", until(self.stands_still, 60))
        self.check(f"{name}: alive", self.status("/livez") == 200)
        self.own.empty()
        self.check(f"{name}: ready within 30 s of there being room", until(self.is_kept_up, 30))
        self.check(f"{name}: entries go on", self.goes_on(30))
        self.check(f"{name}: the same process", self.server.pid == pid and self.server.poll() is None)
        self.end(name)

    def is_kept_up(self):
        """Starts PostgreSQL where it gave up, as an init system does."""
        if not self.postgres.is_up():
            self.postgres.ctl("start")
        return self.is_ready()


class OfPower:
    def f34_power_is_lost(self):
        name = "F34 power is lost"
        with self.another(name, DISK_MB) as other:
            if not other:
                return
            for time_of in range(1, LOSSES[self.backend] + 1):
                other.loses_power(name)
                is_well, said = other.acknowledged()
                self.check(f"{name}, time {time_of}: every acknowledged record exactly once: {said}", is_well)
                self.check(f"{name}, time {time_of}: starts again", other.start())
            log = (other.work / "server.log").read_text(errors="replace")
            self.check(f"{name}: and misses nothing", "lost its last changes" not in log)
            other.under_load(name, lambda: None)
            other.stand()
        self.without_syncing("F34 power is lost where nobody syncs")

    def without_syncing(self, name):
        """That the check above can fail."""
        with self.another(name, DISK_MB) as other:
            other.never_syncs()
            try:
                other.loses_power(name)
                is_well, said = other.acknowledged()
            except subprocess.CalledProcessError:
                is_well, said = False, "the database does not even start"
            self.check(f"{name}: that is found: {said}", not is_well)

    def never_syncs(self):
        if self.postgres:
            self.sql("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            return
        source, library = self.work / "unsynced.c", self.work / "unsynced.so"
        source.write_text(UNSYNCED)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
        self.stop()
        self.start(LD_PRELOAD=str(library))

    def loses_power(self, name):
        # What the town is made of has long been written.
        os.sync()
        self.begin()
        self.check(f"{name}: entries before it", self.goes_on() and self.goes_on())
        self.server.send_signal(signal.SIGSTOP)
        if self.postgres:
            self.postgres.signal(signal.SIGSTOP)
        time.sleep(SETTLES_S)
        self.load_process.kill()
        self.load_process.wait()
        left = self.own.copy()
        self.die()
        if self.postgres:
            self.postgres.kill()
        self.own.become(left)
        if self.postgres:
            self.postgres.boot()
