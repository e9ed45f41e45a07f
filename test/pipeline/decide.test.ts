import fc from 'fast-check';
import t from 'tap';
import { decide, type Incoming, type IncomingRecord, type Stored } from '../../core/pipeline/decide.ts';

const mapping = 1;
const at = (seconds: number): Date => new Date(1_700_000_000_000 + seconds * 1000);

function record(version: number, modified: number | null, observed: number, more: Partial<IncomingRecord> = {}): IncomingRecord {
  return { form: 'list', key: 'a', record: {}, text: `{"v":${version}}`, hash: `v${version}`, modifiedAt: modified === null ? null : at(modified), observedAt: at(observed), proof: true, ...more };
}

/** What the corridor does with a decision, for one key. */
function apply(incoming: Incoming, stored: Stored | undefined): Stored | undefined {
  const decision = decide(incoming, stored, mapping);
  if (decision === 'unchanged' || decision === 'stale' || decision === 'settled') return stored;
  const before: Stored = stored ?? { key: 'a', version: 0, modifiedAt: null, observedAt: at(0), listHash: null, detailHash: null, detailAt: null, detailModifiedAt: null, detailDue: false, refused: false, mapping, deletedAt: null };
  if (incoming.form === 'gone') return { ...before, observedAt: incoming.observedAt, deletedAt: incoming.observedAt };
  const modifiedAt = incoming.modifiedAt && before.modifiedAt && before.modifiedAt > incoming.modifiedAt ? before.modifiedAt : incoming.modifiedAt ?? before.modifiedAt;
  const next = { ...before, version: before.version + 1, modifiedAt, observedAt: incoming.observedAt, deletedAt: null };
  return incoming.form === 'list' ? { ...next, listHash: incoming.hash } : { ...next, detailHash: incoming.hash, detailAt: incoming.observedAt };
}

t.test('a record that is not stored is new', async (t) => {
  t.equal(decide(record(1, 5, 10), undefined, mapping), 'new');
});

t.test('the same content costs nothing', async (t) => {
  const stored = apply(record(1, 5, 10), undefined);
  t.equal(decide(record(1, 5, 20), stored, mapping), 'unchanged');
});

t.test('the same content under another mapping is written again', async (t) => {
  const stored = apply(record(1, 5, 10), undefined);
  t.equal(decide(record(1, 5, 20), stored, mapping + 1), 'changed');
});

t.test('an older record never replaces a newer one, however late it is looked at', async (t) => {
  const stored = apply(record(2, 9, 10), undefined);
  t.equal(decide(record(1, 5, 99), stored, mapping), 'stale');
});

t.test('of two contents in one second the later look at the source wins', async (t) => {
  const stored = apply(record(1, 5, 10), undefined);
  t.equal(decide(record(2, 5, 11), stored, mapping), 'changed');
  t.equal(decide(record(2, 5, 9), stored, mapping), 'stale');
});

t.test('a message never wins over what has the same time', async (t) => {
  const stored = apply(record(1, 5, 10), undefined);
  t.equal(decide(record(2, 5, 99, { proof: false }), stored, mapping), 'stale');
});

t.test('records without a time of their own go by when the source was asked', async (t) => {
  const stored = apply(record(1, null, 10), undefined);
  t.equal(decide(record(2, null, 11), stored, mapping), 'changed');
  t.equal(decide(record(2, null, 9), stored, mapping), 'stale');
});

t.test('a late message does not bring a deleted record back to life', async (t) => {
  const stored = apply({ form: 'gone', key: 'a', observedAt: at(50) }, apply(record(1, 5, 10), undefined));
  t.equal(decide(record(2, 40, 99, { proof: false }), stored, mapping), 'stale');
  t.equal(decide(record(2, 5, 49), stored, mapping), 'stale', 'nor does a page that was read before');
});

t.test('the source itself can say that a record lives after all', async (t) => {
  const stored = apply({ form: 'gone', key: 'a', observedAt: at(50) }, apply(record(1, 5, 10), undefined));
  t.equal(decide(record(1, 5, 51), stored, mapping), 'changed');
});

t.test('a deletion that was seen before the record was looked at again is stale', async (t) => {
  const stored = apply(record(1, 5, 60), undefined);
  t.equal(decide({ form: 'gone', key: 'a', observedAt: at(50) }, stored, mapping), 'stale');
});

t.test('a content that was changed and changed back is written again', async (t) => {
  const stored = apply(record(2, 7, 20, { form: 'detail' }), apply(record(1, 5, 10), undefined));
  t.equal(decide(record(1, 9, 30), stored, mapping), 'changed');
});

t.test('any interleaving of looks and messages, doubled and late, ends in the newest state and never goes back', async () => {
  // one edit a second or less; a look at time x sees the last edit at or before x; a message carries any edit that has happened
  const edits = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 8 });
  const arrivals = fc.array(fc.record({ look: fc.boolean(), delay: fc.integer({ min: 0, max: 40 }), pick: fc.nat(), detail: fc.boolean() }), { maxLength: 30 });
  fc.assert(fc.property(edits, arrivals, (gaps, list) => {
    let clock = 1;
    const versions = gaps.map((gap, index) => ({ version: index + 1, happened: (clock += gap + 0.01), modified: Math.floor(clock) }));
    const last = versions.at(-1)!;
    const incoming = list.map(({ look, delay, pick, detail }) => {
      const form = detail ? 'detail' as const : 'list' as const;
      const seen = versions[pick % versions.length]!;
      const until = versions[pick % versions.length + 1]?.happened ?? seen.happened + 5;
      const observed = look ? seen.happened + (until - seen.happened) / 2 : seen.happened + delay;
      return { arrives: observed + delay, index: seen.version, one: record(seen.version, seen.modified, observed, { proof: look, form }) };
    }).sort((a, b) => a.arrives - b.arrives);
    let stored: Stored | undefined;
    let top: string | null = null;
    let newest = 0;
    for (const { one, index } of incoming) {
      const next = apply(one, stored);
      if (next !== stored) {
        if (one.proof && index < newest) throw new Error(`went back from ${newest} to ${index}`);
        newest = Math.max(newest, index);
        top = one.hash;
      }
      stored = next;
    }
    const finalLook = record(last.version, last.modified, 1000);
    if (decide(finalLook, stored, mapping) !== 'unchanged') {
      stored = apply(finalLook, stored);
      top = finalLook.hash;
    }
    if (stored?.listHash !== finalLook.hash) throw new Error(`ended in ${stored?.listHash}`);
    // the row holds what was written last; it may differ from the final look only when that look found nothing newer to write
    if (top !== finalLook.hash && versions.every((version) => version.modified !== last.modified || version === last)) throw new Error(`the row ended in ${top}`);
  }), { numRuns: 500 });
});

t.test('a late message does not outlast a deletion that is proved by a read from before it came', async (t) => {
  // what a message shows was so at its record's modified time, see `receive`
  const stored = apply(record(2, 40, 40, { proof: false, form: 'detail' }), apply(record(1, 5, 10), undefined));
  t.equal(decide({ form: 'gone', key: 'a', observedAt: at(50) }, stored, mapping), 'gone');
});

t.test('a message about a deletion is stale where the record was changed since', async (t) => {
  const stored = apply(record(2, 40, 45), undefined);
  t.equal(decide({ form: 'gone', key: 'a', observedAt: at(99), modifiedAt: at(30) }, stored, mapping), 'stale');
  t.equal(decide({ form: 'gone', key: 'a', observedAt: at(99), modifiedAt: at(40) }, stored, mapping), 'gone');
});

t.test('a second proof that a record is gone outlasts what was seen of it between the two', async (t) => {
  const stored = apply({ form: 'gone', key: 'a', observedAt: at(90) }, apply({ form: 'gone', key: 'a', observedAt: at(50) }, apply(record(1, 5, 10), undefined)));
  t.equal(decide(record(2, 60, 70), stored, mapping), 'stale');
  t.equal(decide({ form: 'gone', key: 'a', observedAt: at(80) }, stored, mapping), 'unchanged');
});

t.test('a deletion that the table refused is tried again by a retry or by a later proof, and by nothing else', async (t) => {
  const gone: Incoming = { form: 'gone', key: 'a', observedAt: at(50) };
  const refused = { ...(apply(gone, apply(record(1, 5, 10), undefined)) as Stored), refused: true };
  t.equal(decide(gone, refused, mapping), 'unchanged');
  t.equal(decide({ ...gone, modifiedAt: at(5), observedAt: at(60) }, refused, mapping), 'unchanged', 'a message told twice proves no more');
  t.equal(decide({ ...gone, observedAt: at(60) }, refused, mapping), 'gone');
  const retry: Incoming = { ...gone, version: refused.version, again: true };
  t.equal(decide(retry, refused, mapping), 'gone');
  t.equal(decide(retry, { ...refused, refused: false }, mapping), 'unchanged', 'it went meanwhile');
  t.equal(decide(retry, apply(record(2, 55, 60), refused), mapping), 'stale', 'the record has come back meanwhile');
});
