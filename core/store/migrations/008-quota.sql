-- The day's quota: when bulk work had to wait for the next day.
ALTER TABLE quota_days ADD COLUMN paused_at timestamptz;

-- A sign-in that the service refuses for good: no node asks again for a while. `tokens.connection` names the sign-in, which several connections may share.
ALTER TABLE tokens
  ADD COLUMN denied_at      timestamptz,
  ADD COLUMN denied_code    text,
  ADD COLUMN denied_message text,
  ADD COLUMN denied_cure    text;
