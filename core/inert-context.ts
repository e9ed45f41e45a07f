import { TdsError, type ConnectionContext, type JsonObject, type Logger } from './sdk/index.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/**
 * A context that can do nothing, for connectors that are only asked for their streams. A plugin that breaks the contract
 * and does I/O in `create` or `describe` is told so instead of reaching out during a validation.
 */
export function inertContext(connectionId: string, settings: JsonObject): ConnectionContext {
  const refuse = (what: string): never => {
    throw new TdsError('host.io_too_early', `the plugin of "${connectionId}" used ${what} while it was only asked for its streams`, {
      suggestion: 'create() and describe() must not do any I/O.',
    });
  };
  return {
    connectionId, settings, log: silent,
    http: { send: async () => refuse('the network') },
    tokens: { get: async () => refuse('a token'), reject: async () => refuse('a token') },
    state: { get: async () => refuse('its state'), set: async () => refuse('its state'), delete: async () => refuse('its state') },
    cache: { read: async () => refuse('its cache') },
    clock: { now: () => new Date(), sleep: async () => refuse('the clock') },
    database: { transaction: async () => refuse('the database') },
  };
}
