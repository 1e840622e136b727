INSERT INTO export_links (member_id, token_hash, created_at, expires_at) VALUES ('01a20000-0000-7000-8000-000000000003', 'sample', '2026-11-02T12:00:00+00:00', '2026-11-03T12:00:00+00:00');
