"""Faults of the disk under SQLite. Those of full and read-only disks need root."""

import sqlite3
import subprocess
import time

from stage import until


class OfSqlite:
    def f30_disk_full(self):
        if not self.has_disk:
            self.skip("F30 disk full: no tmpfs can be mounted here")
            return
        ballast = self.disk / "ballast"
        def fault():
            # Without a buffer, whose rest would be written at the end, where nothing goes on any more.
            with open(ballast, "wb", buffering=0) as file:
                try:
                    while file.write(b"\0" * 65536):
                        pass
                except OSError:
                    pass
            self.check("F30: 503 storage_full", until(self.finds_no_room, 40))
            self.check("F30: alive while the disk is full", self.status("/livez") == 200)
            ballast.unlink()
        self.under_load("F30 disk full", fault)
        database = sqlite3.connect(self.disk / "town.db")
        self.check("F30: integrity_check", database.execute("PRAGMA integrity_check").fetchone() == ("ok",))
        database.close()

    def f31_busy(self):
        def fault():
            other = sqlite3.connect(self.disk / "town.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            time.sleep(7)
            other.close()
        self.under_load("F31 another writer for 7 s", fault)

    def f33_read_only(self):
        if not self.has_disk:
            self.skip("F33 read-only: no tmpfs can be mounted here")
            return
        self.stop()
        subprocess.run(["mount", "-o", "remount,ro", self.disk], check=True)
        code, said = self.fitgate("serve")
        self.check(f"F33 read-only: refuses to start, in one line: {said[:120]}",
                   code == 2 and len(said.splitlines()) == 1)
        subprocess.run(["mount", "-o", "remount,rw", self.disk], check=True)
        self.check("F33: starts again", self.start())
