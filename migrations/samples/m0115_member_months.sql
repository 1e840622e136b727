INSERT INTO member_months (member_id, month, minutes, version) VALUES ('01a20000-0000-7000-8000-0000000000f2', '2026-10-01', 45, 1);
