import type { Destination, TableWrite } from '../destination.ts';
import type { DatabaseAccess } from '../services.ts';
import { testHostile } from './destination-hostile.ts';
import { testInspect } from './destination-inspect.ts';
import { testPrepare } from './destination-prepare.ts';
import { testWrite } from './destination-write.ts';
import type { DestinationCase, TestScope } from './options.ts';
import type { WithConnector } from './source-contract.ts';
import { createTables, quote } from './tables.ts';
import type { WithDestination } from './destination-scope.ts';

/** What every destination must do. */
export async function testDestination(t: TestScope, { database, schema = 'contract' }: DestinationCase, withConnector: WithConnector): Promise<void> {
  const tables = createTables(database, schema);
  await tables.run(`create schema if not exists ${quote(schema)}`);
  const withDestination: WithDestination = (use) => withConnector(async ({ destination }) => {
    if (!destination) throw new Error('the connector has no destination');
    await use({ destination, tables, write: (...writes) => writeAsHost(destination, database, writes) });
  });
  await t.test('prepare', (t) => testPrepare(t, withDestination));
  await t.test('write', (t) => testWrite(t, withDestination));
  await t.test('hostile names and values', (t) => testHostile(t, withDestination));
  await t.test('inspect', (t) => testInspect(t, withDestination));
}

async function writeAsHost(destination: Destination, database: DatabaseAccess, writes: TableWrite[]): Promise<void> {
  if (destination.transactional) await database.transaction((session) => destination.write(writes, session));
  else await destination.write(writes, undefined);
}
