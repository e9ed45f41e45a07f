import { t } from 'tap';
import { hostsOf } from '../../core/connection/connection.ts';
import { hostGuard, isInsideAddress } from '../../core/connection/host-guard.ts';
import { connect, remote, reply } from './support.ts';

type Lookup = NonNullable<Parameters<typeof hostGuard>[1]>;

/** DNS that answers from a list. */
const dns = ((host: string, options: { all?: boolean }, callback: (...values: unknown[]) => void) => {
  const known: Record<string, string[]> = { 'outside.example': ['93.184.215.14'], 'inside.example': ['10.1.2.3'], 'mixed.example': ['93.184.215.14', '::ffff:127.0.0.1'] };
  const addresses = (known[host] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  if (addresses.length === 0) return callback(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }));
  return options.all === true ? callback(null, addresses) : callback(null, addresses[0]!.address, addresses[0]!.family);
}) as unknown as Lookup;

function lookup(guard: ReturnType<typeof hostGuard>, host: string, all = true): Promise<unknown> {
  return new Promise((resolve, reject) => guard.lookup(host, { all }, (error, address) => (error ? reject(error) : resolve(address))));
}

t.test('addresses inside the house are told from those outside, in every notation', (t) => {
  for (const address of ['127.0.0.1', '127.8.9.1', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254', '0.0.0.0', '100.64.0.1', '224.0.0.1', '255.255.255.255', '::1', '::', 'fe80::1', 'fc00::1', 'fd12::1', '::ffff:10.0.0.1', '::ffff:7f00:1', '::7f00:1', '64:ff9b::7f00:1', '2002:7f00:1::', 'nonsense']) {
    t.ok(isInsideAddress(address), address);
  }
  for (const address of ['93.184.215.14', '8.8.8.8', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8']) t.notOk(isInsideAddress(address), address);
  t.end();
});

t.test('a host is refused when any of its addresses lies inside, and connected to what was checked', async (t) => {
  const guard = hostGuard([], dns);
  t.strictSame(await lookup(guard, 'outside.example'), [{ address: '93.184.215.14', family: 4 }]);
  t.equal(await lookup(guard, 'outside.example', false), '93.184.215.14');
  await t.rejects(lookup(guard, 'inside.example'), { code: 'http.forbidden_address' });
  await t.rejects(lookup(guard, 'mixed.example'), { code: 'http.forbidden_address' });
  await t.rejects(lookup(guard, 'gone.example'), { code: 'ENOTFOUND' });
});

t.test('a host that the config names may lie anywhere', async (t) => {
  const guard = hostGuard(['Inside.Example', '127.0.0.1', '[::1]'], dns);
  t.strictSame(await lookup(guard, 'inside.example'), [{ address: '10.1.2.3', family: 4 }]);
  guard.check('127.0.0.1');
  guard.check('[::1]');
  t.throws(() => guard.check('127.0.0.2'), { code: 'http.forbidden_address' });
  t.throws(() => guard.check('169.254.169.254'), { code: 'http.forbidden_address' });
  t.throws(() => guard.check('[::ffff:127.0.0.1]'), { code: 'http.forbidden_address' });
  t.end();
});

t.test('a call to an address inside is refused for good, however it is written, before anything is sent', async (t) => {
  const { port, requests } = await remote(t, reply(200));
  const { http } = connect(t, { allowedHosts: [] });
  for (const host of ['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', '0']) {
    await t.rejects(http.send({ url: `http://${host}:${port}/` }), { code: 'http.forbidden_address', name: 'PermanentError' }, host);
  }
  t.equal(requests.length, 0);
  t.equal((await connect(t, { allowedHosts: ['localhost'] }).http.send({ url: `http://localhost:${port}/` })).status, 200);
});

t.test('the hosts that settings name are found at any depth', (t) => {
  t.strictSame(hostsOf({ accountsUrl: 'http://127.0.0.1:8081', a: [{ b: 'https://API.example/x' }], text: 'see http://other', none: null }), ['127.0.0.1', 'api.example']);
  t.end();
});
