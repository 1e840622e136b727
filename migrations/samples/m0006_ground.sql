INSERT INTO audit (chain, n, at, actor, act, object, before_digest, after_digest, reason, hash) VALUES ('sample', 1, '2026-11-02T12:00:00+00:00', 'sample', 'sampled', 'sample:1', NULL, NULL, NULL, '00');
INSERT INTO idempotency (caller, key, body_hash, status, headers, body, expires_at) VALUES ('sample', '1', '00', 200, '{}', '', '2026-11-09T12:00:00+00:00');
INSERT INTO leases (name, holder, until) VALUES ('sample', 'sample', '2026-11-02T12:00:00+00:00');
INSERT INTO screen_tokens (token_hash, id, division, label, created_at, revoked_at) VALUES ('sample', '01a20000-0000-7000-8000-00000000000a', '330499', 'sample', '2026-11-02T12:00:00+00:00', NULL);
