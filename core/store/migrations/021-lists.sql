-- Indexes for lists over long histories: each filter of the API finds its rows without reading the table. A test holds it.

CREATE INDEX IF NOT EXISTS runs_by_mode ON runs (mode, id DESC);

CREATE INDEX IF NOT EXISTS dead_letters_by_status ON dead_letters (status, id DESC);
CREATE INDEX IF NOT EXISTS dead_letters_by_code ON dead_letters (code, id DESC);
CREATE INDEX IF NOT EXISTS dead_letters_by_field ON dead_letters (field, id DESC) WHERE field IS NOT NULL;
CREATE INDEX IF NOT EXISTS dead_letters_of_jobs ON dead_letters (id DESC) WHERE kind = 'job';

CREATE INDEX IF NOT EXISTS healing_acts_by_rule ON healing_acts (rule, id DESC);
CREATE INDEX IF NOT EXISTS healing_acts_by_outcome ON healing_acts (outcome, id DESC);

-- Most messages are applied, and most tell of a change: those need no entry.
CREATE INDEX IF NOT EXISTS webhook_inbox_by_outcome ON webhook_inbox (outcome, id DESC) WHERE outcome <> 'applied';
CREATE INDEX IF NOT EXISTS webhook_inbox_deletions ON webhook_inbox (id DESC) WHERE event = 'deleted';
