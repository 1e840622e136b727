"""B6: live entries on a SQLite file, beside the whole row set by raw SQLite in groups of the same size.

The ceiling is Python's sqlite3 with one statement a table and group, over rows that were laid out in
a temporary table before the clock runs: Python only says which group is next. What that costs is
measured beside it, and is no limit as long as it stays below `PYTHON_SHARE_MAX` of a group.
"""

import datetime
import itertools
import json
import random
import shutil
import sqlite3
import time
import urllib.request
import uuid

import lab
from lab import CannotMeasure, Server
from town import GOALS, QUICK, at_least, result, rounds, tell

GOALS |= {"B6": at_least(0.6)}
# Each comes and goes once before anything is measured.
PEOPLE, PEOPLE_QUICK = 50_000, 10_000
PYTHON_SHARE_MAX = 0.1
# Groups laid out at a time, outside the clock.
BLOCK = 100
# How long before now the people's first events lie, and how far a round may move them (minutes).
STARTS_MINUTES_AGO, ROUND_MINUTES = 225, 8
HASH = "0123456789abcdef" * 4


def person_id(n):
    return uuid.UUID(f"01900000-0000-7000-8000-{n:012x}").bytes


def place_id(n):
    return uuid.UUID(f"01900000-0000-7000-9000-{n:012x}").bytes


class House:
    """The small town in a SQLite file, with people and places like those on PostgreSQL."""

    def __init__(self, town):
        self.people = PEOPLE_QUICK if town.size is QUICK else PEOPLE
        self.folder = town.folder / "sqlite"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.file, self.keys = self.folder / "town.db", self.folder / "keys"
        self.credentials = self.folder / "credentials.json"
        self.url = f"sqlite://{self.file}?mode=rwc"
        self.minutes_ago = STARTS_MINUTES_AGO
        tell("the town on SQLite")
        lab.run([lab.FITGATE, "demo", "--doors-only", "--load-only", "--months", 1, "--database-url", self.url,
                 "--keys", self.keys, "--credentials", self.credentials])
        self.move_in()

    def serve(self):
        return Server(self.url, self.keys)

    def move_in(self):
        file = json.loads(self.credentials.read_text())
        terminals = [it for it in file["terminals"] if it["protocol"] == "native"]
        for n, terminal in enumerate(terminals, start=1):
            terminal["venue_id"] = str(uuid.UUID(bytes=place_id(n)))
            terminal["direction"] = "both"
        file["terminals"] = terminals
        self.credentials.write_text(json.dumps(file))
        doors = [uuid.UUID(terminal["id"]).bytes for terminal in terminals]
        db = sqlite3.connect(self.file)
        db.row_factory = sqlite3.Row
        with db:
            people_like(db, uuid.UUID(file["members"][0]["id"]).bytes, self.people)
            self.community = places_like(db, doors)
        self.places = [(door, place_id(n), self.community) for n, door in enumerate(doors, start=1)]
        db.close()

    def entries(self, server, *words, minutes=ROUND_MINUTES):
        self.minutes_ago -= minutes
        figures = lab.load("entries", "--credentials", self.credentials, "--base-url", server.url,
                           "--people", f"bench-:{self.people}",
                           "--start-minutes-ago", max(self.minutes_ago, 1), *words)
        done = sum(figures["results"].get(result, 0) for result in ("accepted", "granted"))
        if done < 0.99 * sum(figures["results"].values()):
            raise CannotMeasure(f"not all were let in: {figures}")
        return figures


def copies(db, table, row, changes):
    """Inserts copies of a row, each with its changes."""
    row = dict(row)
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    rows = (tuple((row | change).values()) for change in changes)
    db.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)


def people_like(db, member, count):
    """People with one made-up member's ciphertext, which nothing here reads."""
    ids = [(n, person_id(n)) for n in range(count)]
    one = db.execute("SELECT * FROM members WHERE id = ?", (member,)).fetchone()
    copies(db, "members", one, (
        {"id": id, "birth_ct": None, "document_ix": f"bench-{n}", "phone_ix": None} for n, id in ids))
    db.executemany("INSERT INTO timelines (member_id, version, state) VALUES (?, 0, ?)",
                   ((id, '{"open":null,"last":null,"newest":null}') for _, id in ids))
    kinds = {row["kind"]: row for row in db.execute("SELECT * FROM credentials WHERE member_id = ?", (member,))}
    for row in kinds.values():
        copies(db, "credentials", row, ({"handle": f"bench-{n}", "member_id": id} for n, id in ids))
    for row in db.execute("SELECT * FROM consents WHERE member_id = ?", (member,)).fetchall():
        copies(db, "consents", row, ({"member_id": id} for _, id in ids))


def places_like(db, doors):
    """A place a terminal: always open, for both ways, with a capacity that is never reached."""
    venue = db.execute("SELECT * FROM venues ORDER BY id LIMIT 1").fetchone()
    rules = db.execute(
        "SELECT * FROM venue_rules ORDER BY length(prerequisites), venue_id, version LIMIT 1").fetchone()
    numbers = range(1, len(doors) + 1)
    copies(db, "venues", venue, ({"id": place_id(n), "name": f"bench {n}"} for n in numbers))
    copies(db, "venue_rules", rules, ({
        "venue_id": place_id(n), "version": 1, "pairing": "in_and_out", "passback": "allowed",
        "guardian_under": None, "valid_from": "2020-12-01", "longest_stay_min": 240,
        "usual_stay_min": 60, "capacity_soft": None, "capacity": 1_000_000} for n in numbers))
    for n, door in zip(numbers, doors):
        db.execute("INSERT INTO venue_gates (venue_id) VALUES (?)", (place_id(n),))
        db.execute("DELETE FROM terminal_places WHERE terminal_id = ?1 AND valid_from <> "
                   "(SELECT min(valid_from) FROM terminal_places WHERE terminal_id = ?1)", (door,))
        db.execute("UPDATE terminal_places SET venue_id = ?, direction = 'both', zone_id = NULL "
                   "WHERE terminal_id = ?", (place_id(n), door))
    db.execute("UPDATE revisions SET n = n + 1 WHERE name = 'world'")
    return venue["community"]


# The ceiling ---------------------------------------------------------------------------------------

LAID_OUT = """
CREATE TEMP TABLE picked (grp INT, g INT, member_id BLOB, event_id BLOB, terminal_id BLOB, venue_id BLOB,
    community TEXT, at TEXT, limit_at TEXT, day TEXT, month TEXT, hour INT, stamp INT, PRIMARY KEY (grp, g)) WITHOUT ROWID;
CREATE TEMP TABLE batch (g INTEGER PRIMARY KEY, member_id BLOB, event_id BLOB, terminal_id BLOB, venue_id BLOB,
    community TEXT, at TEXT, limit_at TEXT, day TEXT, month TEXT, hour INT, stamp INT, open_session BLOB, enters INT,
    session_id BLOB);
"""

# One statement a table, as in full.sql: a person with an open session leaves, one without enters.
# Closings come before openings, rows in key order.
STATEMENTS = [statement.strip() for statement in f"""
DELETE FROM batch;
INSERT INTO batch SELECT p.g, p.member_id, p.event_id, p.terminal_id, coalesce(t.open_venue, p.venue_id), p.community,
    p.at, p.limit_at, p.day, p.month, p.hour, p.stamp, t.open_session, t.open_session IS NULL,
    coalesce(t.open_session, p.event_id)
  FROM picked p CROSS JOIN timelines t ON t.member_id = p.member_id WHERE p.grp = ?1;
INSERT INTO event_keys (terminal_id, record_id, event_id, occurred_at, body_hash, decision, received_at)
  SELECT terminal_id, stamp || ':' || g, event_id, at, '{HASH}', 'granted', at FROM batch ORDER BY 1, 2;
INSERT INTO entry_events (id, occurred_at, venue_id, terminal_id, member_id, serial, epoch, seq, direction, method,
    credential, score, device_time, received_at, offset_s, clock_flag, mode, decision, reason, effect, credited, passed)
  SELECT event_id, at, venue_id, terminal_id, member_id, 'BENCH-0001', stamp, g, iif(enters, 'in', 'out'), 'face',
    'bench-12345', 0.97, at, at, 0, NULL, 'live', 'granted', NULL, iif(enters, 'opened', 'closed'), 1, NULL
  FROM batch ORDER BY 1;
INSERT INTO sessions (id, member_id, venue_id, community, business_day, entered_at, left_at, minutes, provenance,
    ended_by, void, credited, rule_version, presence_expires_at, version)
  SELECT session_id, member_id, venue_id, community, day, at, iif(enters, NULL, at), iif(enters, 0, 45),
    iif(enters, NULL, 'measured'), iif(enters, NULL, 'exit'), 0, 1, 1, limit_at, 1
  FROM batch WHERE true ORDER BY enters, session_id
  ON CONFLICT (id) DO UPDATE SET left_at = excluded.left_at, minutes = excluded.minutes,
    provenance = excluded.provenance, ended_by = excluded.ended_by, version = sessions.version + 1;
UPDATE timelines AS t SET version = t.version + 1, last_at = b.at, state = '{HASH * 6}',
    open_session = iif(b.enters, b.event_id, NULL), open_venue = iif(b.enters, b.venue_id, NULL),
    presence_expires_at = b.limit_at, limit_at = iif(b.enters, b.limit_at, NULL)
  FROM batch b WHERE t.member_id = b.member_id;
INSERT INTO minute_entries (id, recorded_at, session_id, member_id, venue_id, community, business_day, minutes,
    provenance, cause, rule_version, mac)
  SELECT event_id, at, session_id, member_id, venue_id, community, day, 45, 'measured', 'fold', 1, '{HASH}'
  FROM batch WHERE NOT enters ORDER BY 1;
INSERT INTO venue_days AS d SELECT venue_id, day, sum(enters), sum(enters), 45 * sum(NOT enters), 0, 0, 0,
    1, 2, 3, 4, 5, 6, 7, 8, 'provisional', NULL, NULL, 1 FROM batch WHERE true GROUP BY 1, 2 ORDER BY 1, 2
  ON CONFLICT (venue_id, business_day) DO UPDATE SET visits = d.visits + excluded.visits,
    people = d.people + excluded.people, minutes_measured = d.minutes_measured + excluded.minutes_measured,
    digest_0 = d.digest_0 + excluded.digest_0, digest_1 = d.digest_1 + excluded.digest_1,
    digest_2 = d.digest_2 + excluded.digest_2, digest_3 = d.digest_3 + excluded.digest_3,
    digest_4 = d.digest_4 + excluded.digest_4, digest_5 = d.digest_5 + excluded.digest_5,
    digest_6 = d.digest_6 + excluded.digest_6, digest_7 = d.digest_7 + excluded.digest_7, version = d.version + 1;
INSERT INTO venue_day_hours AS h SELECT venue_id, day, hour, sum(enters), 45 * sum(NOT enters), NULL, 1
  FROM batch WHERE true GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (venue_id, business_day, hour) DO UPDATE SET visits = h.visits + excluded.visits,
    minutes = h.minutes + excluded.minutes, version = h.version + 1;
INSERT INTO member_venue_months AS m SELECT venue_id, month, member_id, 1, 1 FROM batch WHERE enters ORDER BY 1, 2, 3
  ON CONFLICT (venue_id, month, member_id) DO UPDATE SET visits = m.visits + 1, version = m.version + 1;
INSERT INTO member_days AS d SELECT member_id, day, enters, iif(enters, 0, 45), 0, 0, 0, 1 FROM batch WHERE true ORDER BY 1, 2
  ON CONFLICT (member_id, business_day) DO UPDATE SET visits = d.visits + excluded.visits,
    minutes_measured = d.minutes_measured + excluded.minutes_measured, version = d.version + 1;
INSERT INTO counter_changes (stamp, n, member_id, venue_id, business_day)
  SELECT stamp, g, member_id, venue_id, day FROM batch ORDER BY 1, 2;
""".split(";\n") if statement.strip()]


class Ceiling:
    """The whole row set by raw SQLite on a copy of the lived-in file."""

    def __init__(self, house):
        self.house = house
        copy = house.folder / "ceiling.db"
        with sqlite3.connect(house.file) as source, sqlite3.connect(copy) as target:
            source.backup(target)
        self.db = sqlite3.connect(copy, isolation_level=None)
        for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "temp_store = MEMORY"):
            self.db.execute(f"PRAGMA {setting}")
        self.db.executescript(LAID_OUT)
        self.chance, self.groups = random.Random(6), itertools.count(1)

    def lay_out(self, size):
        """The next groups' rows; gives their numbers."""
        now = datetime.datetime.now(datetime.timezone.utc)
        rows, numbers = [], list(itertools.islice(self.groups, BLOCK))
        for group in numbers:
            at = now.replace(microsecond=now.microsecond // 1000 * 1000)
            text, limit = (t.isoformat(timespec="milliseconds") for t in (at, at + datetime.timedelta(hours=4)))
            day, start = text[:10], self.chance.randrange(self.house.people)
            stamp = (int(at.timestamp() * 1000) << 20) | group
            for g in range(size):
                place = self.chance.choice(self.house.places)
                rows.append((group, g, person_id((start + g * 7919) % self.house.people), event_id(at), *place,
                             text, limit, day, day[:8] + "01", at.hour, stamp))
        self.db.execute("DELETE FROM picked")
        self.db.execute("BEGIN")
        self.db.executemany(f"INSERT INTO picked VALUES ({', '.join('?' * 13)})", rows)
        self.db.execute("COMMIT")
        return numbers

    def events_per_second(self, size, seconds):
        """In groups of `size`; and which part of a group's time is Python's at most."""
        spent, groups = 0.0, 0
        while spent < seconds:
            numbers = self.lay_out(size)
            began = time.perf_counter()
            for number in numbers:
                self.write(STATEMENTS, number)
            spent += time.perf_counter() - began
            groups += len(numbers)
        nothing = ["SELECT 1"] * len(STATEMENTS)
        began = time.perf_counter()
        for number in range(BLOCK):
            self.write(nothing, number, begin="SELECT 1", commit="SELECT 2")
        python = (time.perf_counter() - began) / BLOCK
        return groups * size / spent, python / (spent / groups)

    def write(self, statements, number, begin="BEGIN IMMEDIATE", commit="COMMIT"):
        self.db.execute(begin)
        for statement in statements:
            self.db.execute(statement, (number,) if "?1" in statement else ())
        self.db.execute(commit)


def event_id(at):
    """A UUIDv7 of this instant, so that ids come in order as ours do."""
    value = int(at.timestamp() * 1000) << 80 | random.getrandbits(76)
    return uuid.UUID(int=value & ~(0xF << 76 | 0x3 << 62) | 7 << 76 | 2 << 62).bytes


def groups_so_far(server):
    """Groups and events that the recorder has written."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.ops}/metrics", timeout=5) as answer:
        lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[:1] != "#")
    return tuple(float(lines[f"fitgate_recorder_group_events_{what}"]) for what in ("count", "sum"))


def b6(town):
    house = House(town)
    seconds, pairs, sizes, shares, slowest = town.size["seconds"], [], [], [], []
    with house.serve() as server:
        house.entries(server, "--batch", 50, "--connections", 8, "--inside", 1, "--seconds", 300,
                      "--events", 2 * house.people, minutes=10)
        ceiling = Ceiling(house)
        for _ in rounds(town):
            before = groups_so_far(server)
            figures = house.entries(server, "--decisions", "--connections", 64, *town.timed())
            groups, events = (b - a for a, b in zip(before, groups_so_far(server)))
            size = max(1, round(events / groups))
            raw, share = ceiling.events_per_second(size, seconds)
            pairs.append((figures["events_per_second"], raw))
            sizes.append(size)
            shares.append(share)
            slowest.append(figures["p99_us"])
    if max(shares) > PYTHON_SHARE_MAX:
        raise CannotMeasure(f"Python is {max(shares):.0%} of the ceiling's time")
    result("B6", "entries a second on SQLite, 64 connections ÷ full row set by raw SQLite in groups of that size",
           "events/s", pairs, {
               "database": "SQLite, WAL, synchronous=FULL, lived in", "counters": "memory", "people": house.people,
               "connections": 64, "requests": "live decisions", "seconds_a_round": seconds, "errors": 0,
               "group_size": lab.median(sizes), "p99_us": round(lab.median(slowest)),
               "ceiling": f"Python's sqlite3, SQLite {sqlite3.sqlite_version}, Python's share <= {max(shares):.1%}",
           })


MEASURES = {"B6": b6}
