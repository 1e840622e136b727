"""The reports of a year of the demo's town, as the city's staff ask for them over HTTP."""

import base64
import calendar
import datetime
import hashlib
import hmac
import json
import struct
import time
import urllib.request

import lab
from lab import CannotMeasure, Server
from town import GOALS, at_most, result, rounds, tell

KINDS = {"activity": "day", "venues": "day", "visits": "day", "demand": "day", "ways-in": "day",
         "ages": "month", "coverage": "month", "day-types": "month"}
FORMATS = "json", "csv", "xlsx"
GOALS |= {f"reports.{kind}": at_most(2, " s") for kind in KINDS}


def code_now(secret):
    """The six digits of an authenticator app."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def signed_in(url, person):
    body = {"name": person["name"], "password": person["password"], "code": code_now(person["totp_secret"])}
    request = urllib.request.Request(f"{url}/api/v1/staff/sessions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["token"]


def period(by):
    """The last twelve whole months; by day, the year that ends yesterday."""
    today = datetime.date.today()
    if by == "day":
        return today - datetime.timedelta(days=365), today - datetime.timedelta(days=1)
    last = today.replace(day=1) - datetime.timedelta(days=1)
    first = last.replace(year=last.year - 1, day=calendar.monthrange(last.year - 1, last.month)[1])
    return first + datetime.timedelta(days=1), last


def reports(town):
    months = ["--months", town.size["months"]] if town.size["months"] else ["--months", 13]
    folder = town.folder
    database, keys, file = f"sqlite://{folder}/reports.db?mode=rwc", folder / "reports.keys", folder / "reports.json"
    tell("the demo's year")
    lab.run([lab.FITGATE, "demo", "--load-only", *months, "--database-url", database, "--keys", keys,
             "--credentials", file])
    staff = json.loads(file.read_text())["staff"]
    person = max(staff, key=lambda person: (person["role"] in ("admin", "city", "bureau"), -len(person["division"])))
    took, sizes = {}, {}
    with Server(database, keys) as server:
        token = signed_in(server.url, person)
        for _ in rounds(town):
            for kind, by in KINDS.items():
                first, last = period(by)
                slowest = 0
                for form in FORMATS:
                    url = f"{server.url}/api/v1/staff/reports/{kind}?from={first}&to={last}&by={by}&format={form}"
                    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
                    began = time.monotonic()
                    with urllib.request.urlopen(request, timeout=120) as answer:
                        body = answer.read()
                    slowest = max(slowest, time.monotonic() - began)
                    if not body:
                        raise CannotMeasure(f"{kind} as {form} is empty")
                    if form == "json":
                        sizes[kind] = len(json.loads(body)["rows"])
                took.setdefault(kind, []).append((slowest, None))
    for kind, times in took.items():
        conditions = {"database": "SQLite", "months": months[1], "rows": sizes[kind], "forms": "the slowest of three",
                      "division": person["division"]}
        result(f"reports.{kind}", f"the report {kind} of a year by {KINDS[kind]}", "s", times, conditions)


MEASURES = {"reports": reports}
