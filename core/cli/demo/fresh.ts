import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { choosePlace } from '../../store/embedded-place.ts';
import { attachEmbeddedPostgres } from '../../store/embedded-postgres.ts';
import { CliError } from '../errors.ts';

/**
 * Takes away what an earlier demo left. The remote of a demo begins anew each time, so rows of an earlier one would be newer than
 * what it sends, and newer never loses to older.
 * @throws CliError `cli.demo_running`
 */
export async function beginFresh(dataDirectory: string): Promise<void> {
  const directory = path.join(dataDirectory, 'postgres');
  const running = existsSync(dataDirectory) ? await attachEmbeddedPostgres({ dataDirectory: directory }) : undefined;
  if (running) {
    await running.stop();
    throw new CliError('cli.demo_running', 'a demo runs in this directory already', { suggestion: 'Look at it with "npx tds --demo status", or stop it with ctrl-C.' });
  }
  const { home, data } = await choosePlace(directory);
  if (existsSync(path.join(data, 'PG_VERSION'))) await rm(home, { recursive: true, force: true });
}
