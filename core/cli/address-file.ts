import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Logger } from '../sdk/index.ts';

/**
 * Says in a file where the API listens, as whoever asks whether this process is well can't know: the config may have changed since it was read.
 * Nothing without a `file`; one that can't be written is only logged. `remove` takes it away again, unless another process has written it since.
 */
export function tellAddress(url: string, file: string | undefined, log: Logger): { remove(): void } {
  if (file === undefined || file === '') return { remove() {} };
  try {
    writeFileSync(file, `${url}\n`);
  } catch (error) {
    log.warn('where the API listens could not be written down: health checks that look there will fail', { file, error });
  }
  return {
    remove() {
      try {
        if (readFileSync(file, 'utf8') === `${url}\n`) rmSync(file);
      } catch {
        // It has gone, or never was.
      }
    },
  };
}
