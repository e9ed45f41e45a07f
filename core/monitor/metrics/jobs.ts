/** What this process does on the queue, and what is on the queue. */
import { replaceAll, type Metrics } from './registry.ts';

const seconds = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600];

/** The jobs of one task, as the queue counts them. */
export interface TaskFigures { task: string; waiting: number; later: number; running: number; exhausted: number; oldestSeconds: number }

export interface JobMetrics {
  ended(job: { task: string; outcome: string; seconds: number }): void;
  lost(): void;
  nodeLost(): void;
  fenced(): void;
  /** At a scrape; undefined: the queue can't be asked, and nothing of it is told. */
  onQueue(tasks: readonly TaskFigures[] | undefined): void;
}

export function jobMetrics(metrics: Metrics): JobMetrics {
  const jobs = metrics.counter({ name: 'tds_jobs_total', help: 'Attempts of jobs that ended on this node.', labels: ['task', 'outcome'], scope: 'node' });
  const duration = metrics.histogram({ name: 'tds_job_duration_seconds', help: 'How long an attempt of a job took.', labels: ['task'], scope: 'node' }, seconds);
  const lost = metrics.counter({ name: 'tds_jobs_lost_total', help: 'Jobs that were taken back from a dead or standing process; counted by the node that found them.', scope: 'node' });
  const nodes = metrics.counter({ name: 'tds_nodes_lost_total', help: 'Nodes that stopped beating without a word; counted by the node that found out.', scope: 'node' });
  const fenced = metrics.counter({ name: 'tds_node_fenced_total', help: 'How often this node gave its jobs up, since it could not beat.', scope: 'node' });
  const depth = metrics.gauge({ name: 'tds_queue_jobs', help: 'Jobs on the queue: waiting for a free worker, for later, running, or out of attempts.', labels: ['task', 'state'], scope: 'all' });
  const oldest = metrics.gauge({ name: 'tds_queue_oldest_job_age_seconds', help: 'How long the oldest job that could run has been waiting for a worker.', labels: ['task'], scope: 'all' });
  // a task without a job is told as such: a series that comes and goes says nothing while it is gone
  const seen = new Set<string>();
  return {
    ended({ task, outcome, seconds: took }) {
      seen.add(task);
      jobs.inc({ task, outcome });
      duration.observe({ task }, took);
    },
    lost: () => lost.inc(),
    nodeLost: () => nodes.inc(),
    fenced: () => fenced.inc(),
    onQueue(found) {
      if (!found) {
        depth.reset();
        oldest.reset();
        return;
      }
      for (const { task } of found) seen.add(task);
      const none = [...seen].filter((task) => !found.some((one) => one.task === task)).map((task) => ({ task, waiting: 0, later: 0, running: 0, exhausted: 0, oldestSeconds: 0 }));
      const tasks = [...found, ...none];
      replaceAll(depth, tasks.flatMap(({ task, ...counts }) => (['waiting', 'later', 'running', 'exhausted'] as const).map((state) => [{ task, state }, counts[state]] as const)));
      replaceAll(oldest, tasks.map(({ task, oldestSeconds }) => [{ task }, oldestSeconds]));
    },
  };
}
