"""A town of three venues that never close, built through the API: doors that sign, people with
cards, residents who book, a coach's hours, a screen. Its people are invented."""

import base64
import datetime
import hashlib
import hmac
import http.client
import json
import struct
import subprocess
import time
import uuid

from stage import FITGATE

COMMUNITY = "330499001001"
PEOPLE, RESIDENTS = 24, 6
OPENED = datetime.date.today() - datetime.timedelta(days=200)
REGISTERED = f"{OPENED + datetime.timedelta(days=1)}T00:00:00Z"
# Name of a venue, how its doors pair, and which way each door of it goes.
VENUES = (("健身房", "in_and_out", ("in", "out", "both")), ("球馆", "toggle", ("both",)),
          ("球场", "entry_only", ("in",)))
SLOT_DAYS, SLOTS_A_DAY, SEATS = 3, 2, 2


def document(n):
    """The number of somebody invented, with its check character."""
    day = datetime.date(1990, 1, 1) + datetime.timedelta(days=n)
    digits = f"330499{day:%Y%m%d}001"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return digits + "10X98765432"[sum(int(d) * w for d, w in zip(digits, weights)) % 11]


def one_time_code(secret):
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def exchange(port, method, path, body=None, headers=None, timeout=5):
    """One request on a connection of its own: status, headers, JSON. OSError is an unknown outcome."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read()
        said = json.loads(text) if text and "json" in answer.headers.get("Content-Type", "") else None
        return answer.status, answer.headers, said
    except (http.client.HTTPException, ValueError) as broken:
        raise OSError(str(broken)) from broken
    finally:
        connection.close()


def command(token, key):
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": key,
            "Content-Type": "application/json"}


class Door:
    """A terminal with its key."""

    def __init__(self, made, venue, direction, serial):
        self.id, self.key_id = made["id"], made["key_id"]
        self.key = base64.urlsafe_b64decode(made["key"] + "=" * (-len(made["key"]) % 4))
        self.venue, self.direction, self.serial = venue, direction, serial
        # Seconds by which its clock was set, and so signs, ahead of ours.
        self.ahead = 0

    def post(self, port, path, body, nonce="", at=None):
        """A POST that is signed now, or `at` seconds of the epoch."""
        path = f"/api/v1/terminal/{path}"
        now = str(int(time.time() + self.ahead if at is None else at))
        lines = ("v1", "POST", path, hashlib.sha256(body).hexdigest(), self.id, self.key_id, now, nonce)
        signature = hmac.new(self.key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()
        return exchange(port, "POST", path, body, {
            "Content-Type": "application/json", "Fitgate-Terminal": self.id,
            "Fitgate-Key": self.key_id, "Fitgate-Timestamp": now, "Fitgate-Nonce": nonce,
            "Fitgate-Signature": f"v1={signature}"})


class Town:
    """Everything by its ids and tokens. `port` is a server that is up; `environment` its stores."""

    def __init__(self, port, environment):
        self.port, self.environment = port, environment
        hired = self.fitgate("staff", "add", "--name", "admin", "--role", "admin", "--division", "33")
        code = one_time_code(hired["totp_secret"])
        body = {"name": "admin", "password": hired["password"], "code": code}
        self.token = self.ask("POST", "/staff/sessions", body)["token"]
        for division in ("3304", "330499", "330499001", COMMUNITY):
            self.ask("POST", "/staff/divisions", {"code": division, "name": f"区划{division}"})
        self.venues, self.doors = {}, []
        for name, pairing, ways in VENUES:
            self.build(name, pairing, ways)
        self.people = [f"card-{n}" for n in range(PEOPLE)]
        self.move_in()
        self.slots = self.publish()
        self.residents = [self.register(n) for n in range(RESIDENTS)]
        self.screen = self.fitgate("screens", "add", "--division", COMMUNITY)["token"]

    def fitgate(self, *words):
        done = subprocess.run([FITGATE, *words], capture_output=True, text=True, timeout=60,
                              env=self.environment)
        if done.returncode:
            raise SystemExit(f"{words}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def ask(self, method, path, body, token=None, kind="application/json"):
        headers = command(token or getattr(self, "token", ""), str(uuid.uuid4())) | {"Content-Type": kind}
        if path.endswith("/sessions"):
            del headers["Authorization"]
        text = body if isinstance(body, str) else json.dumps(body)
        status, _, said = exchange(self.port, method, f"/api/v1{path}", text.encode(), headers, 30)
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {said}")
        return said

    def build(self, name, pairing, ways):
        venue = self.ask("POST", "/staff/venues", {
            "community": COMMUNITY, "name": name, "kind": "gym", "opened_on": str(OPENED),
            "rules": {"pairing": pairing}})["id"]
        self.venues[venue] = {"pairing": pairing, "usual_min": 60, "longest_min": 240,
                              "opens_min": None, "closes_min": None}
        for way in ways:
            serial = f"T-{len(self.doors)}"
            made = self.ask("POST", "/staff/terminals", {
                "serial": serial, "venue_id": venue, "direction": way, "valid_from": str(OPENED)})
            self.doors.append(Door(made, venue, way, serial))

    def move_in(self):
        consents = [{"purpose": "minutes_statistics", "granted": True, "at": REGISTERED}]
        lines = [json.dumps({
            "name": "张三", "document": {"type": "resident_id", "number": document(n)},
            "phone": None, "home_community": COMMUNITY, "registered_at": REGISTERED,
            "consents": consents, "approvals": [],
            "credentials": [{"kind": "card", "handle": card, "valid_from": REGISTERED}],
        }) for n, card in enumerate(self.people)]
        self.ask("POST", "/staff/members/import", "\n".join(lines), kind="application/x-ndjson")

    def publish(self):
        """A coach's hours, by id."""
        teacher = self.ask("POST", "/staff/members", {
            "name": "张三", "document": {"type": "resident_id", "number": document(900)},
            "home_community": COMMUNITY})["id"]
        coach = self.ask("POST", "/staff/instructors", {
            "member_id": teacher, "home_community": COMMUNITY, "is_coach": True,
            "specialities": ["badminton"]})["id"]
        self.ask("POST", f"/staff/instructors/{coach}/certificates", {
            "level": "second", "issuer": "体育局", "number": "J-330499-1", "issued_on": str(OPENED)})
        slots, venue = [], next(iter(self.venues))
        for day in range(1, SLOT_DAYS + 1):
            for hour in range(SLOTS_A_DAY):
                on = datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=day)
                slots += self.ask("POST", "/staff/slots", {
                    "venue_id": venue, "instructor_id": coach, "capacity": SEATS,
                    "starts_at": f"{on}T{4 + hour:02}:00:00Z", "ends_at": f"{on}T{4 + hour:02}:45:00Z",
                })["slots"]
        return slots

    def register(self, n):
        """Somebody with the mini-program and a verified name; gives the token."""
        token = self.ask("POST", "/wechat/sessions", {"code": f"pretend-chaos{n}"})["token"]
        agrees = lambda purpose: {"purpose": purpose, "granted": True, "text_version": "1"}
        self.ask("POST", "/members", {
            "name": "张三", "document": {"type": "resident_id", "number": document(950 + n)},
            "home_community": COMMUNITY,
            "consents": [agrees("minutes_statistics"), agrees("realname_check")]}, token)
        self.ask("POST", "/me/verification", {"method": "registry"}, token)
        return token
