/** The config as it runs. */
import { createHash } from 'node:crypto';
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

export interface ConfigOperations {
  config(): ConfigShown;
  /** Checks the file as it is now, as `tds validate` does without the tables. */
  validateConfig(): Promise<readonly Finding[]>;
}

export interface ConfigDeps {
  file: string;
  config: Config;
  /** Whether the setting at this path is declared to be secret, or came from outside at a place that nobody knows. */
  isSecret: (path: readonly (string | number)[]) => boolean;
  redact: (text: string) => string;
  validate: () => Promise<readonly Finding[]>;
}

export function configOperations({ file, config, isSecret, redact, validate }: ConfigDeps): ConfigOperations {
  const hide = (value: unknown, path: readonly (string | number)[]): unknown => {
    if (typeof value === 'string') return value !== '' && (isSecret(path) || isSecretName(String(path.at(-1) ?? ''))) ? mask : redact(value);
    if (Array.isArray(value)) return value.map((inner, at) => hide(inner, [...path, at]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, hide(inner, [...path, name])]));
  };
  return {
    config() {
      const shown = hide(config, []);
      return { file, hash: createHash('sha256').update(JSON.stringify(shown)).digest('hex'), config: shown };
    },
    validateConfig: validate,
  };
}
