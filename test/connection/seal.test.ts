import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { t } from 'tap';
import { loadSealer, sealer } from '../../core/connection/seal.ts';

t.test('what is sealed opens with the same key at the same place, and nowhere else', (t) => {
  const one = sealer();
  const sealed = one.seal('تمر secret', 'token shop');
  t.notMatch(sealed.toString('latin1'), 'secret');
  t.equal(one.open(sealed, 'token shop'), 'تمر secret');
  t.equal(one.open(sealed, 'token other'), undefined);
  t.equal(sealer().open(sealed, 'token shop'), undefined);
  for (let index = 0; index < sealed.length; index++) {
    const changed = Buffer.from(sealed);
    changed[index]! ^= 1;
    t.equal(one.open(changed, 'token shop'), undefined, `byte ${index}`);
  }
  t.equal(one.open(Buffer.alloc(3), 'token shop'), undefined);
  t.end();
});

t.test('the key comes from the environment, else from a file that only its owner reads', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tds-seal-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const given = await loadSealer({ secret: 'a long passphrase', directory });
  t.equal((await loadSealer({ secret: 'a long passphrase', directory })).open(given.seal('x', 'p'), 'p'), 'x');
  t.equal((await loadSealer({ secret: 'another', directory })).open(given.seal('x', 'p'), 'p'), undefined);
  const inside = join(directory, 'data');
  const [one, two] = await Promise.all([loadSealer({ directory: inside }), loadSealer({ secret: '', directory: inside })]);
  t.equal(two.open(one.seal('x', 'p'), 'p'), 'x', 'two that start at once share it');
  t.equal(statSync(join(inside, 'secret.key')).mode & 0o777, 0o600);
  chmodSync(join(inside, 'secret.key'), 0o600);
  writeFileSync(join(inside, 'secret.key'), 'short');
  await t.rejects(loadSealer({ directory: inside }), /delete it/);
});
