-- The account at the remote that an entity was read from, as its plugin names it. Null: not known, so that the next account counts as the same.
ALTER TABLE entities ADD COLUMN account text;
