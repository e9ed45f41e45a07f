import type { JsonValue } from '../json.ts';
import type { Clock, Logger, StateStore, Token, TokenStore } from '../services.ts';

/** One line that a connector logged. */
export interface LogLine { level: 'debug' | 'info' | 'warn' | 'error'; message: string; fields: Record<string, unknown> }

/** A logger that prints nothing and keeps every line, fields of parents included. */
export function createMemoryLog(lines: LogLine[], inherited: Record<string, unknown> = {}): Logger {
  const at = (level: LogLine['level']) => (message: string, fields: Record<string, unknown> = {}): void => {
    lines.push({ level, message, fields: { ...inherited, ...fields } });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: (fields) => createMemoryLog(lines, { ...inherited, ...fields }) };
}

/** State in memory; values go through JSON, as they do in the real store. */
export function createMemoryState(): StateStore {
  const values = new Map<string, string>();
  return {
    get: async (name) => {
      const text = values.get(name);
      return text === undefined ? undefined : (JSON.parse(text) as JsonValue);
    },
    set: async (name, value) => void values.set(name, JSON.stringify(value)),
    delete: async (name) => void values.delete(name),
  };
}

/** Tokens in memory, single flight, renewed a minute before their end as by the real store. */
export function createMemoryTokens(clock: Clock): TokenStore {
  const stored = new Map<string, Token>();
  const waiting = new Map<string, Promise<Token>>();
  const renew = async (name: string, refresh: () => Promise<Token>): Promise<Token> => {
    try {
      const token = await refresh();
      stored.set(name, token);
      return token;
    } finally {
      waiting.delete(name);
    }
  };
  return {
    async get(name, refresh) {
      const token = stored.get(name);
      if (token && token.expiresAt.getTime() - clock.now().getTime() > 60_000) return token;
      const going = waiting.get(name) ?? renew(name, refresh);
      if (!waiting.has(name)) waiting.set(name, going);
      return going;
    },
    reject: async (name, value) => {
      if (stored.get(name)?.value === value) stored.delete(name);
    },
  };
}
