import { AccessDeniedError, RetryLaterError } from '../errors.ts';
import type { Connector, ConnectionContext } from '../plugin.ts';
import { SDK_VERSION } from '../plugin.ts';
import { createTestContext, type TestContext } from './context.ts';
import { testDestination } from './destination-contract.ts';
import type { ConnectorCase, TestScope } from './options.ts';
import { everythingShown, secretsOf } from './secrets.ts';
import { testSource, type WithConnector } from './source-contract.ts';
import { testWebhook } from './webhook-contract.ts';

/**
 * The definition of a connector, as tests: registers on `t` what every one must do. Resolves when all of them have run.
 *
 * ```ts
 * t.test('the connector contract', (t) => testConnector(t, { plugin, settings: { … }, source: { streams: [{ stream: 'items' }] } }));
 * ```
 */
export async function testConnector(t: TestScope, given: ConnectorCase): Promise<void> {
  const { plugin } = given;
  const secrets = given.secrets ?? secretsOf(plugin, given.settings);
  const withConnector = (t: TestScope, settings: object = given.settings): WithConnector => async (use) => {
    const context = createTestContext({ ...given.context, settings });
    const connector = plugin.create(context);
    try {
      await use(connector, context);
    } catch (error) {
      assertNoSecret(t, secrets, 'the error', error);
      throw error;
    } finally {
      await connector.close?.();
      assertNoSecret(t, secrets, 'the log', context.lines);
    }
  };
  await testPlugin(t, given);
  await t.test('check answers with findings and never throws', (t) => testCheck(t, given, withConnector, secrets));
  const { source, destination } = given;
  if (source) await t.test('as a source', (t) => testSource(t, source, withConnector(t)));
  if (source && plugin.create(createTestContext({ ...given.context, settings: given.settings })).webhook) await t.test('messages about its changes', (t) => testWebhook(t, source.streams, withConnector(t)));
  if (destination) await t.test('as a destination', (t) => testDestination(t, destination, withConnector(t)));
}

async function testPlugin(t: TestScope, { plugin, settings, context }: ConnectorCase): Promise<void> {
  await t.test('it says what it is', async (t) => {
    t.match(plugin.id, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'its id is a word in kebab-case');
    t.equal(plugin.sdk, SDK_VERSION, 'it is written for this SDK');
    t.ok(plugin.version !== '' && plugin.description !== '', 'it has a version and a description');
    t.match(plugin.configSchema, { type: 'object', additionalProperties: false }, 'its schema refuses unknown settings');
  });
  await t.test('create returns at once and does no I/O, and close is safe before use and twice', async (t) => {
    const made = createTestContext({ ...context, settings });
    const touched: string[] = [];
    const connector: unknown = plugin.create(withoutOutside(made, touched));
    t.notOk(connector instanceof Promise, 'create returns the connector, not a promise');
    // What create might have set off without waiting for it would show by now.
    await new Promise((resolve) => setTimeout(resolve, 20));
    t.same(touched, [], 'nothing outside was touched');
    await (connector as Connector).close?.();
    await (connector as Connector).close?.();
    t.pass('closed twice');
  });
}

async function testCheck(t: TestScope, given: ConnectorCase, withConnector: (t: TestScope, settings?: object) => WithConnector, secrets: readonly string[]): Promise<void> {
  await withConnector(t)(async (connector) => {
    const uses = (given.source?.streams ?? []).map(({ stream, options = {} }) => ({ stream, options }));
    const findings = [...await connector.check(AbortSignal.timeout(30_000)), ...await connector.check(AbortSignal.timeout(30_000), uses)];
    t.ok(findings.length > 0, 'something was probed');
    t.same(findings.filter(({ ok }) => !ok), [], 'everything is in order');
    assertNoSecret(t, secrets, 'a finding', findings);
    const stopped = await connector.check(AbortSignal.abort(new Error('stop')));
    t.ok(Array.isArray(stopped), 'told to stop, it still answers with findings');
  });
  for (const error of [new RetryLaterError('test.unwell', 'the remote is unwell'), new AccessDeniedError('test.denied', 'the credentials are refused'), new TypeError('a fault of somebody')]) {
    const context = createTestContext({ ...given.context, settings: given.settings });
    const connector = plugin(given, failing(context, error));
    const findings = await connector.check(AbortSignal.timeout(30_000));
    t.ok(Array.isArray(findings), `${error.name} outside ends as a finding`);
    await connector.close?.();
  }
  const { brokenSettings } = given;
  if (!brokenSettings) return;
  await withConnector(t, brokenSettings)(async (connector) => {
    const faults = (await connector.check(AbortSignal.timeout(30_000))).filter(({ ok }) => !ok);
    t.ok(faults.length > 0, 'settings that lead nowhere are told');
    t.ok(faults.every(({ code, message }) => Boolean(code) && message !== ''), 'with a code and a message');
    assertNoSecret(t, [...secrets, ...secretsOf(given.plugin, brokenSettings)], 'a finding', faults);
  });
}

function plugin({ plugin }: ConnectorCase, context: ConnectionContext): Connector {
  return plugin.create(context);
}

/** Every way out fails with this error. */
function failing(context: TestContext, error: Error): ConnectionContext {
  const fail = (): Promise<never> => Promise.reject(error);
  return { ...context, http: { send: fail }, database: { transaction: fail } };
}

/** Every way out is written down. */
function withoutOutside(context: TestContext, touched: string[]): ConnectionContext {
  const watch = <T extends object>(name: string, service: T): T => new Proxy(service, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property);
      if (typeof value !== 'function') return value;
      return (...values: unknown[]): unknown => {
        touched.push(`${name}.${String(property)}`);
        return Reflect.apply(value, target, values);
      };
    },
  });
  return { ...context, http: watch('http', context.http), tokens: watch('tokens', context.tokens), state: watch('state', context.state), database: watch('database', context.database) };
}

function assertNoSecret(t: TestScope, secrets: readonly string[], what: string, shown: unknown): void {
  const text = everythingShown(shown);
  for (const secret of secrets) if (secret !== '' && text.includes(secret)) t.fail(`${what} shows a secret`);
}
