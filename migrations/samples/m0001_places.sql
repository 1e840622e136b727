INSERT INTO divisions (code, name, level, resident_population) VALUES ('330499', '样例区', 'county', 100000);
INSERT INTO divisions (code, name, level, resident_population) VALUES ('330499001001', '样例社区', 'community', NULL);
INSERT INTO venues (id, community, name, kind, area_m2, lat, lng, coordinates, status, created_at) VALUES ('01a20000-0000-7000-8000-000000000001', '330499001001', '样例健身房', 'gym', 200, 30.7, 121.0, 'wgs84', 'open', '2020-12-01T00:00:00+00:00');
INSERT INTO venue_rules (venue_id, version, valid_from, pairing, repeat_window_s, usual_stay_min, longest_stay_min, passback, guardian_under, prerequisites, capacity_soft, capacity, time_zone, day_starts_at, adopted_by, adopted_at) VALUES ('01a20000-0000-7000-8000-000000000001', 1, '2020-12-01', 'in_and_out', 60, 60, 240, 'allowed', NULL, '[]', 40, 50, 'Asia/Shanghai', 240, 'sample', '2020-12-01T00:00:00+00:00');
INSERT INTO venue_hours (venue_id, weekday, version, valid_from, opens, closes, reason) VALUES ('01a20000-0000-7000-8000-000000000001', 1, 1, '2020-12-01', 360, 1320, NULL);
INSERT INTO venue_exceptions (venue_id, day, version, valid_from, opens, closes, reason) VALUES ('01a20000-0000-7000-8000-000000000001', '2021-02-12', 1, '2021-02-01', NULL, NULL, '春节');
INSERT INTO venue_gates (venue_id) VALUES ('01a20000-0000-7000-8000-000000000001');
INSERT INTO zones (id, venue_id, kind, name, area_m2) VALUES ('01a20000-0000-7000-8000-000000000002', '01a20000-0000-7000-8000-000000000001', 'cardio', '有氧区', 80);
