"""One version after another on the same database."""

STEP, CONTRACT = "m9000_of_a_newer_version", "m9001_of_a_newer_version_contract"


class OfReleases:
    def f47_rollback(self):
        """The previous binary on a schema that is ahead of it: it works as long as nothing that it needs
        was taken away, and then refuses."""
        name = "F47 back to the version before"
        climb = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('{}', 1)"
        self.stop()
        self.change(climb.format(STEP))
        self.check(f"{name}: starts on a schema that is ahead", self.start())
        self.under_load(name, lambda: None)
        self.stop()
        self.change(climb.format(CONTRACT))
        nowhere = {"FITGATE_LISTEN": "127.0.0.1:0", "FITGATE_OPS_LISTEN": "127.0.0.1:0"}
        code, said = self.fitgate("serve", **nowhere)
        lines = [line for line in said.splitlines() if line.startswith("fitgate:")]
        self.check(f"{name}: refuses once something was taken away, in one line: {said[-120:]}",
                   code == 2 and len(lines) == 1 and CONTRACT in lines[0])
        self.change("DELETE FROM seaql_migrations WHERE version LIKE 'm900%'")
        self.check(f"{name}: starts again", self.start())
