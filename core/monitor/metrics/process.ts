/** This process and what it stands on: memory, event loop, database connections, disk. */
import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { replaceAll, type Metrics } from './registry.ts';

/** What the process hands in; all of it is only read at a scrape. */
export interface ProcessSources {
  version: string;
  nodeId: () => string;
  pool: { readonly totalCount: number; readonly idleCount: number; readonly waitingCount: number; readonly options: { readonly max?: number | undefined } };
  /** A folder on the disk whose room is told; undefined where the data lies on another machine. */
  directory: string | undefined;
}

export interface ProcessMetrics {
  /** Measures from now on. The returned function ends it. */
  watch(sources: ProcessSources): () => void;
}

/** How often the event loop is looked at, in ms. */
const resolutionMs = 20;

export function processMetrics(metrics: Metrics): ProcessMetrics {
  const info = metrics.gauge({ name: 'tds_info', help: 'Always 1; the labels name version and node.', labels: ['version', 'node'], scope: 'node' });
  const started = metrics.gauge({ name: 'process_start_time_seconds', help: 'When the process started, in seconds since 1970.', scope: 'node' });
  const cpu = metrics.counter({ name: 'process_cpu_seconds_total', help: 'CPU time of the process.', scope: 'node' });
  const resident = metrics.gauge({ name: 'process_resident_memory_bytes', help: 'Memory of the process.', scope: 'node' });
  const heap = metrics.gauge({ name: 'nodejs_heap_size_used_bytes', help: 'The part of the JavaScript heap that is in use.', scope: 'node' });
  const limit = metrics.gauge({ name: 'tds_memory_limit_bytes', help: 'What the process may have: its container\'s limit, else the machine\'s memory.', scope: 'node' });
  const share = metrics.gauge({ name: 'tds_memory_used_ratio', help: 'How near the process is to its end: of memory and of heap the fuller one, 0 to 1.', scope: 'node' });
  const lag = metrics.gauge({ name: 'nodejs_eventloop_lag_seconds', help: 'How late the event loop was on average since the last scrape.', scope: 'node' });
  const worstLag = metrics.gauge({ name: 'nodejs_eventloop_lag_max_seconds', help: 'How late it was at worst since the last scrape.', scope: 'node' });
  const pool = metrics.gauge({ name: 'tds_database_pool_connections', help: 'Database connections of the process: at work or idle; and who waits for one.', labels: ['state'], scope: 'node' });
  const poolLimit = metrics.gauge({ name: 'tds_database_pool_limit_connections', help: 'Database connections that the process may open.', scope: 'node' });
  const free = metrics.gauge({ name: 'tds_disk_free_bytes', help: 'Room on the disk of the embedded PostgreSQL; absent with any other one.', scope: 'node' });
  const size = metrics.gauge({ name: 'tds_disk_size_bytes', help: 'The size of that disk.', scope: 'node' });
  const freeShare = metrics.gauge({ name: 'tds_disk_free_ratio', help: 'The free part of that disk, 0 to 1.', scope: 'node' });
  return {
    watch(sources) {
      const delay = monitorEventLoopDelay({ resolution: resolutionMs });
      delay.enable();
      metrics.onCollect(async () => {
        const { rss } = process.memoryUsage();
        const { used_heap_size: used, heap_size_limit: most } = getHeapStatistics();
        const allowed = memoryLimit();
        replaceAll(info, [[{ version: sources.version, node: sources.nodeId() }, 1]]);
        started.set(performance.timeOrigin / 1000);
        cpu.reset();
        cpu.inc(Object.values(process.cpuUsage()).reduce((sum, each) => sum + each, 0) / 1e6);
        resident.set(rss);
        heap.set(used);
        limit.set(allowed);
        share.set(Math.max(rss / allowed, used / most));
        // The timer itself takes its resolution; what is beyond that is lag. NaN before its first beat.
        const late = (ns: number): number => Math.max(0, (Number.isFinite(ns) ? ns : 0) / 1e9 - resolutionMs / 1000);
        lag.set(late(delay.mean));
        worstLag.set(late(delay.max));
        delay.reset();
        const { totalCount, idleCount, waitingCount, options } = sources.pool;
        replaceAll(pool, [[{ state: 'busy' }, totalCount - idleCount], [{ state: 'idle' }, idleCount], [{ state: 'waiting' }, waitingCount]]);
        poolLimit.set(options.max ?? 0);
        await disk(sources.directory);
      });
      return () => delay.disable();
    },
  };

  async function disk(directory: string | undefined): Promise<void> {
    if (directory === undefined) {
      for (const gauge of [free, size, freeShare]) gauge.remove();
      return;
    }
    const { bavail, blocks, bsize } = await statfs(directory);
    free.set(bavail * bsize);
    size.set(blocks * bsize);
    freeShare.set(blocks === 0 ? 1 : bavail / blocks);
  }
}

/** What the container allows, where it allows less than the machine has. */
function memoryLimit(): number {
  const constrained = process.constrainedMemory();
  const machine = totalmem();
  return constrained > 0 && constrained < machine ? constrained : machine;
}
