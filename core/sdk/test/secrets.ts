import type { Plugin } from '../plugin.ts';

interface Schema { writeOnly?: boolean; properties?: Record<string, Schema>; items?: Schema }

/** The values of settings whose schema says `writeOnly`; of an address, its password too. */
export function secretsOf(plugin: Plugin, settings: object): string[] {
  return collect(plugin.configSchema as Schema, settings).flatMap((text) => [text, ...passwordOf(text)]);
}

function collect(schema: Schema, value: unknown): string[] {
  if (schema.writeOnly) return typeof value === 'string' && value !== '' ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((item) => collect(schema.items ?? {}, item));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => collect(schema.properties?.[name] ?? {}, inner));
}

function passwordOf(text: string): string[] {
  const password = URL.canParse(text) ? new URL(text).password : '';
  return password === '' ? [] : [password, decodeURIComponent(password)];
}

/** All that could be shown of a value: an error's message, stack, causes and every field, as deep as they go. */
export function everythingShown(value: unknown, seen: Set<unknown> = new Set<unknown>()): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if (seen.has(value)) return '';
  seen.add(value);
  const own = value instanceof Error ? ['name', 'message', 'stack', 'cause', ...Object.keys(value)] : Object.keys(value);
  return own.map((name) => `${name}: ${everythingShown((value as Record<string, unknown>)[name], seen)}`).join('\n');
}
