"""A grown town: millions of events, thousands of venues, hundreds of thousands of members.

Rows are made by one connection of PostgreSQL and loaded by another through COPY, in the order of
time, without the secondary indexes, which are built afterwards. `grow` takes a database that has
the bench town in it (lab's people and places) and leaves it lived in for as many months as asked.
"""

import pathlib
import subprocess
import tempfile
import time

import lab
from lab import CannotMeasure

# What a visit looks like: in, and out 45 minutes later. Every member has a venue of their own that
# they go to, so that a venue has regulars, as in life.
VISITS = """
  SELECT v AS n, ('01920000-0000-7000-8000-' || lpad(to_hex(2 * v), 12, '0'))::uuid AS id,
         ('01920000-0000-7000-8000-' || lpad(to_hex(2 * v + 1), 12, '0'))::uuid AS exit_id,
         ('01900000-0000-7000-8000-' || lpad(to_hex({first} + (v * 7919) % {people}), 12, '0'))::uuid AS member_id,
         ('01930000-0000-7000-9000-' || lpad(to_hex((v * 7919) % {people} % {venues}), 12, '0'))::uuid AS venue_id,
         '330482401' || 100 + (v * 7919) % {people} % {venues} % {communities} AS community,
         (SELECT terminal_id FROM bench_places WHERE n = 0) AS terminal_id,
         date_trunc('milliseconds', timestamptz '{start}' + v * (interval '{days} days' / {visits})) AS at
    FROM generate_series(0::bigint, {visits} - 1) v
"""
DAY = "(at + interval '4 hours')::date"
EVENT = ("'BENCH-0001', 1, {n}, '{way}', 'face', NULL, 0.97, {at}, {at}, 0, NULL, 'live', 'recorded', NULL,"
         " '{effect}', true, true")
MAC = "repeat('0123456789abcdef', 4)"
# The division above all communities.
TOWN = "330482401"
LEAVES = "at + interval '45 minutes'"

# Table, its columns, and the rows of a visit.
LOADS = [
    ("event_keys", "terminal_id, record_id, event_id, occurred_at, body_hash, decision, received_at", f"""
        SELECT terminal_id, 'grown:' || 2 * n, id, at, {MAC}, 'recorded', at FROM visits UNION ALL
        SELECT terminal_id, 'grown:' || 2 * n + 1, exit_id, {LEAVES}, {MAC}, 'recorded', {LEAVES} FROM visits"""),
    ("entry_events", "id, occurred_at, venue_id, terminal_id, member_id, serial, epoch, seq, direction, method,"
     " credential, score, device_time, received_at, offset_s, clock_flag, mode, decision, reason, effect, credited,"
     " passed",
     "SELECT id, at, venue_id, terminal_id, member_id, " + EVENT.format(n="2 * n", way="in", at="at", effect="opened")
     + " FROM visits UNION ALL SELECT exit_id, " + LEAVES + ", venue_id, terminal_id, member_id, "
     + EVENT.format(n="2 * n + 1", way="out", at=LEAVES, effect="closed") + " FROM visits"),
    ("sessions", "id, member_id, venue_id, community, business_day, entered_at, left_at, minutes, provenance,"
     " ended_by, void, credited, rule_version, presence_expires_at, version", f"""
        SELECT id, member_id, venue_id, community, {DAY}, at, {LEAVES}, 45, 'measured', 'exit', false, true, 1,
               at + interval '4 hours', 1 FROM visits"""),
    ("minute_entries", "id, recorded_at, session_id, member_id, venue_id, community, business_day, minutes,"
     " provenance, cause, rule_version, mac", f"""
        SELECT exit_id, {LEAVES}, id, member_id, venue_id, community, {DAY}, 45, 'measured', 'fold', 1, {MAC}
          FROM visits"""),
    ("venue_days", "venue_id, business_day, visits, people, minutes_measured, minutes_self_declared,"
     " minutes_estimated, minutes_corrected, digest_0, digest_1, digest_2, digest_3, digest_4, digest_5, digest_6,"
     " digest_7, state, version", f"""
        SELECT venue_id, {DAY}, count(*), count(DISTINCT member_id), 45 * count(*), 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8,
               'final', 1 FROM visits GROUP BY 1, 2 ORDER BY 2, 1"""),
    # Of days that every terminal has told all of, as of all but the last two.
    ("division_days", "division, business_day, visits, people, minutes_measured, minutes_self_declared,"
     " minutes_estimated, minutes_corrected, state, version", f"""
        SELECT division, {DAY}, count(*), count(DISTINCT member_id), 45 * count(*), 0, 0, 0, 'final', 1
          FROM visits, unnest(ARRAY[community, '{TOWN}']) division
         WHERE {DAY} < (SELECT max({DAY}) FROM visits) - 1 GROUP BY 1, 2 ORDER BY 1, 2"""),
    ("venue_day_hours", "venue_id, business_day, hour, visits, minutes, version", f"""
        SELECT venue_id, {DAY}, extract(hour FROM at)::smallint, count(*), 45 * count(*), 1 FROM visits
         GROUP BY 1, 2, 3 ORDER BY 2, 1, 3"""),
    ("member_days", "member_id, business_day, visits, minutes_measured, minutes_self_declared, minutes_estimated,"
     " minutes_corrected, version", f"""
        SELECT member_id, {DAY}, count(*), 45 * count(*), 0, 0, 0, 1 FROM visits GROUP BY 1, 2 ORDER BY 2, 1"""),
    ("member_months", "member_id, month, minutes, version", f"""
        SELECT member_id, date_trunc('month', {DAY})::date, 45 * count(*), 1 FROM visits GROUP BY 1, 2 ORDER BY 2, 1"""),
    ("member_venue_months", "venue_id, month, member_id, visits, version", f"""
        SELECT venue_id, date_trunc('month', {DAY})::date, member_id, count(*), 1 FROM visits
         GROUP BY 1, 2, 3 ORDER BY 2, 1, 3"""),
]
# Loaded side by side: the machine has two cores.
LANES = [("event_keys", "venue_days", "venue_day_hours", "member_days"),
         ("entry_events", "sessions", "minute_entries", "member_venue_months", "member_months",
          "division_days")]


def grow(name, events, venues, people, months, communities=60):
    """Fills the database `name`; gives the seconds that it took."""
    began = time.monotonic()
    # The town's own people have a history already.
    first = int(lab.psql(name, "-c", "SELECT count(*) FROM bench_people"))
    places(name, venues, people, communities)
    values = {
        "visits": events // 2, "venues": venues, "first": first, "people": people - first, "communities": communities,
        "days": months * 30, "start": lab.psql(
            name, "-c", f"SELECT date_trunc('day', now()) - interval '{months * 30 + 2} days'").strip(),
    }
    indexes = lab.psql(name, "-c", """
        SELECT format('%I', c.relname) || '|' || pg_get_indexdef(i.indexrelid)
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
         WHERE t.relname IN ('event_keys', 'entry_events', 'sessions', 'minute_entries')
           AND NOT i.indisunique AND NOT c.relispartition""").splitlines()
    for index in indexes:
        lab.psql(name, "-c", f"DROP INDEX {index.split('|')[0]}")
    visits = VISITS.format(**values)
    lanes = [subprocess.Popen(["bash", "-o", "pipefail", "-ec", script(name, lane, visits)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for lane in LANES]
    for lane in lanes:
        said = lane.communicate()[0]
        if lane.returncode:
            raise CannotMeasure(f"the history could not be loaded: {said[-1000:]}")
    for index in indexes:
        # The definition of a partitioned index speaks of the empty parent only.
        made = index.split("|", 1)[1].replace(" ON ONLY ", " ON ")
        lab.psql(name, "-c", "SET maintenance_work_mem = '512MB'", "-c", made)
    lab.psql(name, "-c", "VACUUM ANALYZE")
    return time.monotonic() - began


def script(name, tables, visits):
    """A shell script that copies the rows of `tables` from one connection into another."""
    url = lab.database_url(name)
    lines = []
    for table, columns, rows in (load for load in LOADS if load[0] in tables):
        made = f"SET work_mem = '256MB'; COPY (WITH visits AS ({visits}) {rows}) TO STDOUT"
        # Rows that the town has itself stay; the grown ones lie beside them.
        taken = f"COPY {table} ({columns}) FROM STDIN"
        lines.append(f'psql -X -q "{url}" -v ON_ERROR_STOP=1 -c "{quoted(made)}"'
                     f' | psql -X -q "{url}" -v ON_ERROR_STOP=1 -c "{taken}"')
    return "\n".join(lines)


def quoted(sql):
    return " ".join(sql.split()).replace('"', '\\"').replace("$", "\\$")


def places(name, venues, people, communities):
    """Communities, venues and members, each like one that is there already."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(f"""
INSERT INTO divisions (code, name, level)
SELECT '330482401' || 100 + n, '社区' || n, 'community' FROM generate_series(0, {communities} - 1) n
ON CONFLICT DO NOTHING;
CREATE TEMP TABLE grown AS SELECT n, ('01930000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid AS venue_id
  FROM generate_series(0, {venues} - 1) n;
INSERT INTO venues SELECT r.* FROM grown g, LATERAL (SELECT * FROM venues ORDER BY id LIMIT 1) v,
  LATERAL jsonb_populate_record(NULL::venues, to_jsonb(v) || jsonb_build_object(
    'id', g.venue_id, 'name', '场馆 ' || g.n, 'community', '330482401' || 100 + g.n % {communities})) r;
INSERT INTO venue_rules SELECT r.* FROM grown g, LATERAL (SELECT * FROM venue_rules ORDER BY venue_id LIMIT 1) v,
  LATERAL jsonb_populate_record(NULL::venue_rules, to_jsonb(v) || jsonb_build_object('venue_id', g.venue_id)) r;
INSERT INTO venue_gates (venue_id) SELECT venue_id FROM grown;
CREATE TEMP TABLE people AS SELECT n, ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS member_id
  FROM generate_series((SELECT count(*) FROM bench_people), {people} - 1) n;
INSERT INTO bench_people SELECT n, member_id FROM people;
INSERT INTO members SELECT r.* FROM (SELECT m.* FROM members m JOIN bench_people b ON b.member_id = m.id
    WHERE b.n = 0) m, people p, LATERAL jsonb_populate_record(NULL::members, to_jsonb(m) || jsonb_build_object(
    'id', p.member_id, 'document_ix', 'bench-' || p.n)) r;
INSERT INTO timelines (member_id, version, state)
  SELECT member_id, 0, '{{"open":null,"last":null,"newest":null}}' FROM people;
INSERT INTO credentials SELECT r.* FROM (SELECT c.* FROM credentials c JOIN bench_people b
    ON b.member_id = c.member_id WHERE b.n = 0) c, people p, LATERAL jsonb_populate_record(NULL::credentials, to_jsonb(c) || jsonb_build_object(
    'handle', 'bench-' || p.n, 'member_id', p.member_id)) r;
INSERT INTO consents SELECT r.* FROM (SELECT c.* FROM consents c JOIN bench_people b ON b.member_id = c.member_id
    WHERE b.n = 0) c, people p, LATERAL jsonb_populate_record(NULL::consents, to_jsonb(c) || jsonb_build_object(
    'member_id', p.member_id)) r;
UPDATE revisions SET n = n + 1 WHERE name = 'world';
""")
        file.flush()
        lab.psql(name, "-1", "-f", pathlib.Path(file.name))
