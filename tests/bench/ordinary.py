"""B13: CPU an entry, beside an ordinary program that does the same with a transaction a request.

Both have the same town, each in a database of its own, since a stay that one opened is nothing that
the other could end. Rounds alternate. What is left to do after a reply, such as the counters, is
waited for, so that its CPU counts too.
"""

import urllib.request

import lab
from town import GOALS, at_most, result, rounds

GOALS |= {"B13": at_most(0.2)}
# How far ahead a round may move the town's people (minutes), by connections.
MINUTES = {1: 3, 8: 3, 64: 5}


class Ordinary(lab.Example):
    """The ordinary server on its own copy of the town."""

    def __init__(self, town):
        lab.create_database("ordinary", "fitgate_bench")
        super().__init__("ordinary", "--database-url", lab.database_url("ordinary"),
                         "--redis-url", lab.REDIS_URL, "--credentials", town.credentials)

    def retries(self):
        with urllib.request.urlopen(self.url + "/retries", timeout=5) as answer:
            return int(answer.read())


def one_round(town, server, connections):
    """The load's figures, with the CPU of each process in µs an entry."""
    town.rest(server)
    before = lab.used(server.pid)
    words = "--decisions", "--connections", connections, *town.timed()
    figures = town.entries(server, *words, minutes=MINUTES[connections])
    town.rest(server)
    done = sum(figures["results"].values())
    figures["cpu"] = [1e6 * (b - a) / done for a, b in zip(before, lab.used(server.pid))]
    return figures


def a_pair(town, ours, ordinary, connections):
    """The same load on both: the people's time moves once, since each has its own town."""
    figures = one_round(town, ours, connections)
    town.minutes_ago += MINUTES[connections]
    return figures, one_round(town, ordinary, connections)


def ways(found):
    """Both ways' figures, medians of the rounds."""
    rows = []
    for connections, rounds in found.items():
        for way, every in zip(("fitgate", "ordinary"), zip(*rounds)):
            row = {"connections": connections, "way": way}
            for name in ("events_per_second", "p50_us", "p99_us"):
                row[name] = round(lab.median(figures[name] for figures in every))
            for part, name in enumerate(("server", "postgres", "redis")):
                row[f"{name}_cpu_us"] = round(lab.median(figures["cpu"][part] for figures in every))
            rows.append(row)
    return rows


def b13(town):
    found = {1: [], 8: [], 64: []}
    with Ordinary(town) as ordinary, town.serve() as ours:
        for n in rounds(town):
            # Few connections are shown, not judged: one round of them is enough.
            for connections in found if n == 0 else (64,):
                found[connections].append(a_pair(town, ours, ordinary, connections))
        retries = ordinary.retries()
    cpu = [tuple(sum(figures["cpu"]) for figures in pair) for pair in found[64]]
    result("B13", "CPU of all processes an entry, 64 connections ÷ the ordinary way", "µs", cpu, town.conditions(
        connections=64, requests="live decisions", cpu="server, PostgreSQL and Redis",
        ordinary_retries=retries, ways=ways(found)))


MEASURES = {"B13": b13}
