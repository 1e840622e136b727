"""Measures over a grown town: B9, B10, B11, B15. Cost must not grow with history."""

import json
import subprocess
import threading
import time
import urllib.request

import grow
import lab
from lab import CannotMeasure, Server
from town import GOALS, QUICK, KB, at_most, result, rounds, tell

GOALS |= {
    "B9": at_most(1.2),
    "B10": at_most(20, " ms"),
    "B10.growth": at_most(10),
    "B11": at_most(30, " s"),
    "B11.entries": at_most(2),
    "B15.communities": at_most(0.01),
    "B15.days": at_most(0.01),
    "B15.members": at_most(0.01),
}
# Events, venues and members of the two towns that are compared.
SMALL = (100_000, 200, 100_000)
SMALL_QUICK = (20_000, 200, 52_000)
BIG = (10_000_000, 2_000, 500_000)
BIG_QUICK = (200_000, 2_000, 60_000)
MONTHS = 20
BUILDS, BUILDS_QUICK = 15, 4


def grown(town):
    """The names of the small and the big town; made once a run."""
    if not hasattr(town, "grown"):
        small, big = (SMALL_QUICK, BIG_QUICK) if town.size is QUICK else (SMALL, BIG)
        town.grown = {}
        for name, size in (("town_small", small), ("town_big", big)):
            tell(f"{name}: {size[0]} events, {size[1]} venues, {size[2]} members")
            lab.create_database(name, "bench_bare")
            seconds = grow.grow(name, *size, MONTHS)
            bytes_used = int(lab.psql(name, "-c", f"SELECT pg_database_size('{name}')"))
            town.grown[name] = {"events": size[0], "venues": size[1], "members": size[2],
                                "filled_in_s": round(seconds), "gigabytes": round(bytes_used / KB**3, 2)}
            tell(f"{name} was filled in {seconds:.0f} s")
    return town.grown


def serve(town, name, redis=""):
    return Server(lab.database_url(name), town.keys, redis)


def b9(town):
    """p50 of live entries at one connection, in both towns by turns."""
    sizes = grown(town)
    pairs = []
    with serve(town, "town_small") as small, serve(town, "town_big") as big:
        for server in (small, big):
            town.entries(server, "--decisions", "--connections", 1, "--seconds", 2)
        for _ in rounds(town):
            p50 = [town.entries(server, "--decisions", "--connections", 1, *town.timed())["p50_us"]
                   for server in (big, small)]
            pairs.append(tuple(p50))
    result("B9", "p50 of one live entry after long history ÷ after short", "µs", pairs,
           town.conditions(database="PostgreSQL, grown", counters="memory", connections=1, big=sizes["town_big"],
                           small=sizes["town_small"]))


def builds(server):
    """How many documents were built, and the seconds that took."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.ops}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    figure = {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("fitgate_screen_build")}
    return figure["fitgate_screen_build_seconds_count"], figure["fitgate_screen_build_seconds_sum"]


def ask(server, division, token):
    request = urllib.request.Request(f"{server.url}/api/v1/screens/{division}",
                                     headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        return len(answer.read())


def mean_build_ms(town, name):
    asked = BUILDS_QUICK if town.size is QUICK else BUILDS
    token = lab.screen_token(lab.database_url(name), "3304")
    with serve(town, name) as server:
        size = ask(server, "3304", token)
        time.sleep(2)
        before = builds(server)
        for _ in range(asked):
            ask(server, "3304", token)
            time.sleep(1)
        after = builds(server)
    if after[0] - before[0] < asked / 2:
        raise CannotMeasure(f"only {after[0] - before[0]} documents were built")
    return 1000 * (after[1] - before[1]) / (after[0] - before[0]), size


def b10(town):
    sizes = grown(town)
    big, small, bytes_of = [], [], {}
    for _ in rounds(town):
        for name, figures in (("town_big", big), ("town_small", small)):
            ms, bytes_of[name] = mean_build_ms(town, name)
            figures.append(ms)
    conditions = town.conditions(database="PostgreSQL, grown", counters="memory", big=sizes["town_big"],
                                 small=sizes["town_small"], document_bytes=bytes_of)
    result("B10", "one screen document of all venues", "ms", [(ms, None) for ms in big], conditions)
    result("B10.growth", "the same for ten times the venues", "ms", list(zip(big, small)), conditions)


class Rebuild:
    """`counters rebuild` of the big town, while the context is open; its end is waited for."""

    def __init__(self, town, redis):
        self.command = [lab.FITGATE, "counters", "rebuild", "--database-url", lab.database_url("town_big"),
                        "--redis-url", redis, "--keys", str(town.keys)]

    def run(self):
        began = time.monotonic()
        self.failed = subprocess.run(self.command, stdout=subprocess.DEVNULL).returncode
        self.seconds = time.monotonic() - began

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join()
        if self.failed:
            raise CannotMeasure("the rebuild failed")


def b11(town):
    sizes = grown(town)
    redis = lab.REDIS_URL + "/1"
    seconds, pairs = [], []
    with serve(town, "town_big", redis) as server:
        words = "--decisions", "--connections", 16, "--rate", 200
        town.rest(server)
        for _ in rounds(town):
            town.entries(server, *words, "--seconds", 2)
            before = town.entries(server, *words, *town.timed())["p99_us"]
            with Rebuild(town, redis) as rebuild:
                during = town.entries(server, *words, *town.timed())["p99_us"]
            seconds.append((rebuild.seconds, None))
            pairs.append((during, before))
    conditions = town.conditions(database="PostgreSQL, grown", big=sizes["town_big"], months=MONTHS,
                                 entries_per_second=200)
    result("B11", "all counters written anew", "s", seconds, conditions)
    result("B11.entries", "p99 of live entries while counters are written anew ÷ before", "µs", pairs, conditions)


def questions(name):
    """What is asked of the newest month: from roll-ups as the server reads them (final days of a division
    by its key, the days after them as sums of its venues), and from sessions as one would write it."""
    month, final, codes = lab.psql(name, "-c", """
        SELECT date_trunc('month', (SELECT max(business_day) FROM venue_days))::date || '|' ||
               (SELECT max(business_day) FROM division_days) || '|' ||
               (SELECT string_agg(DISTINCT quote_literal(community), ', ') FROM venues)""").strip().split("|")
    open_days = f"d.business_day > '{final}' AND d.business_day >= '{month}'"
    figures = "visits, minutes_measured"
    of_venues = f"d.visits, d.minutes_measured FROM venue_days d JOIN venues v ON v.id = d.venue_id WHERE {open_days}"
    whole_days = f"FROM sessions WHERE NOT void AND business_day >= '{month}'"
    return {
        "communities": (
            f"""SELECT division, sum(visits), sum(minutes_measured) FROM (
                  SELECT division, {figures} FROM division_days
                   WHERE division IN ({codes}) AND business_day >= '{month}'
                  UNION ALL SELECT v.community, {of_venues}) days GROUP BY 1""",
            f"SELECT community, count(*), sum(minutes) {whole_days} GROUP BY 1"),
        "days": (
            f"""SELECT business_day, sum(visits), sum(minutes_measured) FROM (
                  SELECT business_day, {figures} FROM division_days
                   WHERE division = '{grow.TOWN}' AND business_day >= '{month}'
                  UNION ALL SELECT d.business_day, {of_venues}) days GROUP BY 1""",
            f"SELECT business_day, count(*), sum(minutes) {whole_days} GROUP BY 1"),
        "members": (
            f"SELECT member_id, minutes FROM member_months WHERE month = '{month}' ORDER BY minutes DESC, member_id LIMIT 100",
            f"SELECT member_id, sum(minutes) {whole_days} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100"),
    }


def b15(town):
    sizes = grown(town)
    for name, both in questions("town_big").items():
        pairs = []
        for _ in rounds(town):
            pairs.append(tuple(timed("town_big", sql) for sql in both))
        result(f"B15.{name}", f"{name} of the month from roll-ups ÷ from sessions", "ms", pairs,
               town.conditions(database="PostgreSQL, grown", big=sizes["town_big"], sessions=sizes["town_big"]["events"] // 2))


def timed(name, sql):
    """Milliseconds that PostgreSQL takes for a query, asked twice before."""
    plan = lab.psql(name, "-c", sql, "-c", sql, "-c", f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
    return json.loads(plan[plan.index("[\n"):])[0]["Execution Time"]


MEASURES = {"B9": b9, "B10": b10, "B11": b11, "B15": b15}
