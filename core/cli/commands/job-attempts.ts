import { InvalidArgumentError, Option, type Command } from 'commander';
import { attemptOutcomes, type AttemptFilter } from '../../operations/attempts.ts';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { readTime } from '../letter-options.ts';
import { table } from '../table.ts';
import { cell } from '../text.ts';
import { limitOption } from './runs.ts';

/** `tds jobs history`. */
export function addJobAttempts(parent: Command, bind: Bind): void {
  const jobs = parent.command('history').description('list attempts of jobs that have ended, the newest first: when, where, how').addOption(numberOption('--run <number>', 'of this run')).addOption(numberOption('--job <number>', 'of this job'));
  jobs.option('--task <task>', 'such as run, webhook.apply, notify').addOption(new Option('--outcome <outcome>', 'how they ended').choices(attemptOutcomes));
  jobs.addOption(new Option('--since <time>', 'since then: a date, or 24h, 7d').argParser(readTime)).addOption(new Option('--until <time>', 'before then').argParser(readTime)).addOption(limitOption());
  jobs.action(bind(async (context) => {
    const { out } = context;
    const attempts = await context.ask(await context.readyProject(), ({ operations }) => operations.attempts(jobs.optsWithGlobals<AttemptFilter>()));
    const columns = [{ title: 'ended' }, { title: 'job', right: true }, { title: 'task' }, { title: 'run', right: true }, { title: 'attempt', right: true }, { title: 'outcome' }, { title: 'took', right: true }, { title: 'node' }, { title: 'error' }];
    const rows = attempts.map((one) => [
      one.endedAt.toISOString().slice(0, 19).replace('T', ' '), one.jobId, cell(one.task), one.runId ?? '', String(one.attempt), one.outcome === 'failed' || one.outcome === 'lost' ? out.paint('red', one.outcome) : one.outcome.replace('_', ' '),
      one.startedAt === null ? '' : `${((one.endedAt.getTime() - one.startedAt.getTime()) / 1000).toFixed(1)} s`, cell(one.node ?? ''), one.code === null ? '' : `${one.code}: ${cell(one.message ?? '')}`,
    ]);
    for (const line of attempts.length > 0 ? table(columns, rows, out.width) : ['no such job has ended']) out.line(line);
    out.json({ attempts });
    return exitCodes.ok.code;
  }));
  explain(jobs, {
    about: 'Attempts are kept for 30 days. `lost` are those whose process died or stood still; `handed back` and `postponed` used nothing up.',
    examples: [['tds jobs history', 'what ended last'], ['tds jobs history --run 42', 'every attempt of one run, and where'], ['tds jobs history --outcome lost --since 7d', 'whose process died']],
    json: '{ "attempts": [{ "id", "jobId", "task", "queue", "runId", "attempt", "outcome", "startedAt", "endedAt", "node", "code", "message" }] }',
  });
}

function numberOption(flags: string, about: string): Option {
  return new Option(flags, about).argParser((text) => {
    if (!/^[0-9]{1,18}$/.test(text)) throw new InvalidArgumentError('It must be a number.');
    return text;
  });
}
