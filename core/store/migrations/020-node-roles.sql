-- Which roles a node has. Null: a command that only asks, or a node of a version that knew no roles and had them all.
ALTER TABLE nodes ADD COLUMN roles text[];
