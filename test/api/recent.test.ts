import t from 'tap';
import { recent, recentOf } from '../../core/api/recent.ts';

t.test('what is costly is counted once for all who ask, and never told when it is old', async (t) => {
  let now = 0;
  let counts = 0;
  let release = Promise.withResolvers<void>();
  const ask = recent(async () => {
    const mine = (counts += 1);
    await release.promise;
    return mine;
  }, () => now);
  const [one, two] = [ask(), ask()];
  release.resolve();
  t.same(await Promise.all([one, two]), [1, 1]);
  now = 4999;
  t.equal(await ask(), 1);
  t.equal(counts, 1);
  now = 8000;
  release = Promise.withResolvers<void>();
  t.same([await ask(), await ask(), counts], [1, 1, 2], 'told as it was, while it is counted anew');
  release.resolve();
  await new Promise((resolve) => { setImmediate(resolve); });
  t.equal(await ask(), 2);
  now = 19_000;
  t.equal(await ask(), 3, 'an old one is not told');
});

t.test('a count that fails is told to who waits, and tried again', async (t) => {
  let fail = true;
  const ask = recent(async () => {
    if (fail) throw new Error('away');
    return 1;
  });
  await t.rejects(ask(), { message: 'away' });
  fail = false;
  t.equal(await ask(), 1);
});

t.test('what takes long to count is counted less often', async (t) => {
  let now = 0;
  let counts = 0;
  const ask = recent(async () => {
    now += 3000;
    return counts += 1;
  }, () => now);
  t.equal(await ask(), 1);
  now = 59_000;
  t.same([await ask(), counts], [1, 1], 'a count of three seconds is good for a minute');
  now = 61_000;
  t.same([await ask(), counts], [1, 2], 'then it is counted anew beside the answer');
  await new Promise((resolve) => { setImmediate(resolve); });
  now = 400_000;
  t.equal(await ask(), 3, 'and what is older than two is not told');
});

t.test('of several questions each is counted for itself, and of very many the one that was asked least lately again', async (t) => {
  const counted: string[] = [];
  const ask = recentOf((name: string) => name, async (name) => {
    counted.push(name);
    return name.toUpperCase();
  }, () => 0);
  t.same([await ask('a'), await ask('b'), await ask('a')], ['A', 'B', 'A']);
  t.same(counted, ['a', 'b']);
  for (let at = 0; at < 99; at += 1) await ask(String(at));
  await ask('a');
  t.equal(counted.filter((name) => name === 'a').length, 1, 'it was asked later than b');
  await ask('b');
  t.equal(counted.filter((name) => name === 'b').length, 2);
});
