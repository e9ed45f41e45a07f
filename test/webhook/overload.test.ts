/** Who is sent away when more comes than can be saved, and when. The clock is the test's. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import t from 'tap';
import { listen } from '../../core/api/server.ts';
import { HeldBack } from '../../core/api/held-back.ts';
import { InboxWriter } from '../../core/webhook/inbox-writer.ts';
import { Readers } from '../../core/webhook/readers.ts';
import { Turn } from '../../core/webhook/turn.ts';
import type { InboxWrite } from '../../core/store/webhook-inbox.ts';

const message = { body: '{}' } as InboxWrite;

/** A writer whose commits the test ends. */
function writerOf(maxWaiting: number): { writer: InboxWriter; add(count: number): void; passes(ms: number): void; saved(): Promise<void>; saves: number; all(): Promise<void> } {
  let now = 0;
  const open: (() => void)[] = [];
  const added: Promise<void>[] = [];
  const writer = new InboxWriter({ maxWaiting, maxBytes: 1e9, now: () => now, save: () => new Promise((resolve) => void open.push(resolve)) });
  const saved = async (): Promise<void> => {
    open.shift()?.();
    await new Promise(setImmediate);
  };
  return {
    writer, saved, get saves() { return open.length; },
    add(count) { for (let n = 0; n < count && writer.hasRoom(10); n += 1) added.push(writer.add(message, 10)); },
    passes(ms) { now += ms; },
    async all() {
      while (writer.waiting > 0) await saved();
      await Promise.all(added);
    },
  };
}

t.test('how many may wait follows from how long they wait: the slower they are saved the fewer are taken, and as many as before when it goes on', async (t) => {
  const busy = writerOf(5000);
  busy.add(2800);
  t.equal(busy.writer.waiting, 2800, 'thousands may wait while all is well');
  t.equal(busy.saves, 2, 'two groups are written at once');
  busy.passes(151);
  await busy.saved();
  t.equal(busy.writer.waiting, 2400, 'what was taken stays');
  t.notOk(busy.writer.hasRoom(10), 'but it takes too long, so that nobody joins them');
  await busy.all();
  t.ok(busy.writer.hasRoom(10));
  for (let round = 0; round < 20; round += 1) {
    busy.add(5000);
    busy.passes(300);
    await busy.all();
  }
  busy.add(5000);
  t.equal(busy.writer.waiting, 50, 'as long as that goes on few are taken at a time');
  await busy.all();
  for (let round = 0; round < 20; round += 1) {
    busy.add(20);
    busy.passes(10);
    await busy.all();
  }
  busy.add(5000);
  t.equal(busy.writer.waiting, 5000, 'when it is over all are taken again');
  await busy.all();
});

t.test('few messages may wait for a slow commit', async (t) => {
  const slow = writerOf(5000);
  for (let round = 0; round < 10; round += 1) {
    slow.add(49);
    slow.passes(5000);
    t.ok(slow.writer.hasRoom(10) && !slow.writer.isBusy, 'a slow disk of a quiet shop is no overload');
    await slow.all();
  }
});

t.test('a message that comes up late in a long turn of the loop has waited unseen', async (t) => {
  let now = 0;
  let end = (): void => {};
  const turn = new Turn(() => now, (action) => { end = action; });
  t.equal(turn.lasted(), 0);
  now = 120;
  t.equal(turn.lasted(), 120);
  end();
  t.equal(turn.lasted(), 0, 'the next turn begins anew');
});

t.test('slow senders are cut off for quick ones when memory is short', async (t) => {
  let now = 0;
  const readers = new Readers(1000, () => now);
  const cut: string[] = [];
  const begin = (name: string): NonNullable<ReturnType<Readers['begin']>> => {
    const reader = readers.begin();
    if (!reader) throw new Error(`${name} was sent away`);
    reader.cut = () => void cut.push(name);
    return reader;
  };
  const slow = ['one', 'two', 'three'].map(begin);
  for (const reader of slow) t.ok(readers.took(reader, 400) || reader === slow[2]);
  t.equal(readers.begin(), undefined, 'none of them is slow yet, so that who comes now is sent away');
  now = 2001;
  const quick = begin('quick');
  t.same(cut, ['one'], 'the slowest goes, and no more than are in the way');
  t.ok(readers.took(quick, 300));
  t.same(cut, ['one', 'two'], 'and the next for what comes further');
  for (const reader of [...slow, quick]) readers.end(reader);
  t.ok(readers.took(begin('last'), 1000), 'what ended holds nothing');
});

t.test('connections that were told to come later are heard again some at a time', async (t) => {
  const ends: (() => void)[] = [];
  let now = 0;
  const heldBack = new HeldBack((action) => void ends.push(action), () => now);
  const heard: number[] = [];
  const rests = new Set<number>();
  for (let n = 0; n < 1000; n += 1) heldBack.add({ destroyed: n === 7, pause() { rests.add(n); return this as never; }, resume() { heard.push(n); return this as never; } });
  t.equal(rests.size, 999, 'each rests, but for the one that is gone');
  const turns: number[] = [];
  for (let end = ends.shift(); end; end = ends.shift()) {
    const before = heard.length;
    now += turns.length < 3 ? 40 : 5;
    end();
    turns.push(heard.length - before);
  }
  t.same(turns.slice(0, 5), [250, 125, 100, 120, 144], 'fewer while a turn takes long');
  t.equal(heard.length, 999);
  t.same(heard.toSorted((one, other) => one - other), heard, 'those that rest the longest first');

  for (let n = 0; n < 50; n += 1) heldBack.add({ destroyed: false, pause() { return this as never; }, resume() { heard.push(n); return this as never; } });
  const few: number[] = [];
  for (let end = ends.shift(); end; end = ends.shift()) {
    const before = heard.length;
    if (few.length < 3) heldBack.came();
    end();
    few.push(heard.length - before);
  }
  t.same(few, [5, 5, 5, 5, 30], 'few while new ones come, of whom Node takes one a turn');
  t.notOk(heldBack.areComing);
});

const held = Number(existsSync('/proc/sys/net/core/somaxconn') ? readFileSync('/proc/sys/net/core/somaxconn', 'utf8') : 0);
t.test('a thousand senders who come while the process has no time for them are there when it has', { skip: held < 1024 && 'this system holds no more for a process' }, async (t) => {
  const server = createServer();
  t.teardown(() => server.close());
  const { port } = new URL(await listen(server, '127.0.0.1', 0));
  let came = 0;
  const all = Promise.withResolvers<void>();
  server.on('connection', (socket) => {
    socket.on('error', () => undefined); // its sender has ended by then
    if (++came === 1000) all.resolve();
  });
  const senders = `let open = 0; for (let n = 0; n < 1000; n++) require('node:net').connect(${port}, '127.0.0.1', () => ++open === 1000 && process.exit(7))`;
  if (!t.equal(spawnSync(process.execPath, ['-e', senders], { timeout: 60_000 }).status, 7, 'this process stands still until they are all connected')) return;
  await all.promise;
  t.equal(came, 1000);
});
