/** Holds a default export against the contract of a plugin. */
import { SDK_VERSION, type NotifierPlugin, type Plugin } from '../sdk/index.ts';
import { Sources, checkAgainstSchema, type SettingSchema } from '../config/index.ts';
import type { HostCode } from './codes.ts';

/** What is wrong with a default export. */
export interface ShapeFault { readonly code: HostCode; readonly reason: string }

const kinds: readonly string[] = ['connector', 'notifier'];
const idShape = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/** The plugin, or what keeps the export from being one. A plugin for another SDK is told so first: the rest may differ rightly. */
export function checkShape(exported: unknown): { plugin: Plugin | NotifierPlugin } | { fault: ShapeFault } {
  if (exported === undefined) return { fault: { code: 'host.no_default_export', reason: 'the file has no default export' } };
  if (typeof exported !== 'object' || exported === null) {
    return { fault: { code: 'host.no_default_export', reason: `the default export is ${exported === null ? 'null' : `a ${typeof exported}`}, not a plugin` } };
  }
  const plugin = exported as Partial<Record<keyof Plugin, unknown>>;
  const fault = faultOf(plugin);
  return fault ? { fault } : { plugin: exported as Plugin | NotifierPlugin };
}

function faultOf(plugin: Partial<Record<keyof Plugin, unknown>>): ShapeFault | undefined {
  if (plugin.sdk === undefined) return bad('has no "sdk"; write sdk: SDK_VERSION');
  if (typeof plugin.sdk !== 'number' || Math.floor(plugin.sdk) !== Math.floor(SDK_VERSION)) return { code: 'host.sdk_version', reason: `it was written for SDK ${show(plugin.sdk)}, this TDS has SDK ${SDK_VERSION}` };
  if (typeof plugin.id !== 'string' || !idShape.test(plugin.id)) return bad(`its id ${show(plugin.id)} is not a word in kebab-case, such as "my-shop"`);
  if (typeof plugin.version !== 'string' || plugin.version === '') return bad('has no "version" (text, for people)');
  if (typeof plugin.kind !== 'string' || !kinds.includes(plugin.kind)) return bad(`its kind is ${show(plugin.kind)}; this TDS knows ${kinds.map(show).join(', ')}`);
  if (typeof plugin.description !== 'string') return bad('has no "description" (one line, for people)');
  if (typeof plugin.create !== 'function') return bad('has no function "create"');
  if (plugin.signIn !== undefined && typeof plugin.signIn !== 'function') return bad('has a "signIn" that is no function');
  if (plugin.account !== undefined && typeof plugin.account !== 'function') return bad('has an "account" that is no function');
  return faultOfDefaults(plugin.defaults) ?? faultOfSchema(plugin.configSchema);
}

function faultOfSchema(schema: unknown): ShapeFault | undefined {
  if (typeof schema !== 'object' || schema === null) return badSchema('there is none');
  const { type, additionalProperties } = schema as { type?: unknown; additionalProperties?: unknown };
  if (type !== 'object') return badSchema(`its type is ${show(type)}, not "object"`);
  if (additionalProperties !== false) return badSchema('it lacks additionalProperties: false, without which a mistyped setting would go unnoticed');
  try {
    checkAgainstSchema({}, schema as SettingSchema, [], new Sources('configSchema'));
  } catch (error) {
    return badSchema(error instanceof Error ? error.message : String(error));
  }
  return undefined;
}

function faultOfDefaults(defaults: unknown): ShapeFault | undefined {
  if (defaults === undefined) return undefined;
  if (typeof defaults !== 'object' || defaults === null) return bad('its "defaults" are not an object');
  for (const [section, values] of Object.entries(defaults)) {
    if (!['limits', 'retry', 'timeout', 'cache'].includes(section)) return bad(`its defaults have ${show(section)}; there are limits, retry, timeout, cache`);
    if (section === 'cache') {
      if (!areAll((values as { times?: unknown }).times, (time) => typeof time === 'number' && time >= 0)) return bad('its default cache.times are not milliseconds by stream');
      if (!areAll((values as { sameAs?: unknown }).sameAs, (stream) => typeof stream === 'string')) return bad('its default cache.sameAs are not streams by stream');
      continue;
    }
    for (const [name, value] of Object.entries((values ?? {}) as object)) {
      if (typeof value !== 'number' || !(value >= 0)) return bad(`its default ${section}.${name} is ${show(value)}, not a number`);
    }
  }
  return undefined;
}

/** Whether every member of a map is so; an absent map has none. */
function areAll(map: unknown, holds: (value: unknown) => boolean): boolean {
  return map === undefined || (typeof map === 'object' && map !== null && Object.values(map).every(holds));
}

function bad(reason: string): ShapeFault {
  return { code: 'host.bad_plugin', reason: reason.startsWith('its') ? reason : `it ${reason}` };
}

function badSchema(reason: string): ShapeFault {
  return { code: 'host.bad_schema', reason: `its configSchema can't be used: ${reason}` };
}

function show(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 80) ?? String(value);
}
