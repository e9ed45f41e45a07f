/**
 * A source whose records stand in a file that the test changes. Pages go by key, so that a read from any position is right. A record with
 * `bad` does that to the process that maps it: `kill` or `hang`; where it is `read`, reading its page already hangs.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { definePlugin, SDK_VERSION, type JsonObject, type ReadPage, type Source, type StreamInfo } from 'tds/sdk';

interface Settings { file: string; pageSize: number; pageMs: number }
interface Position { after: string; newest: string }

const stream: StreamInfo = { name: 'things', description: 'things of a test', key: ['id'], modified: 'modified', incremental: 'changes', details: 'none', provesGone: false };

class Scripted implements Source {
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  streams(): StreamInfo[] {
    return [stream];
  }

  describe(): StreamInfo {
    return stream;
  }

  async *read({ position, cursor, mode, signal }: Parameters<Source['read']>[0]): AsyncGenerator<ReadPage> {
    const { file, pageSize, pageMs } = this.#settings;
    let at = position as Position | undefined;
    for (;;) {
      await pause(pageMs, undefined, { signal });
      const observedAt = new Date();
      const all = JSON.parse(await readFile(file, 'utf8')) as JsonObject[];
      // The cursor is of the read's begin: what changes behind its back comes with the next one.
      at ??= { after: '', newest: all.map(modifiedOf).sort().at(-1) ?? '' };
      const { after, newest } = at;
      const left = all.filter((record) => idOf(record) > after && (mode === 'full' || typeof cursor !== 'string' || modifiedOf(record) >= cursor)).sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
      if (left.slice(0, pageSize).some(({ bad }) => bad === 'read')) strike('hang');
      const records = left.slice(0, pageSize).map(hostile);
      at = { after: records.at(-1) === undefined ? after : idOf(records.at(-1) as JsonObject), newest };
      const end = left.length <= pageSize ? { complete: mode === 'full', cursor: newest } : undefined;
      yield { records, observedAt, position: { ...at }, ...(end ? { end } : {}) };
      if (end) return;
    }
  }
}

/** It looks like the others until the mapping reads its name. */
function hostile(record: JsonObject): JsonObject {
  const { bad, ...rest } = record;
  if (bad === undefined) return record;
  return Object.defineProperties({ ...rest }, { name: { enumerable: true, get: () => strike(bad) }, toJSON: { value: () => rest } }) as JsonObject;
}

function strike(how: unknown): never {
  if (how === 'kill') process.kill(process.pid, 'SIGKILL');
  for (;;);
}

const idOf = (record: JsonObject): string => String(record['id']);
const modifiedOf = (record: JsonObject): string => String(record['modified']);

export default definePlugin<Settings>({
  id: 'scripted', version: '1.0.0', sdk: SDK_VERSION, kind: 'connector', description: 'Things out of a file, for the chaos tests.',
  configSchema: {
    type: 'object', additionalProperties: false, required: ['file'],
    properties: {
      file: { type: 'string', description: 'A JSON list of records.' }, pageSize: { type: 'integer', default: 20, description: 'Records per page.' },
      pageMs: { type: 'integer', default: 5, description: 'The pause before each page.' },
    },
  },
  create: ({ settings }) => ({ source: new Scripted(settings), check: async () => [] }),
});
