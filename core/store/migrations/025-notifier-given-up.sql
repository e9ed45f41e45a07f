-- A notifier that refuses for good is told by the others at the first message that it loses.
ALTER TABLE notifier_states ADD COLUMN given_up integer NOT NULL DEFAULT 0;   -- messages that were given up since the last success

-- What waits is looked for at each tick of each node.
CREATE INDEX IF NOT EXISTS notifications_waiting ON notifications (claimed_until) WHERE state = 'waiting';
