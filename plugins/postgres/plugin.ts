/** PostgreSQL as a destination: TDS's own database, or any other one by its address. */
import { SDK_VERSION, definePlugin } from 'tds/sdk';
import { checkDatabase } from './check.ts';
import { createDestination } from './destination.ts';
import { createOwnDatabase, placeOf } from './own-database.ts';

/** `with:` of a connection, defaults filled in. */
export interface PostgresSettings {
  /** Absent or empty: TDS's own database, where rows, raw records and positions commit together. */
  url?: string;
  schema: string;
  poolSize: number;
  createSchema: boolean;
}

const configSchema = {
  type: 'object',
  title: 'PostgreSQL',
  description: 'Where tables are written.',
  additionalProperties: false,
  properties: {
    url: { type: 'string', default: '', writeOnly: true, description: 'The address of the database. Empty: TDS\'s own database, where rows and positions commit together; for any other one rows commit first, and a repeat changes nothing.', examples: ['postgres://user:password@db.example.com:5432/erp'] },
    schema: { type: 'string', default: 'public', minLength: 1, maxLength: 63, description: 'The schema of tables that are named without one.', examples: ['erp'] },
    poolSize: { type: 'integer', default: 4, minimum: 1, maximum: 100, unit: 'sessions', description: 'Sessions at the same time, where `url` is given. TDS\'s own database has its own pool.' },
    createSchema: { type: 'boolean', default: true, description: 'Make a schema that is missing when the first managed table is made in it.' },
  },
} as const;

export default definePlugin<PostgresSettings>({
  id: 'postgres',
  version: '1.0.0',
  sdk: SDK_VERSION,
  kind: 'connector',
  description: 'Writes tables of a PostgreSQL (14 or newer), in sets.',
  configSchema,
  create({ settings, database: tdsDatabase, log }) {
    const { schema, createSchema, url } = settings;
    const own = url ? createOwnDatabase({ url, poolSize: settings.poolSize }, log) : undefined;
    const database = own ?? tdsDatabase;
    return {
      check: (signal) => checkDatabase({ database, schema, createSchema }, signal),
      destination: createDestination({ database, transactional: own === undefined, place: url ? placeOf(url) : undefined, schema, createSchema }),
      close: async () => own?.close(),
    };
  },
});
