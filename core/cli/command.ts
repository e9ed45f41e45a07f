import type { Command } from 'commander';
import type { Context } from './context.ts';
import type { ExitCode } from './exit-codes.ts';

/** Makes a commander action of what a command does; its answer is how the process ends. */
export type Bind = (action: (context: Context, command: Command) => Promise<ExitCode>) => (...given: unknown[]) => Promise<void>;

/** Adds what a person learns a command by: examples, and what `--json` prints. */
export function explain(command: Command, parts: { about?: string; examples: readonly (readonly [command: string, what: string])[]; json?: string; exit?: string }): void {
  const width = Math.max(...parts.examples.map(([text]) => text.length));
  const sections = [
    parts.about,
    `Examples:\n${parts.examples.map(([text, what]) => `  ${text.padEnd(width)}   ${what}`).join('\n')}`,
    parts.json === undefined ? undefined : `--json:\n${indent(parts.json)}`,
    `Exit codes:\n${indent(parts.exit ?? '0 done, 2 command or config wrong, 3 database out of reach')}`,
  ];
  command.addHelpText('after', `\n${sections.filter((section) => section !== undefined).join('\n\n')}\n`);
}

function indent(text: string): string {
  return text.split('\n').map((line) => `  ${line}`).join('\n');
}
