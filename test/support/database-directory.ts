/** A file of its own, as the server process needs it and nothing else of `database.ts`. */
import { createHash } from 'node:crypto';
import { accessSync, constants, readFileSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Where the shared server of this checkout and user keeps its data: in memory where there is room, as a clone is 300 small files, which
 * takes 15 ms there and 300 ms on a slow disk.
 */
export function testServerDirectory(): string {
  const key = createHash('sha256').update(`${import.meta.url} ${bootId()}`).digest('hex').slice(0, 12);
  return join(fastDirectory(), `tds-test-${process.getuid?.() ?? 'user'}-${key}`);
}

/** Data written without fsync must not be met again after a power cut. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
  } catch {
    return '';
  }
}

/** The directory for data that a test throws away. All processes must come to the same answer, so it goes by size, not by what is free. */
export function fastDirectory(): string {
  const path = '/dev/shm';
  try {
    accessSync(path, constants.W_OK);
    const { blocks, bsize } = statfsSync(path);
    return blocks * bsize >= 2e9 ? path : tmpdir();
  } catch {
    return tmpdir();
  }
}
