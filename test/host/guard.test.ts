import t from 'tap';
import { createConnector, type LoadedPlugin } from '../../core/host/index.ts';
import { AccessDeniedError, PermanentError, SDK_VERSION, type Connector } from '../../core/sdk/index.ts';
import { createTestContext } from '../../core/sdk/test/index.ts';

const loaded = (create: () => unknown): LoadedPlugin => ({
  id: 'shop', file: 'shop.ts',
  plugin: { id: 'shop', version: '1', sdk: SDK_VERSION, kind: 'connector', description: '', configSchema: {}, create: create as () => Connector },
});
const made = (create: () => unknown) => createConnector(loaded(create), createTestContext({ connectionId: 'books' }));
const good = { check: async () => [{ probe: 'all', ok: true, message: 'fine' }] };
const never = new AbortController().signal;

t.test('what create throws names the plugin and the connection, and keeps the cause', async (t) => {
  const cause = new TypeError('x is not a function');
  t.throws(() => made(() => { throw cause; }), { name: 'PermanentError', code: 'host.create_failed', message: /plugin shop.*connection books.*x is not a function/, cause });
  t.throws(() => made(() => { throw new AccessDeniedError('shop.no_key', 'no key', { suggestion: 'give one' }); }), { code: 'shop.no_key', message: /shop.*books.*no key/, suggestion: 'give one' });
});

for (const [what, value, reason] of [
  ['a promise', Promise.reject(new Error('nobody waits for this')), /promise/], ['nothing', undefined, /undefined/], ['null', null, /null/], ['no check', {}, /check/],
  ['half a source', { ...good, source: { streams: () => [] } }, /source lacks describe\(\), read\(\)/], ['half a destination', { ...good, destination: {} }, /destination lacks/],
  ['a close that is none', { ...good, close: 1 }, /close/],
] as const) {
  t.test(`a connector that is ${what} is refused`, async (t) => {
    t.throws(() => made(() => value), { name: 'PermanentError', code: 'host.create_failed', message: reason });
  });
}

t.test('check never throws', async (t) => {
  t.match(await made(() => good).check(never), [{ ok: true }]);
  t.match(await made(() => ({ check: async () => { throw new Error('lost'); } })).check(never), [{ probe: 'plugin shop', ok: false, code: 'host.check_failed', message: /lost/ }]);
  t.match(await made(() => ({ check: () => { throw new PermanentError('shop.bad', 'bad', { suggestion: 'mend it' }); } })).check(never), [{ ok: false, code: 'shop.bad', message: /bad\. mend it/ }]);
  t.match(await made(() => ({ check: async () => 'fine' })).check(never), [{ ok: false, code: 'host.check_failed' }]);
});

t.test('a check that ignores its signal ends all the same', async (t) => {
  const stop = new AbortController();
  const checking = made(() => ({ check: () => new Promise(() => {}) })).check(stop.signal);
  stop.abort();
  t.match(await checking, [{ ok: false, code: 'host.check_timeout' }]);
  t.match(await made(() => ({ check: () => new Promise(() => {}) })).check(AbortSignal.abort()), [{ code: 'host.check_timeout' }]);
});

t.test('close acts once and never throws', async (t) => {
  let closed = 0;
  const connector = made(() => ({ ...good, close: async () => { closed += 1; throw new Error('late'); } }));
  await Promise.all([connector.close?.(), connector.close?.()]);
  await connector.close?.();
  t.equal(closed, 1);
  await made(() => good).close?.();
});

t.test('methods of a connector keep their this', async (t) => {
  class Shop {
    probe = 'mine';
    async check() { return [{ probe: this.probe, ok: true, message: '' }]; }
  }
  t.match(await made(() => new Shop()).check(never), [{ probe: 'mine' }]);
});
