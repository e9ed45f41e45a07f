/** Every code of the corridor and of its runs, beside those of the mapping (`mapping/codes.ts`). The reference of errors is made of it. */
export const pipelineCodes = {
  'record.no_key': { meaning: 'A record came without the value by which its stream tells records apart; it is set aside.', cure: 'Look at the raw record; when the source names its key otherwise, the stream (`idField` of a custom one) must say so.' },
  'record.too_deep': { meaning: 'A record is nested so deeply that it can\'t be kept as text; it is set aside without its body.', cure: 'Look at it at the source; no sound record is like that.' },
  'record.poison': { meaning: 'The process that mapped the record died or stopped answering: first among others, then twice with this record alone. It is set aside unmapped, the others go on; healing tries it once more, alone, as it may have been hit by chance, and again when the mapping or a plugin has changed.', cure: 'Look at the raw record and at the expressions of the mapping; when they are mended: `tds dead-letters retry <id>`.' },
  'destination.refused': { meaning: 'The table refused a row; PostgreSQL\'s own five letters follow, as in `destination.refused.23502`. The record is set aside, the others are written.', cure: 'Read PostgreSQL\'s message: change the column or its constraint, or give the mapping a default or a check.' },
  'table.misfit': { meaning: 'A table of the user (`manage: false`) lacks a column, a type or a unique key that the mapping needs. The run ended before it wrote a row.', cure: 'The message names each fault and what to do; `tds check` shows them too. Then ask for the run again.' },
  'deletes.held': { meaning: 'A full read missed more records than `deletes.maxShare` lets go; none was deleted. The run itself succeeded.', cure: 'See at the source whether they are really gone, then: `tds sync <entity> --mode full --allow-deletes`.' },
  'details.unsettled': { meaning: 'Some records got no details this time; they stay due. The run itself succeeded.', cure: 'Nothing; the next run asks again. If it lasts, look at the record that the message names.' },
  'part.incomplete': { meaning: 'A part of a divided full read may lack records. They come with the next read; the whole read proves no deletion.', cure: 'Nothing, if it is seldom. If it lasts, set `policies.sync.parts: 1` and look whether a read in one piece is complete.' },
  'run.not_running': { meaning: 'A run was about to save a batch and had been cancelled or ended meanwhile; the batch was not written.', cure: 'Look at `tds runs`; ask for a new run if you want one.' },
  'source.changed': { meaning: 'The entity reads from another connection, stream, option or account (such as another organization) than before. Its cursor was forgotten and every record read; a run of details waits for that. The run itself succeeded.', cure: 'Nothing, when you meant it. What only the source before had goes as `deletes` says; when that is much, the run says `deletes.held`.' },
  'source.no_details': { meaning: 'A connector declares details for a stream but can\'t read them.', cure: 'This is a fault of the plugin: it needs `readDetails`. Until then: `details: never`.' },
  'source.read_broken_off': { meaning: 'A read stopped without saying that it had come to its end.', cure: 'TDS tries again by itself, from the last saved page. If it lasts, it is a fault of the plugin.' },
} as const;

/** A code of {@link pipelineCodes}. */
export type PipelineCode = keyof typeof pipelineCodes;
