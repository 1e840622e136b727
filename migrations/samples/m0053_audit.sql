INSERT INTO audit_heads (day, chain, n, hash, at) VALUES ('2026-11-02', 'members', 1, 'sample', '2026-11-02T12:00:00+00:00');
