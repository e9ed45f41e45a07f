import { systemClock } from '../monitor/clock.ts';
import type { Backend } from './context.ts';

/** The real thing. Imported when it is needed, so that `tds --help` need not load all of TDS. */
export const backend: Backend = {
  clock: systemClock,
  async loadProject(options) {
    const { loadProject } = await import('../project.ts');
    return loadProject(options);
  },
  async inspectTables(project, options) {
    const { inspectTables } = await import('../inspect-tables.ts');
    return inspectTables(project, options);
  },
  async backUp(project, options) {
    const { backUp } = await import('../backup.ts');
    return backUp(project, options);
  },
  async restore(project, options) {
    const { restore } = await import('../backup.ts');
    return restore(project, options);
  },
  async openRuntime(project, options) {
    const { openRuntime } = await import('../main.ts');
    return openRuntime(project, options);
  },
};
