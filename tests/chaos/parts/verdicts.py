"""What must hold when everything works again, each as a list of what is wrong."""

import collections
import datetime
import sys

from stage import ROOT

sys.path.insert(0, str(ROOT / "tests" / "reference"))
import minutes_reference as reference

EVENTS = ("SELECT id, member_id, venue_id, terminal_id, serial, epoch, seq, direction, decision, credential, "
          "extract(epoch FROM occurred_at)::bigint AS at FROM entry_events")
SESSIONS = ("SELECT id, member_id, venue_id, minutes, provenance, void, credited, "
            "extract(epoch FROM entered_at)::bigint AS entered, "
            "extract(epoch FROM left_at)::bigint AS left FROM sessions")
LEDGER = "SELECT session_id, sum(minutes) AS minutes FROM minute_entries GROUP BY session_id"


def strangers(events, doors):
    """Stored events that nobody told, or told otherwise."""
    sent = {(actor.door.id, *record): told for actor in doors for record, told in actor.sent.items()}
    wrong = []
    for row in events:
        told = sent.get((row["terminal_id"], row["epoch"], row["seq"]))
        same = told and (told["at"], told["direction"]) == (row["at"], row["direction"])
        if not same:
            wrong.append(f"{row['serial']} {row['epoch']}:{row['seq']}")
    return wrong


def twice(events):
    counts = collections.Counter((row["terminal_id"], row["epoch"], row["seq"]) for row in events)
    return [record for record, count in counts.items() if count > 1]


def by_reference(events, sessions, venues, now):
    """Where sessions are other than the reference fold of the stored set makes them."""
    lives = collections.defaultdict(list)
    names = {}
    for row in events:
        names[row["serial"], row["epoch"], row["seq"]] = row["id"]
        if row["member_id"] and row["decision"] != "refused":
            lives[row["member_id"]].append({
                "venue": row["venue_id"], "direction": row["direction"], "at": row["at"],
                "serial": row["serial"], "epoch": row["epoch"], "seq": row["seq"]})
    wrong, compared = [], 0
    stored = collections.defaultdict(dict)
    for row in sessions:
        if not row["void"]:
            stored[row["member_id"]][row["id"]] = (
                row["venue_id"], row["entered"], row["left"], row["provenance"], row["minutes"])
    for member in lives.keys() | stored.keys():
        folded = reference.fold({"now": now, "venues": venues, "events": lives[member], "facts": []})
        want = {names[one["opener"]]: (one["venue"], one["entered"], one["left"], one["provenance"],
                                       one["minutes"]) for one in folded["sessions"]}
        if folded["open"]:
            one = folded["open"]
            want[names[one["opener"]]] = (one["venue"], one["entered"], None, None, 0)
        compared += len(want)
        for session in want.keys() | stored[member].keys():
            if want.get(session) != stored[member].get(session):
                wrong.append(f"{session}: {stored[member].get(session)}, by the reference {want.get(session)}")
    return wrong, compared


def ledger_sums(sessions, ledger):
    """Sessions whose ledger rows add up to something else."""
    sums = {row["session_id"]: row["minutes"] for row in ledger}
    return [row["id"] for row in sessions
            if sums.pop(row["id"], 0) != (0 if row["void"] else row["minutes"])] + list(sums)


def bookings(rows, residents):
    """Bookings that were acknowledged and are not in a state that they may be in."""
    states = {row["id"]: row["state"] for row in rows}
    return [f"{booking}: {states.get(booking)}, not {sorted(may)}"
            for actor in residents for booking, (_, may) in actor.bookings.items()
            if states.get(booking) not in may]


def now():
    return int(datetime.datetime.now(datetime.timezone.utc).timestamp())
