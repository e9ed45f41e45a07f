-- Who may ask the API, and what it has answered to requests that carry a key.

-- Tokens. Of the secret only its SHA-256 is kept. Rows stay after a revocation: a token that was ever made keeps the API closed.
CREATE TABLE api_tokens (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name           text NOT NULL,
  prefix         text NOT NULL UNIQUE,               -- the public part of the token, by which it is looked up
  hash           bytea NOT NULL,
  scope          text NOT NULL CHECK (scope IN ('read', 'operate', 'admin')),
  created_at     timestamptz NOT NULL DEFAULT now(),
  created_by     text NOT NULL,
  expires_at     timestamptz,                        -- null: never
  revoked_at     timestamptz,
  revoked_by     text,
  used_at        timestamptz                         -- to the minute
);

-- Pages that signed in. A session is worth no more than its token.
CREATE TABLE api_sessions (
  hash           bytea PRIMARY KEY,
  token_id       bigint NOT NULL REFERENCES api_tokens ON DELETE CASCADE,
  created_at     timestamptz NOT NULL DEFAULT now(),
  expires_at     timestamptz NOT NULL
);
CREATE INDEX api_sessions_by_age ON api_sessions (expires_at);

-- Answers to requests with an Idempotency-Key, kept for a day.
CREATE TABLE api_answers (
  caller         text NOT NULL,
  key            text NOT NULL,
  request        bytea NOT NULL,                     -- hash of route and body: the same key with another request is refused
  at             timestamptz NOT NULL DEFAULT now(),
  status         integer,                            -- null while it is being answered
  headers        jsonb,
  body           text,
  PRIMARY KEY (caller, key)
);
CREATE INDEX api_answers_by_age ON api_answers (at);
