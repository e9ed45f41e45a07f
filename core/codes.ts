/** Codes of what stands directly in `core`, beside those of its parts. The reference of errors is made of it. */
export const projectCodes = {
  'table.not_compared': { meaning: 'A table of yours (`manage: false`) could not be compared with its mapping. A warning: the config may be right all the same.', cure: 'Check that the database runs and can be reached, then: `tds check`.' },
} as const;
