"""Starts a server with a small town on a fresh SQLite file, signs every role in, and lets
Schemathesis ask each operation of the API document as each of them. It reaches the server by the
API and the command line only; what the document says is made in Rust."""

import base64
import hashlib
import hmac
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

COMMUNITY = "330499001001"
# Each role of staff, and where; the first one asks every operation, the others those of staff.
ROLES = {
    "admin": "33",
    "city": "3304",
    "district": "330499",
    "community": COMMUNITY,
    "venue": COMMUNITY,
    "bureau": "3304",
    "instructor": COMMUNITY,
}
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)
# These end the session with which everything else is asked.
SIGNING_OUT = r"/(staff|wechat)/sessions/current$"
# An endless stream has no whole answer.
ENDLESS = r"/stream$"
# Without WeChat its pushes are answered 503, which is what the document says, and a server error.
ABSENT = "^/api/v1/wechat/events$"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def one_time_code(secret):
    """Six digits of an authenticator app."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class Town:
    """A server and what is in it."""

    def __init__(self, folder):
        self.binary = os.environ["FITGATE_BINARY"]
        self.database = f"sqlite://{folder}/town.db?mode=rwc"
        self.base = f"http://127.0.0.1:{free_port()}"
        self.accounts = {role: self.hire(role, over) for role, over in ROLES.items()}
        self.log = open(Path(folder) / "server.log", "w+")
        listen = self.base.removeprefix("http://")
        words = ["serve", "--listen", listen, "--ops-listen", f"127.0.0.1:{free_port()}"]
        words += ["--database-url", self.database, "--wechat", "pretend", "--realname", "pretend"]
        self.server = subprocess.Popen([self.binary, *words], stdout=self.log, stderr=self.log)
        self.wait()
        self.tokens = {role: self.sign_in(role) for role in ROLES}
        self.things = self.settle()
        self.tokens["resident"] = self.register()

    def hire(self, role, over):
        words = ["staff", "add", "--name", role, "--role", role, "--division", over]
        words += ["--database-url", self.database]
        said = subprocess.run([self.binary, *words], capture_output=True, text=True, check=True)
        return json.loads(said.stdout)

    def wait(self):
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.base}/api/v1/openapi.json", timeout=1).read()
                return
            except OSError:
                time.sleep(0.1)
        sys.exit("the server does not answer")

    def ask(self, method, path, body=None, token=None):
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, headers, method=method)
        try:
            return json.loads(urllib.request.urlopen(request, timeout=30).read() or b"null")
        except urllib.error.HTTPError as refused:
            sys.exit(f"{method} {path}: {refused.code} {refused.read().decode()}")

    def sign_in(self, role):
        account = self.accounts[role]
        code = one_time_code(account["totp_secret"])
        body = {"name": role, "password": account["password"], "code": code}
        return self.ask("POST", "/api/v1/staff/sessions", body)["token"]

    def register(self):
        came = self.ask("POST", "/api/v1/wechat/sessions", {"code": "pretend-zhang"})
        # Whoever is signed in and registered by nobody is a caller too.
        return came["token"]

    def settle(self):
        """Places, a terminal and a member, by their ids."""
        admin = self.tokens["admin"]
        post = lambda path, body: self.ask("POST", f"/api/v1/staff{path}", body, admin)
        for code in ["3304", "330499", "330499001", COMMUNITY]:
            post("/divisions", {"code": code, "name": f"区划{code}"})
        gym = {"community": COMMUNITY, "name": "健身房", "kind": "gym", "opened_on": "2026-01-01"}
        venue = post("/venues", gym)["id"]
        door = {
            "serial": "T-1", "venue_id": venue, "direction": "both", "valid_from": "2026-01-01",
        }
        terminal = post("/terminals", door)["id"]
        document = {"type": "resident_id", "number": "330499199001010012"}
        document["number"] = with_check("33049919900101001")
        person = {"name": "张三", "document": document, "home_community": COMMUNITY}
        member = post("/members", person)["id"]
        return {"members": member, "venues": venue, "terminals": terminal}


def with_check(digits):
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    total = sum(int(digit) * weight for digit, weight in zip(digits, weights))
    return digits + "10X98765432"[total % 11]


def st(town, tool, role, examples, seed, folder):
    """Asks as one role; answers how many failures there were."""
    words = [tool, "run", f"{town.base}/api/v1/openapi.json", "--max-examples", str(examples)]
    words += ["--checks", CHECKS, "--seed", str(seed), "--workers", "2", "--continue-on-failure"]
    words += ["--phases", "examples,coverage,fuzzing" if examples >= 50 else "fuzzing"]
    words += ["--generation-database", "none", "--no-color", "--warnings", "off"]
    words += ["--request-timeout", "30", "--suppress-health-check", "all"]
    words += ["--report", "ndjson", "--report-ndjson-path", f"{folder}/{role}.ndjson"]
    words += ["--exclude-path-regex", f"{SIGNING_OUT}|{ENDLESS}|{ABSENT}"]
    if role in ROLES and role != "admin":
        words += ["--include-path-regex", "^/api/v1/staff/"]
    if role == "resident":
        words += ["--include-path-regex", "^/api/v1/(me|members|venues|consent|exports)"]
    if role != "nobody":
        words += ["-H", f"Authorization: Bearer {town.tokens[role]}"]
    hooks = Path(__file__).resolve().with_name("hooks.py")
    env = dict(os.environ, SCHEMATHESIS_HOOKS=str(hooks))
    env["SCHEMA_THINGS"] = json.dumps(town.things)
    # Its memory of what it made up goes with the folder.
    said = subprocess.run(words, capture_output=True, text=True, env=env, cwd=folder)
    print(f"\n== as {role}: exit {said.returncode}\n{said.stdout}\n{said.stderr}", flush=True)
    cases = re.search(r"(\d+) generated", said.stdout)
    return said.returncode, int(cases.group(1)) if cases else 0


def main():
    tool, mode = sys.argv[1:3]
    examples = int(os.environ.get("SCHEMA_EXAMPLES", 3 if mode == "quick" else 50))
    seed = int(os.environ.get("SCHEMA_SEED", 1))
    roles = ["admin", "community"] if mode == "quick" else [*ROLES, "resident", "nobody"]
    roles = os.environ.get("SCHEMA_ROLES", "").split() or roles
    with tempfile.TemporaryDirectory() as folder:
        town = Town(folder)
        failed, asked = 0, 0
        try:
            for role in roles:
                code, cases = st(town, tool, role, examples, seed, folder)
                asked += cases
                failed += code != 0
                if town.server.poll() is not None:
                    failed += 1
                    print("the server died")
                    break
        finally:
            town.server.terminate()
            town.server.wait(30)
            town.log.seek(0)
            errors = [line for line in town.log if '"ERROR"' in line or " ERROR " in line]
            print("".join(errors[:20]))
    print(f"{asked} requests were made up")
    print(f"checks: {len(roles) - failed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
