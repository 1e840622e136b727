"""Faults of Redis: entries go on without it, and the counters come back by themselves."""

import signal
import socket


class OfRedis:
    def f14_redis_down_at_the_start(self):
        self.stop()
        self.redis.kill()
        self.check("F14 Redis down at the start: ready all the same", self.start())
        self.under_load("F14 Redis down at the start", self.redis.start)
        self.counters("F14")

    def f15_redis_killed(self):
        def fault():
            self.redis.kill()
            self.check("F15: entries go on without", self.goes_on(10))
            self.redis.start()
        self.under_load("F15 Redis killed", fault)
        self.counters("F15")

    def f16_redis_emptied(self):
        self.under_load("F16 Redis emptied", lambda: self.redis.cli("flushall"))
        self.counters("F16")

    def f18_redis_frozen(self):
        def fault():
            self.redis.process.send_signal(signal.SIGSTOP)
            self.check("F18: entries go on meanwhile", self.goes_on(5))
            self.redis.process.send_signal(signal.SIGCONT)
        self.under_load("F18 Redis frozen", fault)
        self.counters("F18")

    def f19_redis_refuses(self):
        cases = {
            "out of memory": (("config", "set", "maxmemory", 1), ("config", "set", "maxmemory", 0)),
            "READONLY": (("replicaof", "127.0.0.1", 1), ("replicaof", "no", "one")),
            "NOSCRIPT": (("script", "flush"), ("ping",)),
            "max number of clients": (("config", "set", "maxclients", 1), ("config", "set", "maxclients", 1000)),
        }
        for name, (breaks, mends) in cases.items():
            def fault(breaks=breaks, mends=mends):
                # One connection for both: where nobody is let in any more, neither are we.
                with socket.create_connection(("127.0.0.1", self.redis.port), timeout=5) as line:
                    line.sendall(" ".join(map(str, breaks)).encode() + b"\r\n")
                    line.recv(100)
                    self.check("F19: entries go on meanwhile", self.goes_on(5))
                    line.sendall(" ".join(map(str, mends)).encode() + b"\r\n")
                    line.recv(100)
            self.under_load(f"F19 Redis: {name}", fault)
            self.counters(f"F19 {name}")
