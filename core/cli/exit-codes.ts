/** How every command ends. Scripts rely on these numbers: they never change their meaning. */
export const exitCodes = {
  ok: { code: 0, meaning: 'done; for start and demo: stopped in order' },
  failed: { code: 1, meaning: 'something failed: a run, a probe of check' },
  usage: { code: 2, meaning: 'the command or the config is wrong, or this TDS is older than its database' },
  unreachable: { code: 3, meaning: 'the database or the remote is out of reach' },
  interrupted: { code: 130, meaning: 'ended by ctrl-C (SIGINT)' },
  killed: { code: 137, meaning: 'killed (SIGKILL): from outside, or by the watchdog because it hung; start starts itself again' },
  terminated: { code: 143, meaning: 'ended by SIGTERM' },
} as const;

/** A number of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]['code'];

/** The table as the help shows it. */
export function exitCodeHelp(): string {
  return Object.values(exitCodes).map(({ code, meaning }) => `  ${String(code).padEnd(4)} ${meaning}`).join('\n');
}
