import t from 'tap';
import { Events } from '../../core/monitor/events.ts';
import { silentLogger } from '../../core/monitor/log.ts';

const at = new Date('2026-03-01T00:00:00Z');
const detail = { connection: 'books', from: 'closed', to: 'open' };

t.test('every listener hears every event until it leaves', (t) => {
  const events = new Events({ log: silentLogger, now: () => at });
  const heard: unknown[] = [];
  const leave = events.listen((event) => heard.push(event));
  events.emit('breaker.changed', detail);
  leave();
  events.emit('breaker.changed', detail);
  t.strictSame(heard, [{ name: 'breaker.changed', at, detail }]);
  t.end();
});

t.test('a listener that throws is told of in the log and hurts nobody', (t) => {
  const told: string[] = [];
  const events = new Events({ log: { ...silentLogger, error: (message) => told.push(message) }, now: () => at });
  let heard = 0;
  events.listen(() => { throw new Error('broken'); });
  events.listen(() => heard++);
  events.emit('breaker.changed', detail);
  t.equal(heard, 1);
  t.strictSame(told, ['a listener to events failed']);
  t.end();
});
