/** What a thousand schedules cost while none of them is due, and how late they are when all are due at one second. */
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { definitionsOf } from '../../core/schedule/definition.ts';
import { Scheduler } from '../../core/schedule/scheduler.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { systemClock } from '../../core/monitor/clock.ts';
import type { ScheduleConfig } from '../../schemas/index.ts';
import { createPool } from '../../core/store/pool.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { enqueueMany } from '../../core/queue/enqueue.ts';
import { namesOf } from '../../core/queue/names.ts';
import { migrate, migrateQueue } from '../../core/store/migrate.ts';
import type { Pool } from '../../core/store/pool.ts';
import type { Bench } from './bench.ts';

const count = 1000;
const spanSeconds = 30;
const most = 0.01;
/** A planned time is to be on the queue within this, in ms. */
const latestMs = 1000;

/** Lets a scheduler rest for a while and reads the CPU time that it and the server used, less what the server uses by itself. */
export async function measureSchedules({ server, report }: Bench): Promise<void> {
  const pool = createPool({ url: await server.create('schedules'), schema: 'tds', max: 4, applicationName: 'tds bench' });
  await migrate({ pool, directory: fileURLToPath(new URL('../../core/store/migrations', import.meta.url)), schema: 'tds', log: silentLogger });
  await migrateQueue({ pool });
  let looks = 0;
  const database = databaseAccess(pool);
  const scheduler = new Scheduler({
    clock: systemClock, log: silentLogger, enqueue: () => Promise.reject(new Error('nothing is due')), nodeId: () => 'bench', isAtWork: () => true, tell: () => undefined, cancelJob: async () => undefined,
    database: { transaction: (use) => {
      looks += 1;
      return database.transaction(use);
    } },
  }, definitionsOf({ timezone: 'Asia/Baghdad', schedules: plan() }));
  try {
    const alone = await cpuOver(server, spanSeconds);
    scheduler.start();
    await wait(3000); // the first look takes them all up
    looks = 0;
    const used = await cpuOver(server, spanSeconds);
    const own = used.own / spanSeconds;
    const all = used.server === null || alone.server === null ? null : (used.own + Math.max(0, used.server - alone.server)) / spanSeconds;
    const share = all ?? own;
    report.add({
      part: 'schedules', name: `${count} schedules at rest, of one core`, value: `${(share * 100).toFixed(2)} % (${(own * 100).toFixed(2)} % in the node${all === null ? '' : ', the rest in PostgreSQL'})`, target: '< 1 %', met: share < most,
      figures: { schedules: count, seconds: spanSeconds, transactions: looks, nodeSeconds: used.own, serverSeconds: used.server, serverAloneSeconds: alone.server },
    });
    await scheduler.stop();
    await measureRush(pool, report);
  } finally {
    await scheduler.stop();
    await pool.end();
    await server.drop('schedules');
  }
}

/** All come at the same second, on a node at work: from that second until the last one is committed, by the clock on the wall. */
async function measureRush(pool: Pool, report: Bench['report']): Promise<void> {
  await pool.query('DELETE FROM schedules');
  const database = databaseAccess(pool);
  const rush = (at: number): [string, ScheduleConfig] => [`rush-${at}`, { ...defaults, every: 4000, entities: [`entity-${at}`, `entity-${at + 1}`] }];
  const scheduler = new Scheduler({
    clock: systemClock, log: silentLogger, nodeId: () => 'bench', isAtWork: () => true, tell: () => undefined, cancelJob: async () => undefined, database, enqueue: (session, jobs) => enqueueMany(session as never, namesOf(), jobs),
  }, definitionsOf({ timezone: 'UTC', schedules: Object.fromEntries(Array.from({ length: count }, (_, at) => rush(at))) }));
  scheduler.start();
  try {
    let planned = 0;
    for (let seen = 0; seen < count; await wait(5)) {
      const { rows } = await pool.query<{ seen: number; planned: Date | null }>(`SELECT count(*)::int AS seen, min(planned) AS planned FROM ticks WHERE planned = (SELECT min(planned) FROM ticks)`);
      seen = rows[0]?.seen ?? 0;
      planned = rows[0]?.planned?.getTime() ?? 0;
    }
    const took = Date.now() - planned;
    report.add({ part: 'schedules', name: `${count} schedules due at one second, until the last is on the queue`, value: `${took} ms`, target: `< ${latestMs} ms`, met: took < latestMs, figures: { schedules: count, runs: count + 1, milliseconds: took } });
  } finally {
    await scheduler.stop();
  }
}

/** Times that lie hours ahead, spread over the day, in several zones. */
function plan(): Record<string, ScheduleConfig> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`schedule-${at}`, { ...defaults, ...timesOf(at) }]));
}

function timesOf(at: number): Pick<ScheduleConfig, 'cron' | 'timezone' | 'jitter'> {
  const hour = new Date().getUTCHours();
  const zones = ['UTC', 'Asia/Baghdad', 'Europe/London', 'America/New_York'];
  return { cron: `${at % 60} ${(hour + 6 + (at % 10)) % 24} * * *`, timezone: at % 4 === 0 ? 'UTC' : zones[at % 4] as string, jitter: at % 2 === 0 ? 0 : 60_000 };
}

const defaults: Omit<ScheduleConfig, 'cron' | 'timezone'> = {
  enabled: true, run: 'sync', entities: ['stock'], rules: [], priority: 'normal', jitter: 0, overlap: 'skip', missed: 'last', missedWithin: 86_400_000, pauseOnFailure: 0, exclude: { days: [], hours: [], dates: [] },
};

async function cpuOver(server: Bench['server'], seconds: number): Promise<{ own: number; server: number | null }> {
  const [own, theirs] = [process.cpuUsage(), server.cpu()];
  await wait(seconds * 1000);
  const { user, system } = process.cpuUsage(own);
  const after = server.cpu();
  return { own: (user + system) / 1e6, server: theirs === null || after === null ? null : after - theirs };
}
