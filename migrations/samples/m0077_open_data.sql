INSERT INTO open_data_items (feed, id, change, data, changed_at) VALUES ('venues', '01a20000-0000-7000-8000-000000000077', 1, '{}', '2026-11-02T12:00:00+00:00');
