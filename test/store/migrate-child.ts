/** A node that migrates: URL and directory as arguments. Waits for a line on its input, so that several go at once; tells what it applied. */
import { migrate, migrateQueue } from '../../core/store/migrate.ts';
import { createPool } from '../../core/store/pool.ts';

const [, , url = '', directory = ''] = process.argv;
const pool = createPool({ url, schema: 'tds', max: 2 });
await pool.query('SELECT 1');
console.log('waiting');
process.stdin.once('data', () => {
  void (async () => {
    const applied = await migrate({ pool, directory });
    await migrateQueue({ pool });
    await pool.end();
    console.log(JSON.stringify({ applied }));
    process.exit(0);
  })();
});
