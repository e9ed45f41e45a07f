-- What lateness and growth of schedules are measured by.

ALTER TABLE schedules ADD COLUMN due_at timestamptz;   -- next_at with its jitter; null: there is none, or a node of before this column wrote next_at
ALTER TABLE ticks ADD COLUMN until_at timestamptz;     -- of one that came by the clock: the planned time after it, by which its work should be over

-- Reports reach people by the same way as alerts.
ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_check CHECK (kind IN ('firing', 'repeat', 'resolved', 'report'));
