"""Certificates that have run out or come of a stranger, at PostgreSQL, Redis and WeChat. nginx's is
renewed in deploy/nginx/test."""

import contextlib
import json
import os
import shutil
import subprocess

from certificates import Authority, serve_wechat
from of_postgres import TERMINATE
from stage import free_port, until
from town import exchange

NOWHERE = {"FITGATE_LISTEN": "127.0.0.1:0", "FITGATE_OPS_LISTEN": "127.0.0.1:0"}


class OfCertificates:
    def f49_certificates(self):
        folder = self.work / "certificates"
        folder.mkdir(exist_ok=True)
        ours, strange = Authority(folder, "ours"), Authority(folder, "strange")
        good, old = ours.issues("good", 2), ours.issues("old", 0)
        self.of_the_database(ours, strange, good, old)
        self.of_redis(ours, strange, good, old)
        self.of_wechat(ours, strange, good, old)

    # PostgreSQL

    def shows(self, certificate, key):
        """PostgreSQL shows this certificate to whoever comes from now on; all others must come anew."""
        for source, name in ((certificate, "server.crt"), (key, "server.key")):
            target = f"{self.postgres.cluster}/{name}"
            shutil.copy(source, target)
            os.chmod(target, 0o600)
            if os.geteuid() == 0:
                shutil.chown(target, self.postgres.user)
        self.postgres.ctl("reload")
        self.psql(TERMINATE)

    def of_the_database(self, ours, strange, good, old):
        name, plain = "F49 PostgreSQL's certificate", self.url
        self.stop()
        self.psql("ALTER SYSTEM SET ssl = on")
        self.shows(*good)
        trusting = lambda authority: f"{plain}?sslmode=verify-full&sslrootcert={authority.file}"
        said = self.refuses(trusting(strange))
        self.check(f"{name} of a stranger: refuses in one line: {said}", "certificate" in said)
        self.url = trusting(ours)
        self.check(f"{name} is good: ready", self.start())

        def runs_out():
            self.shows(*old)
            self.check(f"{name} has run out: not ready", until(lambda: self.status("/readyz") == 503, 10))
            self.check(f"{name} has run out: nothing is taken", until(self.stands_still, 20))
            said = self.refuses(self.url)
            self.check(f"{name} has run out: a command refuses in one line: {said}", "expired" in said)
            self.shows(*good)
        self.under_load(f"{name} runs out and is renewed", runs_out)
        self.stop()
        self.url = plain
        self.psql("ALTER SYSTEM SET ssl = off", "SELECT pg_reload_conf()")
        self.check(f"{name}: starts without", self.start())

    def refuses(self, url):
        """The one line with which a command refuses; nothing where it does not, or says more."""
        code, said = self.fitgate("serve", FITGATE_DATABASE_URL=url, **NOWHERE)
        return said if code == 2 and len(said.splitlines()) == 1 else ""

    # Redis

    def of_redis(self, ours, strange, good, old):
        name = "F49 Redis's certificate"
        for fault, trusted, shown in (("of a stranger", strange, good), ("has run out", ours, old)):
            with self.secured(ours, shown):
                self.goes_without(f"{name} {fault}", trusted)
        with self.secured(ours, good):
            self.check(f"{name} is good: ready", self.start(SSL_CERT_FILE=str(ours.file)))
            verify = lambda: self.fitgate("counters", "verify", SSL_CERT_FILE=str(ours.file))[0] == 0
            self.check(f"{name} is good: counters equal SQL within a minute", until(verify, 60))

    @contextlib.contextmanager
    def secured(self, ours, shown):
        """No server is up, and the next one finds a Redis that shows this certificate."""
        plain, port = self.redis.url, free_port()
        process = subprocess.Popen(
            ["redis-server", "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--save", "",
             "--tls-cert-file", shown[0], "--tls-key-file", shown[1], "--tls-ca-cert-file", ours.file,
             "--tls-auth-clients", "no", "--dir", self.work], stdout=subprocess.DEVNULL)
        try:
            self.stop()
            self.redis.url = f"rediss://127.0.0.1:{port}"
            yield
        finally:
            self.stop()
            process.kill()
            process.wait()
            self.redis.url = plain
            self.start()

    def goes_without(self, name, trusted):
        log = self.work / "refused.log"
        with open(log, "wb") as stderr:
            is_ready = self.start(stderr=stderr, SSL_CERT_FILE=str(trusted.file))
        self.check(f"{name}: ready all the same", is_ready)
        self.under_load(name, lambda: None)
        self.stop()
        lost = [line for line in log.read_text().splitlines() if "counters are lost" in line]
        why = [line for line in lost if "certificate" in line]
        # Twice where a busy machine ran out of patience first.
        self.check(f"{name}: said once, and why: {why and why[0][-120:]}", len(why) == 1 and len(lost) < 3)

    # WeChat

    def of_wechat(self, ours, strange, good, old):
        cases = (("of a stranger", strange, good, 503), ("has run out", ours, old, 503),
                 ("is good", ours, good, 201))
        for name, trusted, shown, wanted in cases:
            platform = serve_wechat(*shown)
            self.stop()
            self.start(SSL_CERT_FILE=str(trusted.file), FITGATE_WECHAT="platform",
                       FITGATE_WECHAT_APP_ID="wx0123456789abcdef", FITGATE_WECHAT_SECRET="secret",
                       FITGATE_WECHAT_BASE_URL=f"https://127.0.0.1:{platform.server_port}")
            answered, _, said = exchange(self.http, "POST", "/api/v1/wechat/sessions",
                                         json.dumps({"code": "0123456789"}).encode(),
                                         {"Content-Type": "application/json"}, 15)
            self.check(f"F49 WeChat's certificate {name}: signing in is {answered} {(said or {}).get('code')}",
                       answered == wanted)
            self.check(f"F49 WeChat's certificate {name}: doors go on",
                       self.tells(self.record()) == "accepted")
            platform.shutdown()
        self.stop()
        self.start()
