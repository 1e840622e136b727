"""The stage of a chaos run: stores and servers of its own, and the count of what was checked."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILT = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
FITGATE = pathlib.Path(os.environ.get("FITGATE_BIN", BUILT / "fitgate")).resolve()
LOAD = pathlib.Path(os.environ.get("FITGATE_LOAD_BIN", BUILT / "examples" / "load")).resolve()


def until(what, seconds):
    """Whether `what` comes true within so many seconds; its errors are a no."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            if what():
                return True
        except (OSError, subprocess.SubprocessError):
            pass
        time.sleep(0.1)
    return False


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def status(url):
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


class Checks:
    """What was looked at, and how it came out; the last line is what the test command counts."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, name, is_well):
        self.passed, self.failed = self.passed + bool(is_well), self.failed + (not is_well)
        print(("ok      " if is_well else "FAILED  ") + name, flush=True)

    def skip(self, name):
        self.skipped += 1
        print(f"SKIPPED {name}", flush=True)

    def total(self):
        print(f"checks: {self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed else 0


class Folder:
    """A folder that goes with the run."""

    def __init__(self, name):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=f"fitgate-{name}."))
        self.path.chmod(0o755)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Postgres:
    """The PostgreSQL of the tests' services, held by a shell until its input ends; its files lie in
    `folder`, or where temporary ones do."""

    def __init__(self, database, folder=None):
        script = (". tests/services.sh; install_missing >&2; trap stop_services EXIT; start_services >&2"
                  " || exit 2; echo $FITGATE_OWN_PG_PORT $FITGATE_OWN_DIR $(postgres_bin) "
                  "${postgres_user}; cat >/dev/null")
        places = {"TMPDIR": str(folder)} if folder else {}
        self.shell = subprocess.Popen(["bash", "-c", script], cwd=ROOT, text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      env=os.environ | places)
        port, folder, self.bin, self.user = self.shell.stdout.readline().split()
        self.port, self.cluster, self.database = int(port), f"{folder}/postgres/cluster", database
        self.psql(f"CREATE DATABASE {database}")

    def url(self, port=None):
        return f"postgres://fitgate@127.0.0.1:{port or self.port}/{self.database}"

    def psql(self, *statements, database="postgres"):
        words = [word for one in statements for word in ("-c", one)]
        return subprocess.run(
            ["psql", "-X", "-At", f"postgres://fitgate@127.0.0.1:{self.port}/{database}", *words],
            check=True, capture_output=True, text=True).stdout.strip()

    def rows(self, query):
        said = self.psql(f"SELECT coalesce(json_agg(t), '[]') FROM ({query}) t", database=self.database)
        return json.loads(said)

    def as_user(self, *command):
        user = ["runuser", "-u", self.user, "--"] if os.geteuid() == 0 else []
        return subprocess.run([*user, *command], check=True, capture_output=True, text=True, cwd="/")

    def ctl(self, *words):
        self.as_user(f"{self.bin}/pg_ctl", "-D", self.cluster, "-w", "-l", f"{self.cluster}/../log", *words)

    def is_up(self):
        try:
            self.as_user(f"{self.bin}/pg_ctl", "-D", self.cluster, "status")
            return True
        except subprocess.CalledProcessError:
            return False

    def boot(self):
        """Starts as after a machine has come up anew: whose numbers stand in its files are long dead."""
        cluster = pathlib.Path(self.cluster)
        for left in [cluster / "postmaster.pid", *cluster.parent.glob(".s.PGSQL.*")]:
            left.unlink(missing_ok=True)
        self.ctl("start")

    def signal(self, number):
        """To the postmaster and all that it started."""
        postmaster = pathlib.Path(f"{self.cluster}/postmaster.pid").read_text().split()[0]
        children = pathlib.Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in [postmaster, *children]:
            try:
                os.kill(int(pid), number)
            except ProcessLookupError:
                pass

    def kill(self):
        self.signal(signal.SIGKILL)
        until(self.is_gone, 10)

    def is_gone(self):
        """Whether nobody listens on its port any more."""
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", self.port)) != 0

    def close(self):
        self.shell.stdin.close()
        self.shell.wait(60)


class Redis:
    """A Redis that keeps nothing on disk."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--dir", self.folder], stdout=subprocess.DEVNULL)
        until(lambda: "PONG" in self.cli("ping"), 10)

    def cli(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.port), *map(str, words)],
                              capture_output=True, text=True, timeout=10).stdout

    def kill(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


class Server:
    """A server that is started again whenever it ends, as an init system does."""

    PAUSE_S = 0.3

    def __init__(self, environment, log):
        self.http, self.ops, self.log = free_port(), free_port(), log
        self.environment = environment | {
            "FITGATE_LISTEN": f"127.0.0.1:{self.http}", "FITGATE_OPS_LISTEN": f"127.0.0.1:{self.ops}"}
        self.starts, self.wanted = 0, True
        self.process = None
        self.keeper = threading.Thread(target=self._keep, daemon=True)
        self.keeper.start()

    def _keep(self):
        while self.wanted:
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen([FITGATE, "serve"], stdout=log, stderr=log,
                                                env=self.environment)
            self.starts += 1
            self.process.wait()
            time.sleep(self.PAUSE_S)

    def signal(self, number):
        if self.process:
            self.process.send_signal(number)

    def is_ready(self):
        return status(f"http://127.0.0.1:{self.ops}/readyz") == 200

    def end(self):
        self.wanted = False
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        self.keeper.join(10)
