/** Makes a connector and holds it to the contract, so that a careless plugin can neither throw where it must not nor hang a check. */
import { PermanentError, isTdsError, type CheckFinding, type ConnectionContext, type Connector, type Notifier, type NotifierContext, type NotifierPlugin, type StreamUse } from '../sdk/index.ts';
import { cureOf } from './codes.ts';
import type { LoadedPlugin } from './discover.ts';

/**
 * The connector of one connection. Its `check` never throws and ends when its signal aborts; its `close` never throws and acts once.
 * @throws PermanentError with the plugin's id and the connection's: the error's own code where the plugin threw one of the SDK, else
 * `host.create_failed`
 */
export function createConnector({ id, plugin }: LoadedPlugin, context: ConnectionContext): Connector {
  const connector = make(id, () => plugin.create(context), context.connectionId);
  const { source, destination, webhook } = connector;
  let closing: Promise<void> | undefined;
  return {
    check: (signal, uses) => guardedCheck(id, connector, context, signal, uses),
    ...(source === undefined ? {} : { source }),
    ...(destination === undefined ? {} : { destination }),
    ...(webhook === undefined ? {} : { webhook }),
    close: () => (closing ??= guardedClose(id, connector, context)),
  };
}

/** The notifier of one entry of `notifiers`; its `close` never throws and acts once. @throws PermanentError as {@link createConnector} does */
export function createNotifier({ id, plugin }: LoadedPlugin<NotifierPlugin>, context: NotifierContext): Notifier {
  const notifier = make<Notifier>(id, () => plugin.create(context), context.notifierId, (made) => (
    typeof made === 'object' && made !== null && typeof (made as Partial<Notifier>).send === 'function' ? undefined : 'returned no notifier: it has no send()'));
  let closing: Promise<void> | undefined;
  return { send: async (message, signal) => notifier.send(message, signal), close: () => (closing ??= guardedClose(id, notifier, context)) };
}

function make<T = Connector>(pluginId: string, create: () => unknown, connectionId: string, faultOf: (made: unknown) => string | undefined = faultOfConnector): T {
  const details = { plugin: pluginId, connection: connectionId };
  let made: unknown;
  try {
    made = create();
  } catch (cause) {
    const told = isTdsError(cause) ? cause : undefined;
    throw new PermanentError(told?.code ?? 'host.create_failed', `plugin ${pluginId} could not set up connection ${connectionId}: ${messageOf(cause)}`, { cause, suggestion: told?.suggestion ?? cureOf('host.create_failed'), details });
  }
  const fault = faultOf(made);
  if (fault === undefined) return made as T;
  // A promise that nobody waits for must not end the process when it fails.
  if (made instanceof Promise) made.catch(() => undefined);
  throw new PermanentError('host.create_failed', `plugin ${pluginId} could not set up connection ${connectionId}: create ${fault}`, { suggestion: cureOf('host.create_failed'), details });
}

const sourceParts = ['streams', 'describe', 'read'];
const destinationParts = ['inspect', 'prepare', 'write'];
const webhookParts = ['supports', 'sign', 'read', 'write', 'steps'];

function faultOfConnector(made: unknown): string | undefined {
  if (typeof made !== 'object' || made === null) return `returned ${made === null ? 'null' : typeof made}, not a connector`;
  if ('then' in made) return 'returned a promise; it must do no I/O and return at once';
  const connector = made as Record<string, unknown>;
  if (typeof connector['check'] !== 'function') return 'returned a connector without check()';
  if (connector['close'] !== undefined && typeof connector['close'] !== 'function') return 'returned a connector whose close is no function';
  return missingPart(connector, 'source', sourceParts) ?? missingPart(connector, 'destination', destinationParts) ?? missingPart(connector, 'webhook', webhookParts);
}

function missingPart(connector: Record<string, unknown>, side: string, parts: readonly string[]): string | undefined {
  const value = connector[side];
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null) return `returned a connector whose ${side} is no object`;
  const missing = parts.filter((part) => typeof (value as Record<string, unknown>)[part] !== 'function');
  return missing.length === 0 ? undefined : `returned a connector whose ${side} lacks ${missing.map((part) => `${part}()`).join(', ')}`;
}

async function guardedCheck(pluginId: string, connector: Connector, context: ConnectionContext, signal: AbortSignal, uses?: readonly StreamUse[]): Promise<CheckFinding[]> {
  const aborted = Promise.withResolvers<CheckFinding[]>();
  const onAbort = (): void => aborted.resolve([{ probe: `plugin ${pluginId}`, ok: false, code: 'host.check_timeout', message: `the check did not end in time. ${cureOf('host.check_timeout')}` }]);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([checked(pluginId, connector, context, signal, uses), aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function checked(pluginId: string, connector: Connector, context: ConnectionContext, signal: AbortSignal, uses?: readonly StreamUse[]): Promise<CheckFinding[]> {
  try {
    const findings: unknown = await connector.check(signal, uses);
    if (Array.isArray(findings)) return findings as CheckFinding[];
    throw new TypeError('check() did not answer with a list of findings');
  } catch (error) {
    context.log.debug('the check of a plugin threw', { plugin: pluginId, error });
    const told = isTdsError(error) ? error : undefined;
    return [{ probe: `plugin ${pluginId}`, ok: false, code: told?.code ?? 'host.check_failed', message: [messageOf(error), told?.suggestion].filter(Boolean).join('. ') }];
  }
}

async function guardedClose(pluginId: string, connector: Pick<Connector, 'close'>, context: Pick<ConnectionContext, 'log'>): Promise<void> {
  try {
    await connector.close?.();
  } catch (error) {
    context.log.warn('a plugin threw while it was closed', { plugin: pluginId, error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
