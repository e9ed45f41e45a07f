import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * What a demo is made of: which remote to start and how a config is pointed at it. It stands in a file beside the remote, since core
 * names none. `{name}` in a text is replaced by what the remote tells of itself.
 */
export interface DemoPlan {
  /** For people: `a shop that lives on this machine`. */
  remote: string;
  /** What is started; it prints one line of JSON when it listens, and ends when its standard input closes. */
  script: string;
  arguments: readonly string[];
  config: string;
  variables: Readonly<Record<string, string>>;
  /** Added unless the real limits are wanted. */
  unlimited: { realLimits: string; arguments: readonly string[]; variables: Readonly<Record<string, string>> };
  /** The call that makes some changes at the remote. */
  changes: { method: string; url: string; body: unknown; count: number; everySeconds: number };
  /** What is shown at the end: a query, and the row counts of a schema. */
  show: { schema: string; title: string; query: string };
}

const file = fileURLToPath(new URL('../../../sandbox/demo.json', import.meta.url));

/** Reads the plan; its paths are absolute then. */
export function readDemoPlan(): DemoPlan {
  const plan = JSON.parse(readFileSync(file, 'utf8')) as DemoPlan;
  const at = (relative: string): string => path.resolve(path.dirname(file), relative);
  return { ...plan, script: at(plan.script), config: at(plan.config) };
}

/** Replaces each `{name}` by what the remote said. */
export function fill(text: string, facts: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => facts[name] ?? whole);
}
