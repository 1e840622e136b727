"""What the measures stand on: the server under test, the load, pgbench, and what /proc says.

Runs inside tests/bench/run, which started PostgreSQL and Redis (FITGATE_OWN_…).
"""

import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
FITGATE = os.environ.get("FITGATE_BIN", str(BUILT / "fitgate"))
LOAD = os.environ.get("FITGATE_LOAD_BIN", str(BUILT / "examples" / "load"))
HELLO = os.environ.get("FITGATE_HELLO_BIN", str(BUILT / "examples" / "hello"))
CEILING = ROOT / "tests" / "bench" / "ceiling"
PG_URL = os.environ.get("FITGATE_OWN_PG_URL", "")
REDIS_URL = os.environ.get("FITGATE_OWN_REDIS_URL", "")
TICKS = os.sysconf("SC_CLK_TCK")
READY_WITHIN_S = 60
# At rest all processes together use less than this part of a core; they get there within seconds.
AT_REST, REST_WITHIN_S = 0.15, 60
# A ceiling may do what a server must not: one plan, index lookups only.
ONE_PLAN = (
    "-c plan_cache_mode=force_generic_plan -c jit=off -c enable_seqscan=off"
    " -c enable_hashjoin=off -c enable_mergejoin=off"
)


class CannotMeasure(Exception):
    """The measure has no figure; the text says why."""


def run(command, **options):
    """Runs to the end and gives stdout; a failure says what the command said."""
    quiet = os.environ | {"RUST_BACKTRACE": "0"}
    options = {"capture_output": True, "text": True, "timeout": 900, "env": quiet} | options
    done = subprocess.run([str(word) for word in command], **options)
    if done.returncode != 0:
        said = ((done.stdout or "") + (done.stderr or ""))[-2000:]
        raise CannotMeasure(f"{command[0]} left with {done.returncode}: {said}")
    return done.stdout


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_port(port):
    """Until something listens there, five seconds at most."""
    ends = time.monotonic() + 5
    while time.monotonic() < ends:
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise CannotMeasure(f"nothing listens on port {port}")


# Databases ---------------------------------------------------------------------------------------


def database_url(name):
    return PG_URL.rsplit("/", 1)[0] + "/" + name


def psql(name, *words, **variables):
    options = [word for key, value in variables.items() for word in ("-v", f"{key}={value}")]
    return run(["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", database_url(name), *options, *words])


def create_database(name, template="template1"):
    psql("postgres", "-c", f"DROP DATABASE IF EXISTS {name}")
    psql("postgres", "-c", f"CREATE DATABASE {name} TEMPLATE {template}")


def screen_token(url, division):
    """A token for screens of `division`, made by the command that operators use."""
    said = run([FITGATE, "screens", "add", "--division", division, "--label", "bench", "--database-url", url])
    return json.loads(said)["token"]


def pgbench(name, script, clients, seconds, options="", rate=None, **variables):
    """Transactions a second, and their latencies in µs (sorted); with a rate, from when each was due."""
    paced = ["-R", rate] if rate else []
    sets = [word for key, value in variables.items() for word in ("-D", f"{key}={value}")]
    with tempfile.TemporaryDirectory() as folder:
        out = run(
            ["pgbench", "-n", "-M", "prepared", "-c", clients, "-j", 1, "-T", seconds, "-l",
             "--log-prefix", f"{folder}/log", *paced, *sets, "-f", CEILING / script, database_url(name)],
            env=os.environ | {"PGOPTIONS": options},
        )
        latencies = sorted(
            int(line.split()[2]) for log in pathlib.Path(folder).iterdir() for line in log.open()
        )
    tps = next(float(line.split()[2]) for line in out.splitlines() if line.startswith("tps ="))
    return tps, latencies


def assert_index_plans(name):
    """The full ceiling reads no table by sequence, also on lived-in tables."""
    lines = (CEILING / "full.sql").read_text().splitlines()
    statement = "\n".join(line for line in lines if not line.startswith(("--", "\\")))
    statement = statement.replace(":start", "$2").replace(":n)", "$1)")
    plan = run(
        ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", database_url(name), "-c",
         f"PREPARE f(int, int) AS {statement}", "-c", "EXPLAIN EXECUTE f(100, 1)"],
        env=os.environ | {"PGOPTIONS": ONE_PLAN},
    )
    if "Seq Scan" in plan:
        raise CannotMeasure(f"the ceiling's plan reads a table by sequence:\n{plan}")


# Processes ---------------------------------------------------------------------------------------


def parent_and_cpu(pid):
    """Parent, and CPU seconds used so far; nothing for a process that is gone."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None, 0.0
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS


def cpu_of_postgres():
    lines = (pathlib.Path(os.environ["FITGATE_OWN_DIR"]) / "postgres/cluster/postmaster.pid").read_text()
    master = int(lines.splitlines()[0])
    every = (int(path.name) for path in pathlib.Path("/proc").iterdir() if path.name.isdigit())
    figures = ((pid, *parent_and_cpu(pid)) for pid in every)
    return sum(cpu for pid, parent, cpu in figures if master in (pid, parent)) + ended_children_cpu(master)


def ended_children_cpu(pid):
    """CPU seconds of children that ended and were waited for, such as a vacuum's."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[13]) + int(fields[14])) / TICKS


def redis_pid():
    port = os.environ["FITGATE_OWN_REDIS_PORT"]
    told = run(["redis-cli", "-p", port, "info", "server"])
    return int(next(line for line in told.splitlines() if line.startswith("process_id:")).split(":")[1])


def used(pid):
    """CPU seconds of the server, PostgreSQL and Redis so far."""
    return parent_and_cpu(pid)[1], cpu_of_postgres(), parent_and_cpu(redis_pid())[1]


def rest(pid):
    """Waits until what follows replies, or a start, is done: a second in which hardly anything is used."""
    ends = time.monotonic() + REST_WITHIN_S
    while time.monotonic() < ends:
        before = sum(used(pid))
        time.sleep(1)
        if sum(used(pid)) - before < AT_REST:
            return


def memory_kb(pid, field="VmRSS"):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise CannotMeasure(f"/proc says no {field}")


class Server:
    """`fitgate serve` on ports of its own; a context that ends it."""

    def __init__(self, database, keys, redis=""):
        self.http, self.ops = free_port(), free_port()
        self.command = [
            FITGATE, "serve", "--database-url", database, "--keys", keys,
            "--listen", f"127.0.0.1:{self.http}", "--ops-listen", f"127.0.0.1:{self.ops}",
        ] + (["--redis-url", redis] if redis else [])
        self.log = tempfile.TemporaryFile()

    def __enter__(self):
        began = time.monotonic()
        self.process = subprocess.Popen(
            [str(word) for word in self.command], stdout=self.log, stderr=self.log
        )
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() - began > READY_WITHIN_S:
                self.__exit__()
                self.log.seek(0)
                raise CannotMeasure(f"serve does not get ready: {self.log.read()[-2000:].decode()}")
            time.sleep(0.005)
        self.ready_after_s = time.monotonic() - began
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ops}/readyz", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http}"

    @property
    def pid(self):
        return self.process.pid


class Example:
    """An example that serves in the product's place, of the same town's terminals; a context that ends it."""

    def __init__(self, name, *words):
        self.port = free_port()
        self.command = [BUILT / "examples" / name, "--listen", f"127.0.0.1:{self.port}", *words]

    def __enter__(self):
        if not self.command[0].exists():
            raise CannotMeasure(f"{self.command[0]} is not built")
        self.process = subprocess.Popen([str(word) for word in self.command])
        wait_for_port(self.port)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid


def load(*words, well=True):
    """Runs the load generator; its closing figures. With `well`, only clean answers are figures."""
    figures = json.loads(run([LOAD, *words]).splitlines()[-1])
    if well and (figures["lost"] or not figures["statuses"] or set(figures["statuses"]) - {"200", "304"}):
        raise CannotMeasure(f"answers were not clean: {figures}")
    return figures


class Held:
    """Connections that the load generator holds open; a context that ends them."""

    def __init__(self, url, token, count, stream):
        self.command = [LOAD, "hold", "--url", url, f"--token={token}", "--connections", count,
                        "--seconds", 300] + (["--stream"] if stream else [])

    def __enter__(self):
        self.process = subprocess.Popen(
            [str(word) for word in self.command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        if '"open"' not in self.process.stdout.readline():
            raise CannotMeasure(f"connections were not held: {self.process.communicate()[1][-1000:]}")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)


class PeakMemory:
    """The most memory a process held while the context was open, in KB."""

    def __init__(self, pid):
        self.pid, self.kb, self.over = pid, 0, threading.Event()

    def __enter__(self):
        self.watch = threading.Thread(target=self.look)
        self.watch.start()
        return self

    def look(self):
        while not self.over.wait(0.05):
            self.kb = max(self.kb, memory_kb(self.pid))

    def __exit__(self, *_):
        self.over.set()
        self.watch.join()


# Figures -----------------------------------------------------------------------------------------


def median(values):
    return statistics.median(values)


def line(name, what, unit, rounds, goal, met, conditions, length):
    """One JSON line. `rounds` are pairs (value, ceiling); a ceiling of None means that the goal is
    about the value itself. `met` tells whether the ratio (or the value) reaches the goal; `length`
    are the words given for the length of the rounds, if any."""
    values = [value for value, _ in rounds]
    ceilings = [ceiling for _, ceiling in rounds if ceiling is not None]
    value = median(values)
    ceiling = median(ceilings) if ceilings else None
    ratio = value / ceiling if ceilings else None
    commit = run(["git", "-C", ROOT, "describe", "--always", "--dirty"]).strip() or "unknown"
    return json.dumps({
        "id": name, "what": what, "unit": unit,
        "value": figure(value), "min": figure(min(values)), "max": figure(max(values)),
        "ceiling": figure(ceiling), "ceiling_min": figure(min(ceilings, default=None)),
        "ceiling_max": figure(max(ceilings, default=None)),
        "ratio": figure(ratio), "goal": goal, "met": met(ratio if ceilings else value),
        "rounds": len(rounds), "conditions": conditions, "commit": commit,
        "command": " ".join(["tests/bench/run", *length, name.split(".")[0]]),
    }, ensure_ascii=False)


def figure(value):
    """Four significant digits; more would pretend."""
    return None if value is None else float(f"{value:.4g}")
