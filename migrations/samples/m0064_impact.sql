INSERT INTO face_alarms (level, reached_at, persons) VALUES (80000, '2026-11-02T12:00:00+00:00', 80001);
