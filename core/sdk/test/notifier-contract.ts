import { PermanentError, RateLimitedError, RetryLaterError, AccessDeniedError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { AlertFact, AlertMessage, Notifier, NotifierContext, NotifierPlugin } from '../notifier.ts';
import { SDK_VERSION, type Plugin } from '../plugin.ts';
import { createTestContext, type TestContext } from './context.ts';
import type { TestScope } from './options.ts';
import { everythingShown, secretsOf } from './secrets.ts';

/** How the fake service behaves: `busy` says "too many", `unwell` that it is broken, `refuses` the message, `denies` the credentials. */
export type ServiceMood = 'well' | 'busy' | 'unwell' | 'refuses' | 'denies';

/** What {@link testNotifier} tries. */
export interface NotifierCase {
  plugin: NotifierPlugin;
  /** With the schema's defaults filled in; they lead to the fake service. */
  settings: object;
  /** Settings that lead to a closed port. */
  brokenSettings: object;
  /** Sets how the service answers from now on. */
  mood(mood: ServiceMood): void;
  /** Moods that the service does not have. */
  without?: readonly ServiceMood[];
  /** The service is for incidents alone: it hears no reports. */
  withoutReports?: boolean;
  /** What the service took since the last call, as text to look at. */
  taken(): string[];
}

/** A message for tests. */
export function sampleMessage(more: Partial<AlertMessage> = {}, alerts: readonly Partial<AlertFact>[] = [{}]): AlertMessage {
  const since = new Date('2026-01-05T08:00:00Z');
  const at = new Date('2026-01-05T08:12:00Z');
  return {
    id: '0123456789abcdef0123456789abcdef', kind: 'firing', rule: 'run-failed', severity: 'warning', source: 'erp-1', at,
    alerts: alerts.map((alert, index) => ({ id: `tds-${index}`, severity: 'warning', summary: 'the last run of invoices failed', help: 'tds runs --status failed', labels: { entity: 'invoices' }, value: 1, since, resolvedAt: more.kind === 'resolved' ? at : null, ...alert })),
    ...more,
  };
}

const nasty = 'Ünï "quoted" \\ <b>&amp; <!channel> *bold* `code` {text} ${x}\r\nSubject: forged\u0000\u202E 🚨 ';

/**
 * The definition of a notifier, as tests: registers on `t` what every one must do. Resolves when all of them have run.
 *
 * ```ts
 * t.test('the notifier contract', (t) => testNotifier(t, { plugin, settings, brokenSettings, mood, taken }));
 * ```
 */
export async function testNotifier(t: TestScope, given: NotifierCase): Promise<void> {
  const { plugin, settings, brokenSettings, mood, taken, without = [] } = given;
  const secrets = [...secretsOf(plugin as unknown as Plugin, settings), ...secretsOf(plugin as unknown as Plugin, brokenSettings)];
  const use = async <T>(t: TestScope, work: (notifier: Notifier) => Promise<T>, chosen = settings): Promise<T> => {
    const context = contextOf(chosen);
    const notifier = plugin.create(context);
    try {
      return await work(notifier);
    } finally {
      await notifier.close?.();
      showsNone(t, secrets, 'the log', context.lines);
    }
  };
  const failing = (t: TestScope, chosen = settings): Promise<Error> => use(t, (notifier) => notifier.send(sampleMessage(), AbortSignal.timeout(30_000)).then(() => new Error('it was sent'), (error: Error) => error), chosen);

  await t.test('it says what it is', async (t) => {
    t.match(plugin.id, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'its id is a word in kebab-case');
    t.same([plugin.sdk, plugin.kind], [SDK_VERSION, 'notifier'], 'it is a notifier for this SDK');
    t.ok(plugin.version !== '' && plugin.description !== '', 'it has a version and a description');
    t.match(plugin.configSchema, { type: 'object', additionalProperties: false }, 'its schema refuses unknown settings');
  });
  await t.test('create returns at once, and close is safe before use and twice', async (t) => {
    const notifier: unknown = plugin.create(contextOf(settings));
    t.notOk(notifier instanceof Promise, 'create returns the notifier, not a promise');
    await (notifier as Notifier).close?.();
    await (notifier as Notifier).close?.();
    t.same(taken(), [], 'nothing left');
  });
  await t.test('a message says what, since when, how much, and the command that helps', async (t) => {
    mood('well');
    for (const kind of ['firing', 'repeat', 'test'] as const) {
      await use(t, (notifier) => notifier.send(sampleMessage({ kind }), AbortSignal.timeout(30_000)));
      const text = taken().join('\n');
      for (const part of ['last run of invoices failed', 'tds runs --status failed', '2026-01-05']) t.ok(text.includes(part), `${kind}: ${part}`);
    }
    await use(t, (notifier) => notifier.send(sampleMessage({ kind: 'resolved' }), AbortSignal.timeout(30_000)));
    t.ok(taken().length > 0, 'its end goes out too');
  });
  await t.test('a report says what it came to, what is to be looked at, and where all of it is', async (t) => {
    mood('well');
    const report = sampleMessage({ kind: 'report', rule: 'report', document: { text: 'All is well: 3 runs\n  - invoices: 1 of 3 runs failed\ntds report 7\n', html: '<p>All is well: 3 runs</p><ul><li>invoices: 1 of 3 runs failed</li></ul><code>tds report 7</code>' } }, [
      { summary: 'All is well: 3 runs', help: 'tds report 7' }, { summary: 'invoices: 1 of 3 runs failed', help: 'tds report 7' },
    ]);
    await use(t, (notifier) => notifier.send(report, AbortSignal.timeout(30_000)));
    const text = taken().join('\n');
    if (given.withoutReports) t.equal(text, '', 'it is nothing to wake anybody by');
    else for (const part of ['All is well: 3 runs', 'invoices: 1 of 3 runs failed', 'tds report 7']) t.ok(text.includes(part), part);
  });
  await t.test('texts that look like markup, commands or headers are delivered as texts, however long and many', async (t) => {
    mood('well');
    const alerts = Array.from({ length: 100 }, (_, index) => ({ summary: nasty.repeat(30), help: nasty.repeat(10), labels: { entity: nasty }, id: `tds-${index}` }));
    for (const kind of ['firing', 'resolved'] as const) {
      await use(t, (notifier) => notifier.send(sampleMessage({ kind, severity: 'critical', source: nasty }, alerts), AbortSignal.timeout(30_000)));
      t.ok(taken().length > 0, `${kind} was taken`);
    }
  });
  await t.test('what goes wrong is told by the class that steers the host', async (t) => {
    const expected = { busy: [RateLimitedError, RetryLaterError], unwell: [RetryLaterError], refuses: [PermanentError], denies: [AccessDeniedError, PermanentError] } as const;
    for (const [name, classes] of Object.entries(expected)) {
      if (without.includes(name as ServiceMood)) continue;
      mood(name as ServiceMood);
      const error = await failing(t);
      t.ok(classes.some((one) => error instanceof one), `${name}: ${error.name} ${error.message}`);
      showsNone(t, secrets, 'the error', error);
    }
    mood('well');
    taken();
    const away = await failing(t, brokenSettings);
    t.ok(away instanceof RetryLaterError, `a closed port: ${away.name} ${away.message}`);
    showsNone(t, secrets, 'the error', away);
  });
  await t.test('told to stop before it began, it sends nothing', async (t) => {
    mood('well');
    await use(t, (notifier) => t.rejects(notifier.send(sampleMessage(), AbortSignal.abort(new Error('stop')))));
    t.same(taken(), []);
  });
}

function contextOf(settings: object): NotifierContext & Pick<TestContext, 'lines'> {
  const { http, log, clock, lines } = createTestContext({ settings, attempts: 1 });
  return { notifierId: 'test', settings: settings as JsonObject, http, log, clock, lines };
}

function showsNone(t: TestScope, secrets: readonly string[], what: string, shown: unknown): void {
  const text = everythingShown(shown);
  for (const secret of secrets) if (secret !== '' && text.includes(secret)) t.fail(`${what} shows a secret`);
}
