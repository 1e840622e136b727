"""The bench town, its sizes, and how a measure's figures are printed."""

import contextlib
import json
import pathlib
import sys
import tempfile
import urllib.parse

import lab
from lab import CannotMeasure, Server

PEOPLE = 50_000
FULL = {"rounds": 3, "seconds": 10, "history": 1_000_000, "held": 1000, "replayed": 100_000, "months": None}
QUICK = {"rounds": 1, "seconds": 2, "history": 100_000, "held": 100, "replayed": 10_000, "months": 1}
KB = 1024
# How long before now people's first events lie, what the warm-up uses of that, and what a measure may.
STARTS_MINUTES_AGO, WARM_UP_MINUTES = 225, 10
MINUTES_NEEDED = {False: 200, True: 60}
DURABLE = {"fsync": "on", "synchronous_commit": "on"}


def at_least(goal):
    return f">= {goal}", lambda ratio: ratio >= goal


def at_most(goal, unit=""):
    return f"<= {goal}{unit}", lambda ratio: ratio <= goal


# By measure: the goal as it is printed, and whether a figure reaches it.
GOALS = {}


def tell(text):
    print(f"-- {text}", file=sys.stderr, flush=True)


def result(name, what, unit, rounds, conditions):
    goal, met = GOALS[name]
    length = [word for word in sys.argv[1:2] if word == "quick"]
    print(lab.line(name, what, unit, rounds, goal, met, conditions, length), flush=True)


class Town:
    """The small town in PostgreSQL, with 50 000 people and a history beside it, lived in; and the
    databases of the two ceilings on the same server."""

    def __init__(self, size):
        self.size = size
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench.", dir=lab.os.environ["FITGATE_OWN_DIR"]))
        self.keys = self.folder / "keys"
        self.credentials = self.folder / "credentials.json"
        self.url = lab.database_url("fitgate_bench")
        # Each round's events lie after those of the round before, so that none comes late.
        self.minutes_ago = STARTS_MINUTES_AGO
        tell("the town")
        lab.create_database("fitgate_bench")
        lab.run([lab.FITGATE, "demo", "--doors-only", "--load-only", "--months", 1, "--database-url", self.url,
                 "--redis-url", lab.REDIS_URL, "--keys", self.keys, "--credentials", self.credentials])
        self.move_in()
        tell("every person comes and goes once")
        with self.serve() as server:
            self.warm_up(server)
        lab.psql("fitgate_bench", "-c", "VACUUM ANALYZE")
        # As it is now, for measures that want all of the people's time before them.
        lab.create_database("bench_lived", "fitgate_bench")
        tell("the ceilings' databases")
        lab.create_database("ceiling_full", "fitgate_bench")
        lab.assert_index_plans("ceiling_full")
        lab.create_database("ceiling_minimal")
        lab.psql("ceiling_minimal", "-f", lab.CEILING / "schema.sql")
        history = (lab.CEILING / "lived_in.sql").read_text()
        if self.size is QUICK:
            history = history.replace("1000000", "100000").replace("500000", "50000")
        shorter = self.folder / "lived_in.sql"
        shorter.write_text(history)
        lab.psql("ceiling_minimal", "-f", shorter)
        # What was logged until now is what is written over from now on, as on a server that has run for a while.
        lab.psql("postgres", "-c", "CHECKPOINT")

    def move_in(self):
        """Gives each native terminal a place of its own, and people to let in."""
        file = json.loads(self.credentials.read_text())
        terminals = [terminal for terminal in file["terminals"] if terminal["protocol"] == "native"]
        for n, terminal in enumerate(terminals, start=1):
            terminal["venue_id"] = f"01900000-0000-7000-9000-{n:012x}"
            terminal["direction"] = "both"
        file["terminals"] = terminals
        self.screen = file["screens"][0]
        self.credentials.write_text(json.dumps(file))
        ids = "{" + ",".join(terminal["id"] for terminal in terminals) + "}"
        lab.psql("fitgate_bench", "-f", lab.CEILING / "full_people.sql",
                 people=PEOPLE, member=file["members"][0]["id"], terminals=ids)
        # The same without a history, for towns that are grown or stay fresh.
        lab.create_database("bench_bare", "fitgate_bench")
        lab.psql("fitgate_bench", "-f", lab.CEILING / "full_history.sql", events=self.size["history"])

    def renew(self):
        """The town as it was before any measure, once its people's time runs short: events of the
        past would come late, and be another measure."""
        if self.minutes_ago >= MINUTES_NEEDED[self.size is QUICK]:
            return
        lab.create_database("fitgate_bench", "bench_lived")
        lab.run(["redis-cli", "-u", lab.REDIS_URL, "FLUSHALL"])
        self.minutes_ago = STARTS_MINUTES_AGO - WARM_UP_MINUTES

    @contextlib.contextmanager
    def serve(self):
        """The server, once what a start causes is over: it writes all that is current once more."""
        with Server(self.url, self.keys, lab.REDIS_URL) as server:
            self.rest(server)
            yield server

    def by_hand(self, *words):
        """The full ceiling's row set behind the same door: signatures, a queue, one writer in natural
        groups, and nothing decided. A context that ends it."""
        options = urllib.parse.quote(lab.ONE_PLAN.strip())
        return lab.Example("tuned", "--database-url", f"{lab.database_url('ceiling_full')}?options={options}",
                           "--statement", lab.CEILING / "full.sql", "--credentials", self.credentials, *words)

    def rest(self, server):
        """Waits until what came before is over; a short run judges no figure, and does not wait."""
        if self.size is not QUICK:
            lab.rest(server.pid)

    def warm_up(self, server):
        # Small batches that leave at once: nobody is left inside who is not there in the measure.
        self.entries(server, "--batch", 50, "--connections", 8, "--inside", 1, "--seconds", 300,
                     "--events", 2 * PEOPLE, minutes=WARM_UP_MINUTES)

    def entries(self, server, *words, minutes=4, well=True):
        """A load of entries; `minutes` is how far it may move the people's time forward."""
        self.minutes_ago -= minutes
        figures = lab.load("entries", "--credentials", self.credentials, "--base-url", server.url,
                           "--people", f"bench-:{PEOPLE}",
                           "--start-minutes-ago", max(self.minutes_ago, 1), *words, well=well)
        # A refused entry would be cheaper than what is claimed.
        done = sum(figures["results"].get(result, 0) for result in ("accepted", "granted"))
        if done < 0.99 * sum(figures["results"].values()):
            raise CannotMeasure(f"not all were let in: {figures}")
        return figures

    def timed(self):
        return "--seconds", self.size["seconds"], "--warm-up", 1

    def conditions(self, **more):
        return DURABLE | {
            "database": "PostgreSQL, lived in", "events_before": self.size["history"], "people": PEOPLE,
            "seconds_a_round": self.size["seconds"], "counters": "Redis",
        } | more


def rounds(town):
    for n in range(town.size["rounds"]):
        tell(f"round {n + 1} of {town.size['rounds']}")
        yield n
