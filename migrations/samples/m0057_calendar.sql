INSERT INTO calendar_days (division, day, version, kind, name, as_weekday, by_actor, at) VALUES ('33', '2027-01-01', 1, 'holiday', '元旦', NULL, 'sample', '2026-11-02T12:00:00+00:00');
INSERT INTO venue_holiday_hours (venue_id, version, opens, closes, by_actor, at) VALUES ('01a20000-0000-7000-8000-000000000001', 1, 540, 1020, 'sample', '2026-11-02T12:00:00+00:00');
