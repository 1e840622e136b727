-- People and places for load and ceiling in the tables of the product, beside the small town.
-- psql variables: people (a number), member (id of a member to be like), terminals (array of ids).
-- Ids and handles are plain numbers, so that the load can name them; names and documents are copies
-- of one made-up member's ciphertext, which nothing here reads.
CREATE TABLE bench_people (n int PRIMARY KEY, member_id uuid NOT NULL);
INSERT INTO bench_people SELECT n, ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid
  FROM generate_series(0, :people - 1) n;
INSERT INTO members SELECT r.*
  FROM members m, bench_people p, LATERAL jsonb_populate_record(m, jsonb_build_object(
    'id', p.member_id, 'birth_ct', NULL, 'document_ix', 'bench-' || p.n, 'phone_ix', NULL)) r WHERE m.id = :'member';
-- Nobody has come yet.
INSERT INTO timelines (member_id, version, state) SELECT member_id, 0, '{"open":null,"last":null,"newest":null}' FROM bench_people;
INSERT INTO credentials SELECT r.*
  FROM (SELECT DISTINCT ON (kind) * FROM credentials WHERE member_id = :'member' ORDER BY kind) c, bench_people p,
       LATERAL jsonb_populate_record(NULL::credentials, to_jsonb(c) || jsonb_build_object(
         'handle', 'bench-' || p.n, 'member_id', p.member_id)) r;
INSERT INTO consents SELECT r.*
  FROM consents c, bench_people p, LATERAL jsonb_populate_record(c, jsonb_build_object('member_id', p.member_id)) r
  WHERE c.member_id = :'member';

-- One place a terminal: open round the clock (no hours), doors for both ways, and an absolute
-- capacity that is never reached, so that every live entry counts who is inside.
CREATE TABLE bench_places (n int PRIMARY KEY, terminal_id uuid NOT NULL, venue_id uuid NOT NULL, community text NOT NULL);
INSERT INTO bench_places SELECT t.n - 1, t.id, ('01900000-0000-7000-9000-' || lpad(to_hex(t.n), 12, '0'))::uuid,
    (SELECT community FROM venues ORDER BY id LIMIT 1)
  FROM unnest(:'terminals'::uuid[]) WITH ORDINALITY t(id, n);
INSERT INTO venues SELECT r.*
  FROM bench_places p, LATERAL (SELECT * FROM venues WHERE name NOT LIKE 'bench %' ORDER BY id LIMIT 1) v,
       LATERAL jsonb_populate_record(NULL::venues, to_jsonb(v) || jsonb_build_object(
         'id', p.venue_id, 'name', 'bench ' || p.n, 'community', p.community)) r;
INSERT INTO venue_rules SELECT r.*
  FROM bench_places p, LATERAL (SELECT * FROM venue_rules ORDER BY length(prerequisites), venue_id, version LIMIT 1) v,
       LATERAL jsonb_populate_record(NULL::venue_rules, to_jsonb(v) || jsonb_build_object(
         'venue_id', p.venue_id, 'version', 1, 'pairing', 'in_and_out', 'passback', 'allowed', 'guardian_under', NULL,
         'valid_from', '2020-12-01', 'longest_stay_min', 240, 'usual_stay_min', 60, 'capacity_soft', NULL,
         'capacity', 1000000)) r;
INSERT INTO venue_gates SELECT venue_id FROM bench_places ON CONFLICT DO NOTHING;
DELETE FROM terminal_places t USING bench_places p
  WHERE t.terminal_id = p.terminal_id
    AND t.valid_from <> (SELECT min(x.valid_from) FROM terminal_places x WHERE x.terminal_id = t.terminal_id);
UPDATE terminal_places t SET venue_id = p.venue_id, direction = 'both', zone_id = NULL
  FROM bench_places p WHERE t.terminal_id = p.terminal_id;
-- The load's terminals all tell the right time, and one of the demo's is minutes fast: what it said would
-- come late among what others say of the same people.
UPDATE terminals t SET clock_offset_ms = 0 FROM bench_places p WHERE t.id = p.terminal_id;
UPDATE revisions SET n = n + 1 WHERE name = 'world';
ANALYZE;
