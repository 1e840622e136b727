"""A damaged file of SQLite: nothing of it is passed over in silence. What the end of the log held is
asked for again at doors, by the numbers of their records; what cannot be read is refused."""

import contextlib
import shutil
import sqlite3
import time

from stage import until

# Records told one by one, of which the last are lost with the log's end.
TOLD_MIN, TOLD_MAX, LOST_COMMITS = 16, 80, 8
WAL_HEAD, FRAME_HEAD = 32, 24


def commits(log):
    """Where each transaction of a write-ahead log ends that is still to be read."""
    data = log.read_bytes()
    page, salts, ends, at = int.from_bytes(data[8:12], "big"), data[16:24], [], WAL_HEAD
    while data[at + 8:at + 16] == salts and at + FRAME_HEAD + page <= len(data):
        # The frame that ends a transaction says how large the database is now.
        is_last = any(data[at + 4:at + 8])
        at += FRAME_HEAD + page
        if is_last:
            ends.append(at)
    return ends


def flip(file, at):
    with open(file, "r+b") as damaged:
        damaged.seek(at)
        byte = damaged.read(1)[0]
        damaged.seek(at)
        damaged.write(bytes([byte ^ 0xff]))


class OfDamage:
    losses = 0

    def one(self, query):
        with contextlib.closing(sqlite3.connect(self.disk / "town.db", timeout=30)) as database:
            return database.execute(query).fetchone()[0]

    def stored(self):
        return self.one(f"SELECT count(*) FROM entry_events WHERE epoch = {self.epoch}")

    def f32_damaged_file(self):
        self.count_anew()
        self.the_end_is_gone("F32 a flipped byte near the end of the log",
                             lambda log, end: flip(log, end + FRAME_HEAD + 99))
        self.the_end_is_gone("F32 the whole log is gone", lambda log, _: log.unlink())
        self.stop()
        self.half_a_file()
        self.a_page()
        self.a_row_of_the_ledger()
        self.check("F32: starts again with the whole file", self.start())

    def the_end_is_gone(self, name, damage):
        log, mark = self.disk / "town.db-wal", self.disk / "town.db.mark"
        # No more is in the log than what follows.
        self.one("PRAGMA wal_checkpoint(TRUNCATE)")
        bodies = []
        while len(bodies) < TOLD_MIN or (len(commits(log)) <= LOST_COMMITS and len(bodies) < TOLD_MAX):
            bodies.append(self.record())
            told_at = time.time()
            self.tells(bodies[-1])
        # Jobs write behind it from now on.
        end = commits(log)[-LOST_COMMITS]
        self.check(f"{name}: how far it came is marked beside", until(lambda: mark.stat().st_mtime > told_at, 10))
        before = self.stored()
        self.die()
        damage(log, end)
        is_ready, said = self.start(), (self.work / "server.log").read_text()
        self.check(f"{name}: starts, and says what is missing",
                   is_ready and said.count("lost its last changes") == self.losses + 1)
        self.losses += 1
        lost = before - self.stored()
        self.check(f"{name}: {lost} of {before} records were in it", 0 < lost <= len(bodies))
        newest, answers = self.record(), []
        until(lambda: answers.append(self.answer(newest)) or answers[-1][0] == 200, 20)
        status, _, said = answers[-1]
        wanted = {"epoch": self.epoch, "seq": self.last_seq() - lost}
        self.check(f"{name}: they are asked for: {said and said.get('resend_from')}",
                   status == 200 and said["resend_from"] == wanted)
        results = [self.tells(body) for body in bodies]
        self.check(f"{name}: told again, {results.count('accepted')} are new",
                   results == ["duplicate"] * (len(bodies) - lost) + ["accepted"] * lost)
        self.check(f"{name}: each is there once", self.stored() == before + 1)

    def copy_of_the_file(self):
        copy = self.disk / "damaged.db"
        for left in self.disk.glob("damaged.db*"):
            left.unlink()
        shutil.copy(self.disk / "town.db", copy)
        return copy, {"FITGATE_DATABASE_URL": f"sqlite://{copy}?mode=rwc"}

    def half_a_file(self):
        copy, elsewhere = self.copy_of_the_file()
        with open(copy, "r+b") as file:
            file.truncate(copy.stat().st_size // 2 // 4096 * 4096)
        nowhere = {"FITGATE_LISTEN": "127.0.0.1:0", "FITGATE_OPS_LISTEN": "127.0.0.1:0"}
        for words in (["serve"], ["ledger", "verify"]):
            code, said = self.fitgate(*words, **elsewhere, **nowhere)
            self.check(f"F32 half a file: {words} refuses in one line: {said[-100:]}",
                       code == 2 and len(said.splitlines()) == 1 and "malformed" in said)

    def a_page(self):
        name = "F32 a page that cannot be read"
        root = self.one("SELECT rootpage FROM sqlite_master WHERE name = 'entry_events'")
        page = self.one("PRAGMA page_size")
        copy, elsewhere = self.copy_of_the_file()
        flip(copy, (root - 1) * page)
        log = self.work / "damaged.log"
        with open(log, "wb") as stderr:
            is_ready = self.start(stderr=stderr, **elsewhere)
        body = self.record()
        said = self.tells(body) if is_ready else None
        self.check(f"{name}: nothing is acknowledged: {said}", said in (503, None))
        self.die()
        self.check(f"{name}: the log says so", "malformed" in log.read_text())
        code, said = self.fitgate("ledger", "verify", **elsewhere)
        self.check(f"{name}: ledger verify cannot check ({code}): {said[-100:]}", code != 0)
        self.start()
        self.check(f"{name}: told again on the whole file", until(lambda: self.tells(body) == "accepted", 10))
        self.stop()

    def a_row_of_the_ledger(self):
        mac = self.one("SELECT mac FROM minute_entries ORDER BY id DESC LIMIT 1")
        copy, elsewhere = self.copy_of_the_file()
        mac = mac if isinstance(mac, bytes) else mac.encode()
        at = copy.read_bytes().find(mac)
        with open(copy, "r+b") as file:
            file.seek(at + 5)
            file.write(b"g" if mac[5:6] != b"g" else b"h")
        code, said = self.fitgate("ledger", "verify", **elsewhere)
        self.check(f"F32 a byte of a ledger's row: found ({code}): {said.splitlines()[0][:100]}", code == 1)
