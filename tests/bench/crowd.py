"""Measures of many at once: B2, B4, B8, overload, screens beside entries, and replicas."""

import contextlib
import json
import subprocess
import tempfile
import time

import lab
from lab import CannotMeasure, Held, PeakMemory, Server
from town import GOALS, KB, QUICK, at_least, at_most, result, rounds, tell

GOALS |= {
    "B2": at_least(0.8),
    "B4": at_most(8),
    "B8.sql": at_most(1.05),
    "B8.redis": at_most(1.05),
    "overload.exits": at_most(0.7),
    "overload.goodput": at_least(0.8),
    "overload.refusal": at_most(50, " ms"),
    "overload.recovery": at_most(10, " s"),
    "overload.memory": at_most(400, " MB"),
    "screens.entries": at_most(1.5),
    "screens.sql": at_most(1.05),
    "replicas.2": at_least(1),
    "replicas.3": at_least(1),
}
HISTORY = ("event_keys", "entry_events", "sessions", "minute_entries", "venue_days", "venue_day_hours", "member_days",
           "member_venue_months", "member_months", "counter_changes", "division_days")


def b2(town):
    """The planner saw the fresh town's tables when they were empty, and nobody tells it more."""
    tell("the fresh town")
    lab.create_database("town_fresh", "bench_bare")
    lab.psql("town_fresh", "-c", f"TRUNCATE {', '.join(HISTORY)}", "-c", "VACUUM ANALYZE")
    pairs = []
    words = "--decisions", "--connections", 64
    with town.serve() as lived_in, Server(lab.database_url("town_fresh"), town.keys, lab.REDIS_URL + "/2") as fresh:
        for _ in rounds(town):
            both = [town.entries(server, *words, *town.timed())["events_per_second"] for server in (fresh, lived_in)]
            pairs.append(tuple(both))
    result("B2", "entries a second on fresh tables ÷ on lived-in tables, 64 connections", "events/s", pairs,
           town.conditions(database="PostgreSQL, fresh and lived in"))


def b4(town):
    pairs, by_hand = [], []
    with town.serve() as server:
        for _ in rounds(town):
            steady = town.entries(server, "--decisions", "--connections", 64, "--rate", 800, *town.timed())
            alone = town.entries(server, "--decisions", "--connections", 1, *town.timed())
            pairs.append((steady["p99_us"], alone["p50_us"]))
            # The same rate of the full row set alone, without a server: what the machine's disk and cores allow.
            _, latencies = lab.pgbench("ceiling_full", "full.sql", 8, town.size["seconds"], lab.ONE_PLAN, rate=800, n=1)
            by_hand.append(latencies[len(latencies) * 99 // 100])
    result("B4", "p99 at a steady 800 entries a second ÷ p50 at 1 connection", "µs", pairs,
           town.conditions(connections=64, requests="live decisions, open loop",
                           p99_us_of_the_row_set_by_pgbench_at_that_rate=round(lab.median(by_hand))))


class Commands:
    """Statements that PostgreSQL and commands that Redis did a second while the context was open."""

    def __init__(self, database="fitgate_bench"):
        self.database = database

    def seen(self):
        sql = lab.psql("postgres", "-c", f"""SELECT coalesce(sum(s.calls), 0) FROM pg_stat_statements s
            JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = '{self.database}'""")
        said = lab.run(["redis-cli", "-u", lab.REDIS_URL, "INFO", "stats"])
        commands = next(line for line in said.splitlines() if line.startswith("total_commands_processed"))
        return time.monotonic(), int(sql), int(commands.split(":")[1])

    def __enter__(self):
        self.before = self.seen()
        return self

    def __exit__(self, *_):
        after = self.seen()
        seconds = after[0] - self.before[0]
        self.sql, self.redis = [(b - a) / seconds for a, b in zip(self.before[1:], after[1:])]


def count_statements():
    try:
        lab.psql("postgres", "-c", "CREATE EXTENSION IF NOT EXISTS pg_stat_statements", "-c",
                 "SELECT pg_stat_statements_reset()")
    except CannotMeasure as reason:
        raise CannotMeasure(f"statements cannot be counted: {reason}") from reason


def b8(town):
    count_statements()
    screens = town.size["held"]
    sql, redis = [], []
    with town.serve() as server:
        url = f"{server.url}/api/v1/screens/{town.screen['division']}"
        for _ in rounds(town):
            figures = {}
            for count in (screens, 1):
                with Held(url + "/stream", town.screen["token"], count, stream=True):
                    # What a start and new screens cause once is over.
                    town.rest(server)
                    with Commands() as figures[count]:
                        time.sleep(max(town.size["seconds"], 3))
            sql.append((figures[screens].sql, figures[1].sql))
            redis.append((figures[screens].redis, figures[1].redis))
    conditions = town.conditions(screens=screens, note="the goal is 1; 5 % are left for counting")
    result("B8.sql", "statements a second for many screens of a division ÷ for one", "1/s", sql, conditions)
    result("B8.redis", "Redis commands a second for many screens of a division ÷ for one", "1/s", redis, conditions)


def overload(town):
    """Five times what can be served, then peace again."""
    seconds = 3 if town.size is QUICK else 60
    goodput, refusal, exits, recovery, memory, by_hand = [], [], [], [], [], []
    with town.serve() as server, town.by_hand("--waiting", 1024) as ceiling:
        calm = "--decisions", "--connections", 64
        for _ in rounds(town):
            peak = town.entries(server, *calm, *town.timed())["events_per_second"]
            p99 = town.entries(server, *calm[:2], 8, *town.timed())["p99_us"]
            with PeakMemory(server.pid) as held:
                flood = town.entries(server, "--decisions", "--connections", 4000, "--rate", 5 * peak, "--seconds",
                                     seconds, minutes=12, well=False)
            unexpected = set(flood["statuses"]) - {"200", "429", "503"}
            if unexpected or flood["lost"]:
                raise CannotMeasure(f"answers were not of the kind expected: {flood}")
            goodput.append((flood["events_per_second"], peak))
            if flood["refused_p99_us"] is not None:
                refusal.append((flood["refused_p99_us"] / 1000, None))
            if set(flood["statuses"]) != {"200"}:
                exits.append(refused_of_exits_and_others(flood))
            memory.append((held.kb / KB, None))
            began = time.monotonic()
            while town.entries(server, "--decisions", "--connections", 8, "--seconds", 0.5)["p99_us"] > 2 * p99:
                if time.monotonic() - began > 60:
                    raise CannotMeasure("it does not recover within a minute")
            recovery.append((time.monotonic() - began, None))
            # The same crowd before the hand-tuned row set: what two cores that serve it and it share allow.
            flood_by_hand = town.entries(ceiling, "--decisions", "--connections", 4000, "--rate", 5 * peak, "--seconds",
                                         min(seconds, 10), well=False)
            by_hand.append(flood_by_hand["refused_p99_us"] or 0)
    conditions = town.conditions(connections=4000, offered="5 times the peak", seconds=seconds,
                                 statuses=flood["statuses"], p99_us_of_those_served=flood["p99_us"],
                                 refused_p99_us_of_the_row_set_by_hand=round(lab.median(by_hand)))
    if exits:
        result("overload.exits", "of a hundred exits, so many were sent away ÷ of a hundred entries", "%",
               exits, conditions)
    result("overload.goodput", "entries a second at five times the load ÷ at the peak", "events/s", goodput, conditions)
    if refusal:
        result("overload.refusal", "p99 until those who are too many are sent away", "ms", refusal, conditions)
    result("overload.recovery", "until the p99 at 8 connections is at most twice what it was", "s", recovery, conditions)
    result("overload.memory", "peak memory under overload", "MB", memory, conditions)


def refused_of_exits_and_others(flood):
    """Exits are half of what is offered, so more than can be served: some are sent away as well."""
    refused = sum(count for status, count in flood["statuses"].items() if status != "200")
    others = sum(flood["statuses"].values()) - flood["exits"]
    shares = flood["exits_refused"] / max(flood["exits"], 1), (refused - flood["exits_refused"]) / max(others, 1)
    return tuple(100 * share for share in shares)


def screens(town):
    """Entries beside a crowd of screens of fifty divisions."""
    count_statements()
    count = town.size["held"]
    latencies, statements = [], []
    with town.serve() as server, tempfile.NamedTemporaryFile("w") as polled, tempfile.NamedTemporaryFile("w") as read:
        for division, token in divisions(town, 50):
            polled.write(f"{server.url}/api/v1/screens/{division} {token}\n")
            read.write(f"{server.url}/api/v1/screens/{division}/stream {token}\n")
        polled.flush()
        read.flush()
        words = "--decisions", "--connections", 16, "--rate", 200
        town.rest(server)
        for _ in rounds(town):
            with Commands() as alone, watched(read.name, polled.name, 50):
                one_each = town.entries(server, *words, *town.timed())["p99_us"]
            with Commands() as crowded, watched(read.name, polled.name, count):
                many = town.entries(server, *words, *town.timed())["p99_us"]
            time.sleep(1)
            without = town.entries(server, *words, *town.timed())["p99_us"]
            latencies.append((many, without))
            statements.append((crowded.sql, alone.sql))
    conditions = town.conditions(streams=count, pollers=count, divisions=50, entries_per_second=200,
                                 p99_us_with_one_screen_each=one_each)
    result("screens.entries", "p99 of live entries beside many screens ÷ without", "µs", latencies, conditions)
    # Every half minute the projector writes lately changed counters once more; a round without that
    # shows what screens cause.
    least = [tuple(min(figures) for figures in zip(*statements))]
    result("screens.sql", "statements a second with many screens ÷ with one stream and one poller a division", "1/s",
           least, conditions | {"rounds_measured": len(statements), "of_these": "the least"})


def divisions(town, count):
    """Communities with a screen's token each, made for the measure."""
    lab.psql("fitgate_bench", "-c", f"""INSERT INTO divisions (code, name, level)
        SELECT '330482401' || 100 + n, '社区' || n, 'community' FROM generate_series(0, {count} - 1) n
        ON CONFLICT DO NOTHING""")
    codes = [f"330482401{100 + n}" for n in range(count)]
    return [(code, lab.screen_token(town.url, code)) for code in codes]


@contextlib.contextmanager
def watched(streams, polls, count):
    """`count` streams, and `count` pollers that ask every two seconds."""
    held = [lab.LOAD, "hold", "--stream", "--targets", streams, "--connections", str(count), "--seconds", "600"]
    poll = [lab.LOAD, "poll", "--targets", polls, "--connections", str(count), "--rate", str(count / 2),
            "--seconds", "600"]
    with contextlib.ExitStack() as crowd:
        for command in (held, poll):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            crowd.callback(ended, process)
        time.sleep(3)
        yield


def ended(process):
    process.terminate()
    process.communicate(timeout=30)


def replicas(town):
    """Three crowds of people over one, two and three servers on the same database and Redis."""
    # Without the made-up history, whose MACs nobody computed: what is written is verified.
    lab.create_database("town_replicas", "bench_bare")
    url = lab.database_url("town_replicas")
    per_second, by_hand = {1: [], 2: [], 3: []}, {1: [], 2: [], 3: []}
    with contextlib.ExitStack() as running:
        servers = [running.enter_context(Server(url, town.keys, lab.REDIS_URL + "/3")) for _ in range(3)]
        ceilings = [running.enter_context(town.by_hand()) for _ in range(3)]
        for _ in rounds(town):
            for count in per_second:
                per_second[count].append(together(town, servers[:count]))
                by_hand[count].append(together(town, ceilings[:count]))
        deadlocks = lab.psql("postgres", "-c",
                             "SELECT deadlocks FROM pg_stat_database WHERE datname = 'town_replicas'").strip()
        lab.run([lab.FITGATE, "ledger", "verify", "--database-url", url, "--keys", str(town.keys)])
    for count in (2, 3):
        pairs = list(zip(per_second[count], per_second[1]))
        result(f"replicas.{count}", f"entries a second of {count} servers ÷ of one, 63 connections", "events/s", pairs,
               town.conditions(
                   database="PostgreSQL, a month of history", connections=63, deadlocks_retried=int(deadlocks),
                   ledger="verified afterwards",
                   row_set_by_hand_of_as_many=lab.figure(lab.median(by_hand[count]) / lab.median(by_hand[1]))))


def together(town, servers):
    """Events a second of three loads at once, each with terminals and people of its own."""
    town.minutes_ago -= 4
    loads = []
    for n in range(3):
        words = [lab.LOAD, "entries", "--credentials", third(town, n), "--base-url", servers[n % len(servers)].url,
                 "--people", f"bench-{n + 1}:9999", "--decisions", "--connections", 21,
                 "--start-minutes-ago", max(town.minutes_ago, 1), *town.timed()]
        loads.append(subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True))
    total = 0
    for load in loads:
        figures = json.loads(load.communicate()[0].splitlines()[-1])
        if figures["lost"] or set(figures["statuses"]) != {"200"}:
            raise CannotMeasure(f"answers were not clean: {figures}")
        total += figures["events_per_second"]
    return total


def third(town, n):
    """The credentials of every third terminal."""
    file = json.loads(town.credentials.read_text())
    file["terminals"] = file["terminals"][n::3]
    path = town.folder / f"credentials{n}.json"
    path.write_text(json.dumps(file))
    return path


MEASURES = {"B2": b2, "B4": b4, "B8": b8, "overload": overload, "screens": screens, "replicas": replicas}
