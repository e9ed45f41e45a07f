-- By which mapping all rows of an entity were written; null from the moment another one comes until a read or a replay has written them all anew.
ALTER TABLE entities ALTER COLUMN mapping DROP NOT NULL;
