/** A schedule of the config, ready to be ticked. */
import { createHash } from 'node:crypto';
import type { Config, ScheduleConfig } from '../../schemas/index.ts';
import { timetableOf, type Timetable } from './timetable.ts';

export interface Definition {
  readonly id: string;
  readonly config: ScheduleConfig;
  readonly timetable: Timetable;
  /** All of it, as a short text: two nodes that differ in it know different files. */
  readonly hash: string;
  /** What its times hang on. */
  readonly timing: string;
}

/** Work that may be planned and that this version does not have: its times are noted as skipped, with this reason. */
const unavailable: Partial<Record<ScheduleConfig['run'], string>> = { compare: 'comparing source and table is not in this version of TDS' };

/** Why the work of a schedule can't be done; undefined: it can. */
export function whyUnavailable({ run }: Pick<ScheduleConfig, 'run'>): string | undefined {
  return unavailable[run];
}

/** The schedules that are switched on. */
export function definitionsOf(config: Pick<Config, 'schedules' | 'timezone'>): Map<string, Definition> {
  const definitions = new Map<string, Definition>();
  for (const [id, schedule] of Object.entries(config.schedules)) {
    if (!schedule.enabled) continue;
    const zone = schedule.timezone ?? config.timezone;
    const { cron, every, exclude, until } = schedule;
    const { description: _description, ...said } = schedule;
    definitions.set(id, { id, config: schedule, timetable: timetableOf(id, schedule, config.timezone), hash: short({ ...said, zone }), timing: short({ cron, every, exclude, until, zone }) });
  }
  return definitions;
}

function short(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 16);
}
