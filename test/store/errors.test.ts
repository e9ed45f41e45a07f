import { test } from 'tap';
import { databaseErrorKind, isTransientDatabaseError, StoreError } from '../../core/store/errors.ts';
import { checkAddress } from '../../core/store/open-database.ts';

const coded = (code: string): Error => Object.assign(new Error('x'), { code });

test('an error says whether to wait, to try again, or to give up', async (t) => {
  const kinds = {
    unavailable: ['57P01', '57P02', '57P03', '53300', '53100', '53200', '08006', '08003', '08P01', '25006', 'ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND'],
    conflict: ['40001', '40P01', '55P03'],
    timeout: ['57014'],
    permanent: ['23505', '42P01', '22P02', '28P01', '3D000', 'ENOENT'],
  } as const;
  for (const [kind, codes] of Object.entries(kinds)) for (const code of codes) t.equal(databaseErrorKind(coded(code)), kind, code);
  const lost = ['Connection terminated unexpectedly', 'Connection terminated due to connection timeout', 'Client has encountered a connection error and is not queryable', 'timeout exceeded when trying to connect', 'Query read timeout'];
  for (const message of lost) t.equal(databaseErrorKind(new Error(message)), 'unavailable', message);
  t.equal(databaseErrorKind(new AggregateError([coded('ENOENT'), coded('ECONNREFUSED')])), 'unavailable');
  t.equal(databaseErrorKind(new Error('outer', { cause: coded('40001') })), 'conflict');
  for (const odd of [undefined, null, 'text', 7, new Error('mapping failed')]) t.equal(isTransientDatabaseError(odd), false);
  const loop = new Error('loop');
  loop.cause = loop;
  t.equal(isTransientDatabaseError(loop), false);
});

test('an error of the store has a code, a message and the cure', async (t) => {
  const error = new StoreError('store.literal', 'It is bad.', 'Mend it.', { cause: 'why' });
  t.match(error, { code: 'store.literal', suggestion: 'Mend it.', message: 'It is bad.', cause: 'why', name: 'StoreError' });
});

test('an address that is none, or that names several hosts, is refused without being repeated', async (t) => {
  for (const bad of ['postgres//u:canary@host/db', 'mysql://u:canary@host/db', 'host=a password=canary', 'postgres://u:canary@a:5432,b:5432/db', 'postgres://u:canary@a,b/db?target_session_attrs=read-write', 'postgres:///db?password=canary&host=a,b']) {
    const error = t.throws(() => checkAddress(bad), { code: 'store.address' }, bad) as unknown as Error & { suggestion: string };
    t.notMatch(`${error.message} ${error.suggestion}`, /canary/);
    t.equal(/several hosts/.test(error.message), bad.includes(','), bad);
  }
  for (const good of ['postgres://u:p@host:5432/db', 'postgresql://u@[::1]/db?options=-c%20work_mem=5MB,x', 'postgres://u:a%2Cb@host/db', 'postgres:///db?host=/var/run/postgresql']) checkAddress(good);
});
