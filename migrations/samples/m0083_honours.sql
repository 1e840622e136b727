INSERT INTO honour_years (id, division, year, rules, as_of, digest, by_actor) VALUES ('01a20000-0000-7000-8000-00000000c031', '330499', 2025, 1, '2026-11-02T12:00:00+00:00', '', 'sample');
INSERT INTO honours (year_id, kind, place, subject, figure, beside) VALUES ('01a20000-0000-7000-8000-00000000c031', 'active_community', 1, '330499001001', 100, 0);
INSERT INTO point_accounts (member_id, balance, version) VALUES ('01a20000-0000-7000-8000-000000000001', 3, 1);
INSERT INTO point_entries (id, member_id, points, cause, business_day, rules, by_actor, at) VALUES ('01a20000-0000-7000-8000-00000000c032', '01a20000-0000-7000-8000-000000000001', 3, 'minutes', '2026-11-02', 1, 'rule', '2026-11-02T12:00:00+00:00');
INSERT INTO point_partners (id, venue_id, since, by_actor) VALUES ('01a20000-0000-7000-8000-00000000c033', '01a20000-0000-7000-8000-000000000001', '2026-11-02T12:00:00+00:00', 'staff:sample');
