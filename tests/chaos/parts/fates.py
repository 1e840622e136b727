"""What happens to the stage: one thing after the other, two at once now and then, all drawn from
chance that a seed gives. Everything that a fate breaks it mends before it ends."""

import signal
import threading
import time


class Nemesis(threading.Thread):
    """`stage` has servers, postgres, redis, and wires by what they lead to."""

    def __init__(self, stage, chance, seconds):
        super().__init__(daemon=True)
        self.stage, self.chance = stage, chance
        self.ends = time.monotonic() + seconds
        self.counts, self.errors = {}, []
        # One after the other as drawn, so that a short run meets many of them.
        self.deck = []

    def run(self):
        while time.monotonic() < self.ends:
            time.sleep(self.chance.uniform(0.2, 1.2))
            drawn = [self.draw() for _ in range(2 if self.chance.random() < 0.25 else 1)]
            # Drawn here, so that threads share no chance.
            if self.clash(drawn):
                drawn = drawn[:1]
            acts = [threading.Thread(target=self.act, args=one, daemon=True) for one in drawn]
            for act in acts:
                act.start()
            for act in acts:
                act.join()

    def draw(self):
        if not self.deck:
            self.deck = [(fate, target) for fate, targets in self.fates().items() for target in targets]
            self.chance.shuffle(self.deck)
        fate, target = self.deck.pop()
        return fate, target, self.chance.uniform(0.3, 2.5)

    @staticmethod
    def clash(drawn):
        """Two at one thing would mend one another."""
        return len({str(target).split(" ")[0] for _, target, _ in drawn}) < len(drawn)

    def fates(self):
        servers = range(len(self.stage.servers))
        wires = list(self.stage.wires)
        return {"kill": [f"server-{n}" for n in servers], "freeze": ["redis", "postgres", *(f"server-{n}" for n in servers)],
                "empty": ["redis"], "restart": ["redis", "postgres"], "cut": wires, "hold": wires,
                "slow": wires, "mute": wires}

    def act(self, fate, target, span):
        self.counts[fate, target] = self.counts.get((fate, target), 0) + 1
        self.stage.history.add("nemesis", f"! {fate} {target}", "invoke", seconds=round(span, 2))
        try:
            getattr(self, fate)(target, span)
        except Exception as error:  # a fate that cannot be done is a run that shows nothing
            self.errors.append(f"{fate} {target}: {error!r} {getattr(error, 'stderr', '')}")
        self.stage.history.add("nemesis", f"! {fate} {target}", "ok")

    def server(self, target):
        return self.stage.servers[int(target.rsplit("-", 1)[1])]

    def kill(self, target, _span):
        self.server(target).signal(signal.SIGKILL)

    def freeze(self, target, span):
        thing = {"redis": self.stage.redis.process.send_signal,
                 "postgres": self.stage.postgres.signal}.get(target)
        thing = thing or self.server(target).signal
        thing(signal.SIGSTOP)
        time.sleep(span)
        thing(signal.SIGCONT)

    def empty(self, _target, _span):
        self.stage.redis.cli("flushall")

    def restart(self, target, span):
        if target == "redis":
            self.stage.redis.kill()
            time.sleep(span / 2)
            return self.stage.redis.start()
        self.stage.postgres.ctl("-m", "immediate", "stop")
        time.sleep(span / 2)
        return self.stage.postgres.ctl("start")

    def cut(self, target, _span):
        self.stage.wires[target].cut()

    def hold(self, target, span):
        self.broken(target, "hold", span)

    def slow(self, target, span):
        self.broken(target, "slow", span)

    def mute(self, target, span):
        self.broken(target, "mute", span)

    def broken(self, target, how, span):
        getattr(self.stage.wires[target], how)()
        time.sleep(span)
        self.stage.wires[target].heal()
