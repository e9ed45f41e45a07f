-- A dead letter of a message that could not be applied names it: a retry puts the message back into the inbox, and its end closes the letter.
ALTER TABLE dead_letters ADD COLUMN message_id bigint; -- of webhook_inbox; absent where the letter is of a record
UPDATE dead_letters SET message_id = substring(problems->0->>'suggestion' FROM 'tds webhooks show (\d{1,18})')::bigint WHERE status = 'open' AND code LIKE 'webhook.%';
CREATE INDEX IF NOT EXISTS dead_letters_by_message ON dead_letters (message_id) WHERE status = 'open' AND message_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS dead_letters_of_messages ON dead_letters (entity, key) WHERE status = 'open' AND message_id IS NOT NULL;
