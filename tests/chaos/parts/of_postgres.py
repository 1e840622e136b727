"""Faults of PostgreSQL, and deaths of the server at moments that locks and triggers hold fast."""

import json
import signal
import subprocess
import threading
import time

from stage import FITGATE, until
from town import exchange

WAITS = ("SELECT count(*) FROM pg_stat_activity WHERE datname = 'fitgate_faults' AND "
         "application_name = 'fitgate' AND (wait_event_type = 'Lock' OR wait_event = 'PgSleep')")
TERMINATE = ("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
             "WHERE datname = 'fitgate_faults' AND pid <> pg_backend_pid()")
# Connections where there should be dozens; some are the superuser's own.
FEW_CONNECTIONS, CROWD, CROWD_S = 14, 24, 15
HELD = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"


class OfPostgres:
    # The server dies

    def slow(self, when, table, only=""):
        """Whoever does this to a row of the table sleeps before going on."""
        self.sql("CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
                 "'BEGIN PERFORM pg_sleep(30); RETURN COALESCE(NEW, OLD); END'",
                 f"CREATE TRIGGER slow {when} ON {table} FOR EACH ROW {only} EXECUTE FUNCTION slow()")

    def waits(self):
        return until(lambda: self.sql(WAITS) != "0", 10)

    def f01_killed_before_the_insert(self):
        lock = subprocess.Popen(["psql", "-X", "-q", self.url, "-c", "BEGIN; LOCK TABLE event_keys IN "
                                 "ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)"], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        until(lambda: self.sql(HELD) != "0", 10)
        body = self.record()
        thread, came = self.meanwhile(body)
        self.check("F1: it waits before the insert", self.waits())
        self.die()
        self.psql(TERMINATE)
        lock.wait(10)
        thread.join(20)
        self.check(f"F1 killed before the insert: told {came}", came == [None])
        self.told_once("F1", body, {"accepted", "duplicate"})

    def f02_killed_before_the_commit(self):
        self.slow("AFTER INSERT", "entry_events")
        body = self.record()
        thread, came = self.meanwhile(body)
        self.check("F2: it waits between insert and commit", self.waits())
        self.die()
        self.psql(TERMINATE)
        thread.join(20)
        self.sql("DROP TRIGGER slow ON entry_events")
        self.check(f"F2 killed before the commit: told {came}", came == [None])
        self.told_once("F2", body, {"accepted"})

    def f03_killed_before_the_answer(self):
        wire, body = self.wire(), self.record()
        wire.mute()
        lost = self.tells(body, wire.port)
        self.die()
        self.check(f"F3 killed after the commit, before the answer: told {lost}", lost is None)
        self.told_once("F3", body, {"duplicate"})

    def f04_killed_before_the_counters_hear(self):
        self.redis.process.send_signal(signal.SIGSTOP)
        said = self.tells(self.record())
        self.die()
        self.redis.process.send_signal(signal.SIGCONT)
        self.check(f"F4 killed after the answer, before the counters hear: told {said}", said == "accepted")
        self.check("F4: starts again", self.start())
        self.counters("F4")

    def f05_killed_before_the_change_is_marked(self):
        self.slow("BEFORE DELETE", "counter_changes")
        said = self.tells(self.record())
        self.check("F5: it waits between the counters and the mark", said == "accepted" and self.waits())
        self.die()
        self.psql(TERMINATE)
        self.sql("DROP TRIGGER slow ON counter_changes")
        self.check("F5: starts again", self.start())
        self.counters("F5 killed before the change is marked")

    def f06_killed_while_keys_are_rotated(self):
        rotating = subprocess.Popen([FITGATE, "keys", "rotate", "--pause-ms", "200"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                    env=self.environment())
        time.sleep(0.7)
        cut = rotating.poll() is None
        rotating.kill()
        rotating.wait()
        code, said = self.fitgate("keys", "rotate", "--resume")
        self.check(f"F6 killed while keys are rotated ({cut}): goes on with --resume: {said[-80:]}",
                   cut and code == 0)
        self.stop()
        self.check("F6: starts with the new keys", self.start())
        self.under_load("F6", lambda: None)

    # PostgreSQL fails

    def f21_postgres_crashes(self):
        def fault():
            self.postgres.ctl("-m", "immediate", "stop")
            self.check("F21: not ready meanwhile", until(lambda: self.status("/readyz") == 503, 5))
            self.check("F21: but alive", self.status("/livez") == 200)
            self.postgres.ctl("start")
            self.check("F21: ready within 10 s", until(self.is_ready, 10))
        self.under_load("F21 PostgreSQL crashes", fault)

    def f24_a_standby_by_mistake(self):
        def fault():
            self.psql("ALTER DATABASE fitgate_faults SET default_transaction_read_only = on", TERMINATE)
            time.sleep(2)
            self.psql("ALTER DATABASE fitgate_faults RESET default_transaction_read_only", TERMINATE)
        self.under_load("F24 read-only as a standby (25006)", fault)

    def f25_all_connections_dropped(self):
        def fault():
            for _ in range(5):
                self.psql(TERMINATE)
                time.sleep(0.3)
        self.under_load("F25 all connections dropped, five times", fault)

    def f26_too_many_clients(self):
        name = "F26 too many clients (53300)"
        # A restart would keep these words for the next one.
        self.postgres.ctl("-m", "fast", "stop")
        self.postgres.ctl("-o", f"-c max_connections={FEW_CONNECTIONS}", "start")
        # Later there is no room for it.
        holder = subprocess.Popen(["psql", "-X", "-q", self.url], stdin=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL, text=True)
        self.check(f"{name}: ready where connections are few", until(self.is_ready, 30))
        def fault():
            # Whoever signs in waits behind a lock, with a connection each: all that there are.
            ends = time.monotonic() + CROWD_S
            crowd = [threading.Thread(target=self.signs_in, args=(n, ends), daemon=True) for n in range(CROWD)]
            for one in crowd:
                one.start()
            holder.communicate(f"BEGIN; LOCK TABLE account_tokens; {TERMINATE}; SELECT pg_sleep(8);")
            self.check(f"{name}: a crowd held them all", holder.returncode == 0)
            for one in crowd:
                one.join(30)
            self.check(f"{name}: entries go on within 15 s, where they are few", self.goes_on(15))
            self.check(f"{name}: ready is what it says, and is", until(self.is_ready, 5))
        self.under_load(name, fault)
        self.postgres.ctl("-m", "fast", "stop")
        self.postgres.ctl("start")
        self.check("F26: ready with as many as before", until(self.is_ready, 15))

    def signs_in(self, n, ends):
        body = json.dumps({"code": f"pretend-crowd{n}"}).encode()
        while time.monotonic() < ends:
            try:
                exchange(self.http, "POST", "/api/v1/wechat/sessions", body,
                         {"Content-Type": "application/json"}, 20)
            except OSError:
                pass

    def f27_all_want_one_row(self):
        self.credentials(self.town.people[:1], "one.json")
        self.begin("--connections", "32", "--batch", "2", credentials="one.json")
        self.check("F27 thirty-two doors report one person: entries go on", self.goes_on(20))
        self.check("F27: and on", self.goes_on(20))
        self.end("F27")

    def f28_a_lock_is_held(self):
        def fault():
            subprocess.run(["psql", "-X", "-q", self.url, "-c", "BEGIN; LOCK TABLE venue_days "
                            "IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(8)"], stdout=subprocess.DEVNULL)
        self.under_load("F28 a lock held for 8 s", fault)
