/** The config as it runs. */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Config, Finding } from '../config/index.ts';
import { isSecretName, mask } from '../monitor/redact.ts';

/** The config that this node works by. */
export interface ConfigShown {
  file: string;
  /** Of what is shown: the same on two nodes when they run the same config. A secret that was changed does not change it. */
  hash: string;
  /** Every default filled in, durations in ms, secrets masked. */
  config: unknown;
}

/** One setting that differs; a side that does not have it is absent. Secrets are masked: of these it is told that they differ. */
export interface ConfigChange { path: string; running?: unknown; file?: unknown }

/** What is in force beside what the files say now. */
export interface ConfigDiff {
  /** The files say the same. False too where they have errors. */
  same: boolean;
  changes: ConfigChange[];
  /** Errors of the files: then there are no changes to tell. */
  findings: readonly Finding[];
}

/** The files as they are now. */
export interface ConfigRead { config?: Config; findings: readonly Finding[]; isSecret: (path: readonly (string | number)[]) => boolean }

export interface ConfigOperations {
  config(): ConfigShown;
  /** Checks the file as it is now, as `tds validate` does without the tables. */
  validateConfig(): Promise<readonly Finding[]>;
  /** What a reload or a restart would change. */
  diffConfig(): Promise<ConfigDiff>;
}

export interface ConfigDeps {
  file: string;
  /** The one that is in force. */
  readonly config: Config;
  /** Whether the setting at this path is declared to be secret, or came from outside at a place that nobody knows. */
  isSecret: (path: readonly (string | number)[]) => boolean;
  redact: (text: string) => string;
  /** Reads and checks the files; unless `anew`, only where they have changed since. */
  read: (how: { anew: boolean }) => Promise<ConfigRead>;
}

export function configOperations(deps: ConfigDeps): ConfigOperations {
  const { file, redact, read } = deps;
  const hide = (value: unknown, path: readonly (string | number)[], isSecret = deps.isSecret): unknown => {
    if (typeof value === 'string') return value !== '' && (isSecret(path) || isSecretName(String(path.at(-1) ?? ''))) ? mask : redact(value);
    if (Array.isArray(value)) return value.map((inner, at) => hide(inner, [...path, at], isSecret));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, hide(inner, [...path, name], isSecret)]));
  };
  return {
    config() {
      const shown = hide(deps.config, []);
      return { file, hash: createHash('sha256').update(JSON.stringify(shown)).digest('hex'), config: shown };
    },
    validateConfig: async () => (await read({ anew: true })).findings,
    async diffConfig() {
      const { config: wanted, findings, isSecret } = await read({ anew: false });
      if (!wanted) return { same: false, changes: [], findings };
      const secret = (path: Path): boolean => deps.isSecret(path) || isSecret(path);
      const changes = differencesOf(deps.config, wanted, []).map(({ path, running, file: now }): ConfigChange => ({
        path: path.join('.'), ...(running === undefined ? {} : { running: hide(running, path, secret) }), ...(now === undefined ? {} : { file: hide(now, path, secret) }),
      }));
      return { same: changes.length === 0, changes, findings };
    },
  };
}

type Path = readonly (string | number)[];

/** The deepest settings that differ; a list is one setting. */
function differencesOf(running: unknown, file: unknown, path: Path): { path: Path; running: unknown; file: unknown }[] {
  if (isDeepStrictEqual(running, file)) return [];
  if (!isTree(running) || !isTree(file)) return [{ path, running, file }];
  return [...new Set([...Object.keys(running), ...Object.keys(file)])].flatMap((name) => differencesOf(own(running, name), own(file, name), [...path, name]));
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(tree: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(tree, name) ? tree[name] : undefined;
}
