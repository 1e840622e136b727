"""Who uses the town while it is attacked: doors, residents who book, screens. Each draws what it
does from chance of its own, and asks again, any server, until it knows the outcome."""

import datetime
import json
import threading
import time

from town import COMMUNITY, SEATS, command, exchange

# How long an outcome is asked for after everything works again.
GIVE_UP_S = 60
AGAIN = (429, 503)
# Residents who want the same seats come at moments so far apart.
RUSH_S = 0.5
# What a resident may be told of a booking: done, or a refusal by a rule.
BOOKING = (200, 201, 403, 409)
# Entries lie so many hours back, so that late ones, repeats and limits are met; none has its limit
# while the run lasts, where it would depend on the moment of looking.
HOURS_BACK = ((5.5, 10), (0.1, 3))


class History:
    """What was asked and what became of it, one line each: invoke, ok, refused, info (unknown)."""

    def __init__(self, path):
        self.file, self.lock, self.counts, self.wrong = open(path, "w"), threading.Lock(), {}, []
        self.begun = time.monotonic()

    def add(self, who, what, became, **more):
        line = {"ms": round(1000 * (time.monotonic() - self.begun)), "who": who, "what": what,
                "became": became} | more
        with self.lock:
            self.file.write(json.dumps(line) + "\n")
            self.counts[what, became] = self.counts.get((what, became), 0) + 1
            if became == "wrong":
                self.wrong.append(line)

    def count(self, became):
        with self.lock:
            return sum(n for (_, what), n in self.counts.items() if what == became)


class Actor(threading.Thread):
    """Acts until told to stop; then only the outcome of what it began is asked for."""

    def __init__(self, name, play, chance):
        super().__init__(name=name, daemon=True)
        self.play, self.chance, self.history = play, chance, play.history

    def run(self):
        while not self.play.is_over:
            self.act()
            time.sleep(self.chance.uniform(0, 0.15))

    def settle(self, what, ask, fine, answered):
        """Asks until there is an outcome. `ask` takes a port; `answered` gets the answer."""
        self.history.add(self.name, what, "invoke")
        ends = None
        while ends is None or time.monotonic() < ends:
            if self.play.is_healed and ends is None:
                ends = time.monotonic() + GIVE_UP_S
            try:
                status, headers, said = ask(self.chance.choice(self.play.ports))
            except OSError:
                self.history.add(self.name, what, "info")
                time.sleep(0.05)
                continue
            code = (said or {}).get("code")
            if status in AGAIN or code == "idempotency_key_in_use":
                time.sleep(0.1)
                continue
            if status not in fine:
                self.history.add(self.name, what, "wrong", status=status, code=code)
                return None
            self.history.add(self.name, what, "ok" if status < 300 else "refused", code=code)
            return answered(status, headers, said)
        self.history.add(self.name, what, "info", unknown=True)
        return None


class AtDoor(Actor):
    """A terminal: new records, records sent again, live decisions."""

    EPOCH = 1

    def __init__(self, door, people, *rest):
        super().__init__(f"door {door.serial}", *rest)
        self.door, self.people, self.seq, self.batches = door, people, 0, []
        # By (epoch, seq): what was told, and the last result.
        self.sent, self.results = {}, {}

    def act(self):
        drawn = self.chance.random()
        if drawn < 0.15 and self.batches:
            self.send(self.chance.choice(self.batches))
        elif drawn < 0.3:
            self.decide()
        else:
            batch = [self.record(self.moment()) | {"outcome": "opened"}
                     for _ in range(self.chance.randint(1, 5))]
            self.batches.append(batch)
            self.send(batch)

    def moment(self):
        """Whole seconds, as the reference model counts."""
        back = self.chance.uniform(*self.chance.choice(HOURS_BACK))
        return int(time.time() - 3600 * back)

    def record(self, at):
        self.seq += 1
        way = self.door.direction
        record = {
            "epoch": self.EPOCH, "seq": self.seq,
            "device_time": f"{datetime.datetime.fromtimestamp(at, datetime.timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
            "direction": self.chance.choice(("in", "out")) if way == "both" else way,
            "method": "card", "credential": self.chance.choice(self.people)}
        self.sent[self.EPOCH, self.seq] = record | {"at": at}
        return record

    def send(self, batch):
        body = json.dumps({"events": batch}).encode()
        def answered(_status, _headers, said):
            for item in said["items"]:
                self.acknowledged(item, item["result"])
        self.settle("events", lambda port: self.door.post(port, "events", body), (200,), answered)

    def decide(self):
        record = self.record(int(time.time()))
        body = json.dumps(record).encode()
        nonce = lambda: f"{self.chance.getrandbits(128):032x}"
        self.settle("decision", lambda port: self.door.post(port, "decisions", body, nonce()), (200,),
                    lambda _s, _h, said: self.acknowledged(record, said["result"]))

    def acknowledged(self, record, result):
        self.results[record["epoch"], record["seq"]] = result
        with self.play.acks_lock:
            self.play.acks.write(f"ack {self.door.id} {record['epoch']}:{record['seq']} {result}\n")


class WhoBooks(Actor):
    """A resident: holds seats, confirms, cancels, each command under a key of its own."""

    def __init__(self, n, token, slots, *rest):
        super().__init__(f"resident {n}", *rest)
        self.token, self.slots, self.keys = token, slots, 0
        # By booking: its slot, and the states it may be in.
        self.bookings, self.holds = {}, []

    def key(self):
        self.keys += 1
        return f"{self.name.replace(' ', '-')}-{self.keys}"

    def does(self, what, method, path, body=None):
        key = self.key()
        text = None if body is None else json.dumps(body).encode()
        ask = lambda port: exchange(port, method, f"/api/v1{path}", text, command(self.token, key))
        return self.settle(what, ask, BOOKING, lambda status, _h, said: (status, said, key, text))

    def act(self):
        time.sleep(self.chance.uniform(0, 0.3))
        mine = [one for one, (_, may) in self.bookings.items() if may & {"held", "confirmed"}]
        drawn = self.chance.random()
        if drawn < 0.5 or not mine:
            self.hold(self.rush() if self.chance.random() < 0.5 else self.chance.choice(self.slots))
        elif drawn < 0.75:
            self.turn("confirmation", "POST", self.chance.choice(mine), {"confirmed"})
        else:
            self.turn("cancel", "DELETE", self.chance.choice(mine), {"cancelled", "cancelled_late"})

    def rush(self):
        """The slot that all want at one moment, at that moment: one after the other, a full slot turns
        people away before its seats are counted under the lock."""
        time.sleep(-time.time() % RUSH_S)
        return self.slots[round(time.time() / RUSH_S) % len(self.slots)]

    def hold(self, slot):
        done = self.does("hold", "POST", "/bookings", {"slot_id": slot})
        if done and done[0] == 201:
            _, said, key, body = done
            self.bookings[said["id"]] = (slot, {"held", "expired"})
            self.holds.append((key, body, said["id"]))

    def turn(self, what, method, booking, into):
        path = f"/bookings/{booking}" + ("" if what == "cancel" else f"/{what}")
        slot, may = self.bookings[booking]
        done = self.does(what, method, path)
        if done is None:  # unknown for ever: either
            self.bookings[booking] = (slot, may | into)
        elif done[0] < 300:
            self.bookings[booking] = (slot, into)

    def asks_again(self):
        """The holds once more: under the same key the same booking, and nothing new. Wrong ones."""
        wrong = []
        for key, body, booking in self.holds:
            ask = lambda port: exchange(port, "POST", "/api/v1/bookings", body, command(self.token, key))
            same = self.settle("hold again", ask, BOOKING, lambda status, headers, said: (
                status == 201 and said["id"] == booking
                and headers.get("Idempotent-Replayed") == "true"))
            if not same:
                wrong.append(key)
        return wrong


class AtScreen(Actor):
    """A screen at one server: time never goes back, and figures do not vanish unsaid."""

    def __init__(self, n, wire_port, token, *rest):
        super().__init__(f"screen {n}", *rest)
        self.port, self.token, self.as_of, self.visits, self.wrong = wire_port, token, "", 0, []
        self.seen = 0

    def act(self):
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            status, _, said = exchange(self.port, "GET", f"/api/v1/screens/{COMMUNITY}", None, headers)
        except OSError:
            return
        finally:
            time.sleep(self.chance.uniform(0.1, 0.3))
        if status == 503 or status == 429:
            return
        if status != 200:
            return self.history.add(self.name, "screen", "wrong", status=status)
        self.seen += 1
        visits = said["ever"]["visits"]
        if said["as_of"] < self.as_of:
            self.wrong.append(f"as_of {self.as_of}, then {said['as_of']}")
        if self.visits and not visits and not (said["rebuilding"] or said["degraded"]):
            self.wrong.append(f"{self.visits} visits, then none")
        self.as_of, self.visits = said["as_of"], visits


def seats(play):
    """Slots with more people than seats, and how many are taken."""
    rows = play.postgres.rows("SELECT slot_id, seat FROM bookings WHERE seat IS NOT NULL")
    taken = {}
    for row in rows:
        taken.setdefault(row["slot_id"], []).append(row["seat"])
    over = [slot for slot, numbers in taken.items()
            if len(numbers) > SEATS or len(set(numbers)) < len(numbers)]
    return over, len(rows)
