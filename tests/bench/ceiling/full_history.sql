-- 30 days of history in the tables of the product, so that the planner sees a lived-in database.
-- psql variable: events (a number; half of them end a session). Ends two days ago, out of the way
-- of the load's own events; epoch 0 keeps its numbers apart from those of the town's own records.
INSERT INTO event_keys (terminal_id, record_id, event_id, occurred_at, body_hash, decision, received_at)
SELECT p.terminal_id, '0:' || i, ('01910000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, at,
       repeat('0123456789abcdef', 4), 'recorded', at
  FROM (SELECT i, i % (SELECT count(*) FROM bench_places) AS place,
               date_trunc('milliseconds', now() - interval '32 days' + i * (interval '30 days' / :events)) AS at
          FROM generate_series(1, :events) i) e JOIN bench_places p ON p.n = e.place;

INSERT INTO entry_events (id, occurred_at, venue_id, terminal_id, member_id, serial, epoch, seq, direction, method,
    credential, score, device_time, received_at, offset_s, clock_flag, mode, decision, reason, effect, credited, passed)
SELECT ('01910000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, at, p.venue_id, p.terminal_id, b.member_id,
       'BENCH-0001', 0, i, CASE WHEN i % 2 = 1 THEN 'in' ELSE 'out' END, 'face', 'bench-' || b.n, 0.97, at, at, 0, NULL,
       'live', 'recorded', NULL, CASE WHEN i % 2 = 1 THEN 'opened' ELSE 'closed' END, true, true
  FROM (SELECT i, i % (SELECT count(*) FROM bench_places) AS place,
               ((i / 2)::bigint * 7919) % (SELECT count(*) FROM bench_people) AS person,
               date_trunc('milliseconds', now() - interval '32 days' + i * (interval '30 days' / :events)) AS at
          FROM generate_series(1, :events) i) e
  JOIN bench_places p ON p.n = e.place JOIN bench_people b ON b.n = e.person;

CREATE TEMP TABLE stays AS
SELECT ('01910000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid AS id, b.member_id, p.venue_id, p.community, at,
       (at + interval '4 hours')::date AS day
  FROM (SELECT i, i % (SELECT count(*) FROM bench_places) AS place,
               ((i / 2)::bigint * 7919) % (SELECT count(*) FROM bench_people) AS person,
               date_trunc('milliseconds', now() - interval '32 days' + i * (interval '30 days' / :events)) AS at
          FROM generate_series(1, :events, 2) i) e
  JOIN bench_places p ON p.n = e.place JOIN bench_people b ON b.n = e.person;

INSERT INTO sessions (id, member_id, venue_id, community, business_day, entered_at, left_at, minutes, provenance, ended_by,
    void, credited, rule_version, presence_expires_at, version)
SELECT id, member_id, venue_id, community, day, at, at + interval '45 minutes', 45, 'measured', 'exit', false, true, 1,
       at + interval '4 hours', 1 FROM stays;

INSERT INTO minute_entries (id, recorded_at, session_id, member_id, venue_id, community, business_day, minutes, provenance,
    cause, rule_version, mac)
SELECT gen_random_uuid(), at + interval '45 minutes', id, member_id, venue_id, community, day, 45, 'measured', 'fold', 1,
       repeat('0123456789abcdef', 4) FROM stays;

INSERT INTO venue_days SELECT venue_id, day, count(*), count(DISTINCT member_id), 45 * count(*), 0, 0, 0,
       1, 2, 3, 4, 5, 6, 7, 8, 'provisional', NULL, NULL, 1 FROM stays GROUP BY 1, 2 ON CONFLICT DO NOTHING;
INSERT INTO venue_day_hours SELECT venue_id, day, extract(hour FROM at), count(*), 45 * count(*), NULL, 1
  FROM stays GROUP BY 1, 2, 3 ON CONFLICT DO NOTHING;
INSERT INTO member_days SELECT member_id, day, count(*), 45 * count(*), 0, 0, 0, 1 FROM stays GROUP BY 1, 2
  ON CONFLICT DO NOTHING;
INSERT INTO member_venue_months SELECT venue_id, date_trunc('month', day)::date, member_id, count(*), 1
  FROM stays GROUP BY 1, 2, 3 ON CONFLICT DO NOTHING;
