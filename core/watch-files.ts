/** Tells when one of some files was changed, by whatever means an editor uses. */
import { watch, type FSWatcher } from 'node:fs';
import path from 'node:path';
import { systemClock, type TimerClock } from './monitor/clock.ts';
import type { Reloader } from './reload.ts';
import type { Logger } from './sdk/index.ts';

export interface FileWatch {
  /** Watches these from now on, instead of those before. */
  follow(files: readonly string[]): void;
  stop(): void;
}

/** An editor writes in several steps; all of them are one change. */
const quietMs = 300;

/**
 * Calls `changed` when it has been quiet for a moment after a change. The folders are watched, as editors put a new file in the place of the
 * old one, and of the folders only names that end like those of the files, so that a further file of an `include` with a `*` is seen too.
 */
export function watchFiles({ files, changed, clock, log }: { files: readonly string[]; changed: () => void; clock: Pick<TimerClock, 'after'>; log: Logger }): FileWatch {
  const watchers = new Map<string, FSWatcher>();
  let endings = new Set<string>();
  let cancel: (() => void) | undefined;
  let stopped = false;
  const touched = (name: string | null): void => {
    if (stopped || (name !== null && !endings.has(path.extname(name)))) return;
    cancel?.();
    cancel = clock.after(quietMs, changed);
  };
  const follow = (wanted: readonly string[]): void => {
    const folders = new Set(wanted.map((file) => path.dirname(file)));
    endings = new Set(wanted.map((file) => path.extname(file)));
    for (const [folder, watcher] of watchers) if (!folders.has(folder)) {
      watcher.close();
      watchers.delete(folder);
    }
    for (const folder of folders) {
      if (watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, (_kind, name) => touched(name));
        watcher.on('error', () => void (watcher.close(), watchers.delete(folder)));
        watchers.set(folder, watcher);
      } catch (error) {
        log.warn('a folder of the config can not be watched; changes there want "tds reload"', { folder, error });
      }
    }
  };
  follow(files);
  return {
    follow: (wanted) => void (stopped || follow(wanted)),
    stop() {
      stopped = true;
      cancel?.();
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}

/** Takes over the config's files as they change. Answers what ends it. */
export function watchConfig(reloader: Reloader, log: Logger): () => Promise<void> {
  const changed = async (): Promise<void> => {
    await reloader.reload().catch((error: unknown) => log.warn('the changed config could not be taken over; the one before stays in force', { error }));
    watched.follow(reloader.files());
  };
  const watched = watchFiles({ files: reloader.files(), changed: () => void changed(), clock: systemClock, log });
  return async () => watched.stop();
}
