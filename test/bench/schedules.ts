/** What a thousand schedules cost while none of them is due. */
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { definitionsOf } from '../../core/schedule/definition.ts';
import { Scheduler } from '../../core/schedule/scheduler.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { systemClock } from '../../core/monitor/clock.ts';
import type { ScheduleConfig } from '../../schemas/index.ts';
import { migrate } from '../../core/store/migrate.ts';
import { createPool } from '../../core/store/pool.ts';
import { databaseAccess } from '../../core/store/session.ts';
import type { Bench } from './bench.ts';

const count = 1000;
const spanSeconds = 30;
const most = 0.01;

/** Lets a scheduler rest for a while and reads the CPU time that it and the server used, less what the server uses by itself. */
export async function measureSchedules({ server, report }: Bench): Promise<void> {
  const pool = createPool({ url: await server.create('schedules'), schema: 'tds', max: 4, applicationName: 'tds bench' });
  await migrate({ pool, directory: fileURLToPath(new URL('../../core/store/migrations', import.meta.url)), schema: 'tds', log: silentLogger });
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
  } finally {
    await scheduler.stop();
    await pool.end();
    await server.drop('schedules');
  }
}

/** Times that lie hours ahead, spread over the day, in several zones. */
function plan(): Record<string, ScheduleConfig> {
  const hour = new Date().getUTCHours();
  const zones = ['UTC', 'Asia/Baghdad', 'Europe/London', 'America/New_York'];
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`schedule-${at}`, {
    enabled: true, cron: `${at % 60} ${(hour + 6 + (at % 10)) % 24} * * *`, timezone: at % 4 === 0 ? 'UTC' : zones[at % 4] as string, run: 'sync', entities: ['stock'], rules: [], priority: 'normal', jitter: at % 2 === 0 ? 0 : 60_000,
    overlap: 'skip', missed: 'last', missedWithin: 86_400_000, pauseOnFailure: 0, exclude: { days: [], hours: [], dates: [] },
  }]));
}

async function cpuOver(server: Bench['server'], seconds: number): Promise<{ own: number; server: number | null }> {
  const [own, theirs] = [process.cpuUsage(), server.cpu()];
  await wait(seconds * 1000);
  const { user, system } = process.cpuUsage(own);
  const after = server.cpu();
  return { own: (user + system) / 1e6, server: theirs === null || after === null ? null : after - theirs };
}
