/** Any interleaving, duplication and reordering of looks and messages about one record ends in the newest state (promise 4). */
import fc from 'fast-check';
import t from 'tap';
import { applyBatch } from '../../core/pipeline/apply.ts';
import type { Incoming, Via } from '../../core/pipeline/decide.ts';
import { receive } from '../../core/pipeline/incoming.ts';
import { openCorridor, type Corridor } from '../support/corridor.ts';
import { MemorySource } from '../support/memory-source.ts';

/** What happens at the source, a second apart: it is changed (to what the mapping refuses, where it is bad), or deleted. A record that is put after a deletion is there again. */
type Event = { kind: 'put'; price: number; bad: boolean } | { kind: 'delete' };
/**
 * What TDS is told of it, in whatever order: what the source showed after its n-th event, or a message about the n-th event. `shut`, `open`: a
 * trigger of the user's table refuses whatever is done to it from now on, or lets it pass again.
 */
type Word = { via: 'page' | 'message' | 'late message' | 'replay' | 'retry' | 'shut' | 'open'; at: number };

const price = { type: 'numeric(12,2)' };
const strict = { id: {}, name: {}, price };
/** Forgives what bad records have wrong. */
const mended = { id: {}, name: {}, price: { ...price, expr: `$type(price) = 'number' ? price : 7` } };

let asked = 0;
/** Each a run of its own: who asks for the same as one that waits gets that one. */
const everyLetter = (): object => ({ letters: { upTo: '9223372036854775807', most: 1000 + (asked += 1) } });

const door = ['CREATE TABLE door (shut boolean)', 'INSERT INTO door VALUES (false)',
  `CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF (SELECT shut FROM door) THEN RAISE EXCEPTION 'shut'; END IF; RETURN coalesce(new, old); END $$`,
  'CREATE TRIGGER door BEFORE INSERT OR UPDATE OR DELETE ON erp.things FOR EACH ROW EXECUTE FUNCTION pass()'];

const begin = Date.UTC(2026, 0, 1);
const second = (n: number): Date => new Date(begin + n * 1000);
const event: fc.Arbitrary<Event> = fc.oneof({ weight: 4, arbitrary: fc.record({ kind: fc.constant('put' as const), price: fc.integer({ min: 1, max: 5 }), bad: fc.integer({ min: 0, max: 3 }).map((n) => n === 0) }) }, { weight: 2, arbitrary: fc.constant({ kind: 'delete' as const }) });
const history = fc.tuple(fc.array(event, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 5 })).chain(([events, price]) => {
  const all: Event[] = [{ kind: 'put', price, bad: false }, ...events];
  const word = fc.record({ via: fc.constantFrom('page' as const, 'page' as const, 'message' as const, 'late message' as const, 'replay' as const, 'retry' as const, 'shut' as const, 'open' as const), at: fc.nat({ max: all.length - 1 }) });
  return fc.record({ events: fc.constant(all), words: fc.array(word, { maxLength: 14 }), sideBySide: fc.boolean(), shut: fc.boolean(), removes: fc.boolean(), last: fc.nat({ max: 14 }) });
});

function recordAfter(key: string, events: readonly Event[], at: number): { id: string; name: string; price: number | string; modified: string } | undefined {
  const now = events[at];
  return now?.kind === 'put' ? { id: key, name: `${key} ${at}`, price: now.bad ? 'a word' : now.price, modified: second(at).toISOString() } : undefined;
}

/**
 * A look at the source is of the half second after the event, and proves what it shows. A message is about its event; a late one arrives
 * when all has happened.
 */
function incomingOf(corridor: Corridor, key: string, events: readonly Event[], { via, at }: Word): Incoming[] {
  const record = recordAfter(key, events, at);
  const observedAt = new Date(second(at).getTime() + 500);
  if (via === 'page') return record ? receive(corridor.entity, [record], { form: 'list', observedAt, proof: true }).records : [{ form: 'gone', key, observedAt }];
  const arrivedAt = second(via === 'message' ? at : events.length);
  return record ? receive(corridor.entity, [record], { form: 'detail', observedAt: arrivedAt, proof: false }).records : [{ form: 'gone', key, observedAt: arrivedAt, modifiedAt: lastState(events, at) }];
}

/** What a message about a deletion tells: the modified time of the record's last state. */
function lastState(events: readonly Event[], at: number): Date {
  return second(events.slice(0, at + 1).findLastIndex(({ kind }) => kind === 'put'));
}

async function say(corridor: Corridor, key: string, events: readonly Event[], word: Word): Promise<void> {
  if (word.via === 'shut' || word.via === 'open') return void await corridor.rows(`UPDATE door SET shut = ${word.via === 'shut'}`);
  if (word.via === 'replay') {
    corridor.remap({ batchSize: 4 });
    await corridor.run('replay');
    return;
  }
  if (word.via === 'retry') return void await corridor.run('retry', everyLetter());
  const via: Via = word.via === 'page' ? 'incremental' : 'webhook';
  const incoming = incomingOf(corridor, key, events, word);
  // Once more at once, as webhooks do.
  await applyBatch(corridor as never, { entity: corridor.entity, via, incoming: word.at % 2 === 0 ? [...incoming, ...incoming] : incoming });
}

t.test('whatever order it is told in, and however often, a record ends in its newest state', async (t) => {
  const source = new MemorySource();
  const corridor = await openCorridor(t, source);
  await corridor.run('full');
  for (const statement of door) await corridor.rows(statement);
  let tried = 0;
  await fc.assert(fc.asyncProperty(history, async ({ events, words, sideBySide, shut, removes, last }) => {
    const key = `k${++tried}`;
    // The newest is told at some time: by a page, as the next full read does at the latest.
    const all: Word[] = [...words.slice(0, last), { via: 'page', at: events.length - 1 }, ...words.slice(last)];
    corridor.remap({ fields: strict, deletes: { ...corridor.entity.config.deletes, mode: removes ? 'remove' : 'mark' } } as never);
    // What the table would refuse is known once it has a row.
    if (shut) await say(corridor, key, events, { via: 'page', at: 0 });
    await corridor.rows(`UPDATE door SET shut = ${shut}`);
    if (sideBySide) await Promise.all(all.filter(({ via }) => via !== 'replay').map((word) => say(corridor, key, events, word)));
    else for (const word of all) await say(corridor, key, events, word);
    // A late message about a deletion can't know that the record has come back since. Only a look from after its arrival proves that: the next full read.
    if (all.some(({ via, at }) => via === 'late message' && events[at]?.kind === 'delete' && events.slice(at).some(({ kind }) => kind === 'put'))) {
      const [look] = incomingOf(corridor, key, events, { via: 'page', at: events.length - 1 });
      await applyBatch(corridor as never, { entity: corridor.entity, via: 'full', incoming: [{ ...look, observedAt: second(events.length + 1) } as Incoming] });
    }
    // What was refused is told by no page again: the mapping is mended, the table takes everything, and what was set aside is tried again.
    await corridor.rows('UPDATE door SET shut = false');
    corridor.remap({ fields: mended as never });
    await corridor.run('retry', everyLetter());
    const left = await corridor.rows(`SELECT key, code FROM dead_letters WHERE status = 'open'`);
    if (left.length > 0) throw new Error(`dead letters are left: ${JSON.stringify(left)}`);
    const [row] = await corridor.rows(`SELECT name, price::int AS price, deleted_at IS NOT NULL AS deleted FROM erp.things WHERE id = '${key}'`);
    const newest = recordAfter(key, events, events.length - 1);
    const right = newest ? { name: newest.name, price: typeof newest.price === 'string' ? 7 : newest.price, deleted: false } : undefined;
    const now = row?.['deleted'] === true ? undefined : row;
    if (JSON.stringify(now) !== JSON.stringify(right)) throw new Error(`${key} is ${JSON.stringify(row)}, and should be ${JSON.stringify(right ?? 'gone')}`);
  }), { numRuns: 50, seed: Number(process.env['TDS_SEED'] ?? 20_260_101), endOnFailure: false });
  const twice = await corridor.rows('SELECT key, version FROM (SELECT key, version FROM record_history UNION ALL SELECT key, version FROM records) v GROUP BY 1, 2 HAVING count(*) > 1');
  t.same(twice, [], 'no version is kept twice');
  const codes = (await corridor.rows('SELECT DISTINCT code FROM dead_letter_attempts')).map(({ code }) => code);
  for (const code of ['map.not_a_number', 'destination.refused.P0001', 'destination.refused_deletion.P0001']) t.ok(codes.includes(code), `${code} was met on the way`);
  t.comment(`${tried} histories`);
});
