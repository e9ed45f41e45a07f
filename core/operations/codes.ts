/** Codes that runs and probes end with, beside those of the plugins and of the corridor. The reference of errors is made of it. */
export const runCodes = {
  'run.cancelled': { meaning: 'A person cancelled the run. What it had saved stays.', cure: 'Ask for a new run: `tds sync <entity>`.' },
  'run.unknown_entity': { meaning: 'A run was asked for while the config had the entity; now it has not, or has it switched off.', cure: 'Put the entity back, or leave the run failed.' },
  'run.threw': { meaning: 'A run met an error without a code of its own.', cure: 'TDS tries again by itself. The run\'s reason and the log tell the rest.' },
  'run.stuck': { meaning: 'The run\'s job made no progress for long, was taken back, and made none again.', cure: 'Look at the log of its node, restart that node if its worker hangs, and ask for the run again.' },
  'run.orphaned': { meaning: 'No job stood behind the run any more, and another one could not be had.', cure: 'Ask for a new run: `tds sync <entity>`.' },
  'check.threw': { meaning: 'A probe of `tds check` met an error without a code of its own.', cure: 'Read the message; `TDS_DEBUG=1` shows more.' },
} as const;

/** A code of {@link runCodes}. */
export type RunCode = keyof typeof runCodes;
