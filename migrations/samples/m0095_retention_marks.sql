INSERT INTO retention_marks (name, cleared_before, next_id) VALUES ('shown', '2026-08-02T12:00:00+00:00', '01a20000-0000-7000-8000-0000000000f1');
