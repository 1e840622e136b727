"""All measures: our figure and its ceiling round by round, so that both see the same machine. Run
by tests/bench/run. A goal that is missed is printed as such and is no failure: on a busy machine
only a committed run is judged."""

import subprocess
import sys
import time

import crowd
import growth
import lab
import ordinary
import reports
import sqlite
from lab import CannotMeasure, Held, PeakMemory, Server
from town import FULL, GOALS, KB, QUICK, Town, at_least, at_most, result, rounds, tell

GOALS |= {
    "B1": at_least(1.5),
    "B1b": at_least(0.6),
    "B1.door": at_least(0.6),
    "B3": at_most(1.6),
    "B3.door": at_most(1.6),
    "B5": at_least(0.6),
    "B7.200": at_least(0.9),
    "B7.304": at_least(0.9),
    "B12.idle": at_most(40, " MB"),
    "B12.stream": at_most(64, " KB"),
    "B12.replay": at_most(150, " MB"),
    "B12.connection": at_most(25, " KB"),
    "B14.ready": at_most(1, " s"),
    "B14.first": at_most(3, " s"),
}


def b1(town):
    minimal, full, door, cpu = [], [], [], []
    words = "--decisions", "--connections", 64, *town.timed()
    with town.serve() as server, town.by_hand() as ceiling:
        for _ in rounds(town):
            before = lab.parent_and_cpu(server.pid)[1], lab.cpu_of_postgres()
            figures = town.entries(server, *words)
            after = lab.parent_and_cpu(server.pid)[1], lab.cpu_of_postgres()
            ours = figures["events_per_second"]
            # The warm-up's second is in the CPU time too.
            events = ours * (figures["seconds"] + 1)
            cpu.append([1e6 * (b - a) / events for a, b in zip(before, after)])
            seconds = town.size["seconds"]
            minimal.append((ours, lab.pgbench("ceiling_minimal", "event_one_stmt.sql", 8, seconds)[0]))
            full.append((ours, 100 * lab.pgbench("ceiling_full", "full.sql", 1, seconds, lab.ONE_PLAN, n=100)[0]))
            door.append((ours, town.entries(ceiling, *words)["events_per_second"]))
    conditions = town.conditions(
        connections=64, requests="live decisions", p99_us=figures["p99_us"],
        cpu_us_an_event={"server": round(lab.median(c[0] for c in cpu)),
                         "postgres": round(lab.median(c[1] for c in cpu))})
    what = "entries a second through HTTP, 64 connections"
    result("B1", f"{what} ÷ minimal entry by pgbench -c 8", "events/s", minimal, conditions)
    result("B1b", f"{what} ÷ full row set in groups of 100", "events/s", full, conditions)
    result("B1.door", f"{what} ÷ full row set in natural groups behind the same door", "events/s", door, conditions)


def b3(town):
    pairs, door = [], []
    words = "--decisions", "--connections", 1, *town.timed()
    with town.serve() as server, town.by_hand() as ceiling:
        for _ in rounds(town):
            ours = town.entries(server, *words)["p50_us"]
            _, latencies = lab.pgbench("ceiling_full", "full.sql", 1, town.size["seconds"], lab.ONE_PLAN, n=1)
            pairs.append((ours, lab.median(latencies)))
            door.append((ours, town.entries(ceiling, *words)["p50_us"]))
    conditions = town.conditions(connections=1, requests="live decisions")
    what = "p50 of one live entry at 1 connection"
    result("B3", f"{what} ÷ p50 of the full row set as one statement", "µs", pairs, conditions)
    result("B3.door", f"{what} ÷ p50 of the full row set behind the same door", "µs", door, conditions)


def b5(town):
    pairs = []
    with town.serve() as server:
        for _ in rounds(town):
            figures = town.entries(server, "--batch", 500, "--connections", 4, "--inside", 1,
                                   *town.timed(), minutes=8)
            tps, _ = lab.pgbench("ceiling_full", "full.sql", 1, town.size["seconds"], lab.ONE_PLAN, n=500)
            pairs.append((figures["events_per_second"], 500 * tps))
    result("B5", "offline replay in batches of 500 ÷ full row set in groups of 500", "events/s",
           pairs, town.conditions(connections=4, requests="batches of 500"))


def b7(town):
    with town.serve() as server:
        url = f"{server.url}/api/v1/screens/{town.screen['division']}"
        token = town.screen["token"]
        document = town.folder / "document.json"
        document.write_text(lab.run([lab.LOAD, "poll", "--once", "--url", url, f"--token={token}"]).rstrip("\n"))
        port = lab.free_port()
        hello = subprocess.Popen([lab.HELLO, f"127.0.0.1:{port}", document])
        try:
            lab.wait_for_port(port)
            pairs = {"200": [], "304": []}
            for _ in rounds(town):
                for status, more in (("200", []), ("304", ["--etag"])):
                    words = "--connections", 64, *town.timed(), *more
                    ours = lab.load("poll", "--url", url, f"--token={token}", *words)
                    ceiling = lab.load("poll", "--url", f"http://127.0.0.1:{port}/", *words)
                    pairs[status].append((ours["rps"], ceiling["rps"]))
        finally:
            hello.kill()
            hello.wait()
    conditions = {"connections": 64, "document_bytes": document.stat().st_size, "seconds_a_round": town.size["seconds"]}
    for status, found in pairs.items():
        result(f"B7.{status}", f"screen polls answered {status} ÷ axum's hello of the same bytes", "requests/s",
               found, conditions)


def b12(town):
    idle, own, stream, connection, replay = [], [], [], [], []
    count = town.size["held"]
    for _ in rounds(town):
        with town.serve() as server:
            url = f"{server.url}/api/v1/screens/{town.screen['division']}"
            token = town.screen["token"]
            # One document is built and one request answered before anything is counted.
            lab.run([lab.LOAD, "poll", "--once", "--url", url, f"--token={token}"])
            time.sleep(3)
            before = lab.memory_kb(server.pid)
            idle.append((before / KB, None))
            own.append(lab.memory_kb(server.pid, "RssAnon") / KB)
            with Held(url, token, count, stream=False):
                time.sleep(1)
                connection.append(((lab.memory_kb(server.pid) - before) / count, None))
        with town.serve() as server:
            url = f"{server.url}/api/v1/screens/{town.screen['division']}"
            lab.run([lab.LOAD, "poll", "--once", "--url", url, f"--token={token}"])
            time.sleep(1)
            before = lab.memory_kb(server.pid)
            with Held(url + "/stream", token, count, stream=True):
                time.sleep(3)
                stream.append(((lab.memory_kb(server.pid) - before) / count, None))
            with PeakMemory(server.pid) as peak:
                town.entries(server, "--batch", 500, "--connections", 4, "--inside", 1,
                             "--seconds", 300, "--events", town.size["replayed"])
            replay.append((peak.kb / KB, None))
    conditions = {"held": count, "replayed": town.size["replayed"], "memory": "VmRSS"}
    # The rest are pages of the binary, which the kernel shares among servers and takes back.
    result("B12.idle", "memory of an idle server", "MB", idle, conditions | {"of_its_own_MB": round(lab.median(own), 1)})
    result("B12.replay", "peak memory during a replay", "MB", replay, conditions)
    for name, what, found in (("stream", "memory a stream", stream), ("connection", "memory an idle connection", connection)):
        # So few may take less than the allocator gives back meanwhile.
        if min(kb for kb, _ in found) > 0:
            result(f"B12.{name}", what, "KB", found, conditions)
        else:
            tell(f"{what} cannot be told from {count}")


def b14(town):
    months = ["--months", town.size["months"]] if town.size["months"] else []
    database = f"sqlite://{town.folder}/demo.db?mode=rwc"
    keys = town.folder / "demo.keys"
    tell("the demo's database")
    lab.run([lab.FITGATE, "demo", "--load-only", *months, "--database-url", database, "--keys", keys])
    ready, first = [], []
    for n in rounds(town):
        with Server(database, keys) as server:
            ready.append((server.ready_after_s, None))
        with Server(f"sqlite://{town.folder}/first{n}.db?mode=rwc", town.folder / f"first{n}.keys") as server:
            first.append((server.ready_after_s, None))
    conditions = {"database": "SQLite", "months": town.size["months"] or "all"}
    result("B14.ready", "start on the demo's database to ready", "s", ready, conditions)
    result("B14.first", "first start, with migrations, to ready", "s", first, conditions)


MEASURES = {"B1": b1, "B3": b3, "B5": b5, "B7": b7, "B12": b12, "B14": b14} | crowd.MEASURES | growth.MEASURES \
    | ordinary.MEASURES | reports.MEASURES | sqlite.MEASURES
ALSO = {"B1b": "B1", "B1.door": "B1", "B3.door": "B3"}


def main(words):
    size = QUICK if words[:1] == ["quick"] else FULL
    named = [ALSO.get(word, word) for word in words if word not in ("all", "quick")]
    # A year of reports takes long to make, and a month of them says nothing of a year's.
    names = named or [name for name in MEASURES if size is FULL or name not in reports.MEASURES]
    if set(names) - set(MEASURES):
        sys.exit(__doc__ + f"\nknown: {', '.join(MEASURES)}")
    try:
        town = Town(size)
    except CannotMeasure as reason:
        print(f"nothing can be measured: {reason}", file=sys.stderr)
        print("checks: 0 passed, 1 failed, 0 skipped", file=sys.stderr)
        return 2
    failed = 0
    for name in dict.fromkeys(names):
        tell(name)
        try:
            town.renew()
            MEASURES[name](town)
        except (CannotMeasure, OSError, subprocess.SubprocessError) as reason:
            failed += 1
            print(f"{name} cannot be measured: {reason}", file=sys.stderr)
    print(f"checks: {len(names) - failed} passed, {failed} failed, 0 skipped", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
