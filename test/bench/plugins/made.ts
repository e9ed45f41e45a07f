/** A source that makes its records, so that it is never what a measurement waits for. */
import { definePlugin, SDK_VERSION, type Source, type StreamInfo } from 'tds/sdk';

interface Settings { records: number; bytes: number }

const page = 200;
const stream: StreamInfo = { name: 'made', description: 'made records', key: ['id'], modified: 'modified', incremental: 'none', details: 'none', provesGone: false };

function sourceOf({ records, bytes }: Settings): Source {
  const filling = 'x'.repeat(bytes);
  return {
    streams: () => [stream],
    describe: () => stream,
    async *read({ position }) {
      for (let at = typeof position === 'number' ? position : 0; ; at += page) {
        const observedAt = new Date();
        const many = Array.from({ length: Math.min(page, records - at) }, (_, n) => ({ id: `id${at + n}`, name: `thing ${at + n}`, price: (at + n) / 4, active: n % 2 === 0, filling, modified: '2026-01-01T00:00:00Z' }));
        const isLast = at + page >= records;
        yield { records: many, observedAt, position: isLast ? null : at + page, ...(isLast ? { end: { complete: true } } : {}) };
        if (isLast) return;
      }
    },
  };
}

export default definePlugin<Settings>({
  id: 'made', version: '1.0.0', sdk: SDK_VERSION, kind: 'connector', description: 'Records that are made as they are asked for, for the bench.',
  configSchema: { type: 'object', additionalProperties: false, properties: { records: { type: 'integer', default: 1000, description: 'How many.' }, bytes: { type: 'integer', default: 800, description: 'How large, about.' } } },
  create: ({ settings }) => ({ source: sourceOf(settings), check: async () => [] }),
});
