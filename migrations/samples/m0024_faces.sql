INSERT INTO faces (handle, member_id, photo_ct, width, height, taken_at) VALUES ('1000001', '01a20000-0000-7000-8000-000000000003', 'v1.sample', 480, 640, '2026-11-02T12:00:00+00:00');
