INSERT INTO work_answers (kind, subject, outcome, reason, by_actor, at, until) VALUES ('orphan_exit', 'sample', 'rejected', 'seen', 'staff:sample', '2026-11-02T12:00:00+00:00', NULL);
