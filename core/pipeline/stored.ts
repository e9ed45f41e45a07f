import { isRecord, type JsonObject } from '../sdk/index.ts';
import { parseJson } from '../connection/json-lossless.ts';
import type { RecordBodies, RecordHead } from '../store/records.ts';
import type { IncomingRecord } from './decide.ts';

/** What says which of the two bodies was looked at last. */
type Bodies = Pick<RecordBodies, 'raw' | 'detail'> & Pick<RecordHead, 'detailAt' | 'observedAt'>;

/** Whether the detail lies over the list's record, and not the other way around. */
function detailIsLast({ raw, detail, detailAt, observedAt }: Bodies): boolean {
  return detail !== null && (raw === null || (detailAt !== null && detailAt >= observedAt));
}

/** The body that was looked at last, as text. */
export function lastBody(bodies: Bodies): string | null {
  return detailIsLast(bodies) ? bodies.detail : bodies.raw;
}

/** The stored record as if it came in once more: in the form that was looked at last, so that this one lies on top again. */
export function incomingOf(stored: RecordHead & RecordBodies): IncomingRecord | undefined {
  const isDetail = detailIsLast(stored);
  const text = lastBody(stored);
  const record = text === null ? undefined : parseJson(text);
  if (text === null || !isRecord(record)) return undefined;
  return {
    form: isDetail ? 'detail' : 'list', key: stored.key, record, text, hash: (isDetail ? stored.detailHash : stored.listHash) ?? '',
    modifiedAt: stored.modifiedAt, observedAt: stored.observedAt, proof: false,
  };
}

/** The whole record as the mapping saw it. */
export function wholeOf(stored: Bodies): JsonObject {
  const [raw, detail] = [bodyOf(stored.raw), bodyOf(stored.detail)];
  return detailIsLast(stored) ? { ...raw, ...detail } : { ...detail, ...raw };
}

/** A stored body; `{}` where there is none. */
export function bodyOf(text: string | null): JsonObject {
  const body = text === null ? {} : parseJson(text);
  return isRecord(body) ? body : {};
}
