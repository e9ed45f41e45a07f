/** Names in the config that try to be SQL become names, or are refused; nothing else comes into being, and nothing goes. */
import t from 'tap';
import { load } from '../config/memory-files.ts';
import { openCorridor } from '../support/corridor.ts';
import { MemorySource } from '../support/memory-source.ts';

const hostile = [
  'x"; DROP TABLE tds.runs; --', "x'; DROP SCHEMA tds CASCADE; --", '"; CREATE TABLE public.owned (a int); --', '$1', '%I %L %s', 'a") ; SELECT pg_sleep(9); --', 'select', 'ctid ', 'naïve 🦊', '\\', "E'\\x00'", 'xmin2', '${TDS}'.replace('$', '$$'),
];

/** Everything that a database has of its own: schemas, relations, columns, functions, roles. */
const objects = `
  SELECT 'schema ' || nspname AS name FROM pg_namespace WHERE nspname !~ '^pg_' UNION ALL
  SELECT 'relation ' || c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') UNION ALL
  SELECT 'column ' || a.attrelid::regclass::text || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped UNION ALL
  SELECT 'function ' || p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' UNION ALL
  SELECT 'role ' || rolname FROM pg_roles WHERE rolname !~ '^pg_'`;

t.test('only declared objects exist afterwards, whatever a name in the YAML looks like', async (t) => {
  const source = new MemorySource();
  for (let id = 1; id <= 3; id += 1) source.put({ id: String(id), name: 'n', modified: '2026-01-01T00:00:00Z', lines: [{ no: 1, text: 'a' }] });
  const corridor = await openCorridor(t, source);
  await corridor.run('full');
  let worked = 0;
  for (const [at, name] of hostile.entries()) {
    const quoted = JSON.stringify(name);
    const [table, lines] = [JSON.stringify(`erp."${name.replaceAll('"', '""')}"`), JSON.stringify(`erp."${`${name} lines`.replaceAll('"', '""')}"`)];
    const yaml = `connections:\n  source: { plugin: memory }\n  erp: { plugin: postgres }\nentities:\n  things:\n    from: { connection: source, stream: things }\n    to: { connection: erp, table: ${table} }\n    key: id\n`
      + `    fields: { id: id, ${quoted}: name }\n    children:\n      lines: { from: lines, table: ${lines}, key: no, fields: { no: no, ${quoted}: text } }\n    deletes: { mode: mark, column: ${JSON.stringify(`${name} gone`)} }\n`;
    const { config, findings } = load(yaml);
    if (!config) {
      t.ok(findings.length > 0, `${name} is refused, and told why`);
      continue;
    }
    const before = new Set((await corridor.rows(objects)).map((row) => String(row['name'])));
    corridor.remap({ ...(config.entities['things'] as object), batchSize: 4 });
    const outcome = await corridor.run('replay').then((run) => run.status, (error: Error) => error.message);
    const after = new Set((await corridor.rows(objects)).map((row) => String(row['name'])));
    t.same([...before].filter((each) => !after.has(each)), [], `${name}: nothing went`);
    const came = [...after].filter((each) => !before.has(each));
    t.same(came.filter((each) => !/^(relation|column) erp\./.test(each)), [], `${name}: nothing came outside of the schema that is written`);
    t.ok(came.filter((each) => each.startsWith('relation ')).length <= 2, `${name}: no more than its table and that of its lines`);
    if (outcome === 'succeeded') worked += 1;
    t.equal((await corridor.rows('SELECT count(*)::int AS n FROM records'))[0]?.['n'], 3, `${at}: what is stored is still there`);
  }
  t.ok(worked > hostile.length / 2, `${worked} of ${hostile.length} are names like any other`);
});
