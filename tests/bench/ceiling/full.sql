-- The full ceiling: everything the recorder writes for :n events (a group), by one statement with
-- sibling CTEs, each table at most once, on one connection, without HTTP, decisions or MACs being
-- computed. pgbench -n -M prepared -c 1 -D n=1|100|500 -f full.sql, with
-- PGOPTIONS='-c plan_cache_mode=force_generic_plan -c jit=off -c enable_seqscan=off
--            -c enable_hashjoin=off -c enable_mergejoin=off'
-- after full_people.sql, full_history.sql and a warm-up that made the timelines. A person with an
-- open session leaves, one without enters. Closings come before openings, rows in key order.
\set start random(0, 49999)
WITH picked AS MATERIALIZED (
  SELECT g, b.member_id, (random() * 1000)::int AS dice,
         (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(g), 3, '0')
           || '8' || substr(md5(random()::text), 1, 15))::uuid AS event_id
    FROM generate_series(1, :n) g JOIN bench_people b ON b.n = (:start + g * 7919) % 50000),
known AS MATERIALIZED (
  SELECT p.*, t.open_session, t.open_venue
    FROM (SELECT * FROM picked ORDER BY member_id) p
    CROSS JOIN LATERAL (SELECT open_session, open_venue FROM timelines WHERE member_id = p.member_id FOR UPDATE) t),
clock AS MATERIALIZED (
  SELECT at, at::date AS day, date_trunc('month', at)::date AS month, extract(hour FROM at)::smallint AS hour
    FROM (SELECT date_trunc('milliseconds', clock_timestamp()) AS at) now),
batch AS MATERIALIZED (
  SELECT k.g, k.event_id, k.member_id, k.open_session, k.open_session IS NULL AS enters, c.*,
         coalesce(k.open_venue, place.venue_id) AS venue_id, place.terminal_id, place.community,
         coalesce(k.open_session, k.event_id) AS session_id
    FROM known k CROSS JOIN clock c
    JOIN bench_places place ON place.n = k.dice % (SELECT count(*) FROM bench_places)),
keys AS (
  INSERT INTO event_keys (terminal_id, record_id, event_id, occurred_at, body_hash, decision, received_at)
  SELECT terminal_id, (extract(epoch FROM at) * 1000000)::bigint || ':' || g, event_id, at,
         repeat('0123456789abcdef', 4), 'granted', at FROM batch ORDER BY 1, 2
  ON CONFLICT (terminal_id, record_id) DO NOTHING),
events AS (
  INSERT INTO entry_events (id, occurred_at, venue_id, terminal_id, member_id, serial, epoch, seq, direction, method,
      credential, score, device_time, received_at, offset_s, clock_flag, mode, decision, reason, effect, credited, passed)
  SELECT event_id, at, venue_id, terminal_id, member_id, 'BENCH-0001', (extract(epoch FROM at) * 1000000)::bigint, g,
         CASE WHEN enters THEN 'in' ELSE 'out' END, 'face', 'bench-12345', 0.97, at, at, 0, NULL, 'live', 'granted', NULL,
         CASE WHEN enters THEN 'opened' ELSE 'closed' END, true, NULL FROM batch ORDER BY 1),
stays AS (
  INSERT INTO sessions (id, member_id, venue_id, community, business_day, entered_at, left_at, minutes, provenance, ended_by,
      void, credited, rule_version, presence_expires_at, version)
  SELECT session_id, member_id, venue_id, community, day, at, CASE WHEN NOT enters THEN at END,
         CASE WHEN enters THEN 0 ELSE 45 END, CASE WHEN NOT enters THEN 'measured' END,
         CASE WHEN NOT enters THEN 'exit' END, false, true, 1, at + interval '4 hours', 1
    FROM batch ORDER BY enters, session_id
  ON CONFLICT (id) DO UPDATE SET left_at = excluded.left_at, minutes = excluded.minutes,
      provenance = excluded.provenance, ended_by = excluded.ended_by, version = sessions.version + 1),
lines AS (
  UPDATE timelines t SET version = t.version + 1, last_at = b.at, state = repeat('0123456789abcdef', 24),
      open_session = CASE WHEN b.enters THEN b.event_id END, open_venue = CASE WHEN b.enters THEN b.venue_id END,
      presence_expires_at = b.at + interval '4 hours', limit_at = CASE WHEN b.enters THEN b.at + interval '4 hours' END
    FROM batch b WHERE t.member_id = b.member_id),
ledger AS (
  INSERT INTO minute_entries (id, recorded_at, session_id, member_id, venue_id, community, business_day, minutes, provenance,
      cause, rule_version, mac)
  SELECT event_id, at, session_id, member_id, venue_id, community, day, 45, 'measured', 'fold', 1,
         repeat('0123456789abcdef', 4) FROM batch WHERE NOT enters ORDER BY 1),
venue AS (
  INSERT INTO venue_days AS d SELECT venue_id, day, count(*) FILTER (WHERE enters), count(*) FILTER (WHERE enters),
      45 * count(*) FILTER (WHERE NOT enters), 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 'provisional', NULL, NULL, 1
    FROM batch GROUP BY 1, 2 ORDER BY 1, 2
  ON CONFLICT (venue_id, business_day) DO UPDATE SET visits = d.visits + excluded.visits, people = d.people + excluded.people,
      minutes_measured = d.minutes_measured + excluded.minutes_measured, digest_0 = d.digest_0 + excluded.digest_0,
      digest_1 = d.digest_1 + excluded.digest_1, digest_2 = d.digest_2 + excluded.digest_2,
      digest_3 = d.digest_3 + excluded.digest_3, digest_4 = d.digest_4 + excluded.digest_4,
      digest_5 = d.digest_5 + excluded.digest_5, digest_6 = d.digest_6 + excluded.digest_6,
      digest_7 = d.digest_7 + excluded.digest_7, version = d.version + 1),
hours AS (
  INSERT INTO venue_day_hours AS h SELECT venue_id, day, hour, count(*) FILTER (WHERE enters),
      45 * count(*) FILTER (WHERE NOT enters), NULL, 1
    FROM batch GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (venue_id, business_day, hour) DO UPDATE SET visits = h.visits + excluded.visits,
      minutes = h.minutes + excluded.minutes, version = h.version + 1),
months AS (
  INSERT INTO member_venue_months AS m SELECT venue_id, month, member_id, 1, 1 FROM batch WHERE enters ORDER BY 1, 2, 3
  ON CONFLICT (venue_id, month, member_id) DO UPDATE SET visits = m.visits + 1, version = m.version + 1),
days AS (
  INSERT INTO member_days AS d SELECT member_id, day, enters::int, CASE WHEN enters THEN 0 ELSE 45 END, 0, 0, 0, 1
    FROM batch ORDER BY 1, 2
  ON CONFLICT (member_id, business_day) DO UPDATE SET visits = d.visits + excluded.visits,
      minutes_measured = d.minutes_measured + excluded.minutes_measured, version = d.version + 1),
changes AS (
  INSERT INTO counter_changes (stamp, n, member_id, venue_id, business_day)
  SELECT (extract(epoch FROM at) * 1000000)::bigint, g, member_id, venue_id, day FROM batch ORDER BY 1, 2
  ON CONFLICT (stamp, n) DO NOTHING)
SELECT count(*) FROM batch;
