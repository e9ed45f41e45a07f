/** What people do with a connection by hand. */
import type { StreamInfo } from '../sdk/index.ts';
import type { Database } from '../store/session.ts';
import { listPauses, pauseConnection, resumeConnection, type ConnectionPause } from '../store/connection-pauses.ts';
import type { ConnectionAtWork } from './check.ts';
import { OperationError } from './errors.ts';

/** Each throws OperationError `operation.unknown_connection`. */
export interface ConnectionOperations {
  /** What can be read by it; nothing of one that is only written to. */
  streams(id: string): readonly StreamInfo[];
  /** No run and no message reads or writes by it from now on, on any node; those under way end their batch. They wait until it is resumed. */
  pauseConnection(id: string, pause: { by: string; reason: string }): Promise<ConnectionPause>;
  /** Runs and messages that wait for it go on within 15 seconds. False: it did not rest. */
  resumeConnection(id: string): Promise<boolean>;
  pauses(): Promise<ConnectionPause[]>;
}

export function connectionOperations({ connections, database }: { connections: ReadonlyMap<string, ConnectionAtWork>; database: Database }): ConnectionOperations {
  const find = (id: string): ConnectionAtWork => {
    const found = connections.get(id);
    if (!found) throw new OperationError('operation.unknown_connection', `there is no connection "${id}"`, { suggestion: `The config has: ${[...connections.keys()].join(', ') || 'none'}.` });
    return found;
  };
  return {
    streams: (id) => find(id).connector.source?.streams() ?? [],
    async pauseConnection(id, pause) {
      const { id: connection } = find(id);
      return database.transaction(async (session) => {
        await pauseConnection(session, { connection, ...pause });
        return (await listPauses(session, [connection]))[0] as ConnectionPause;
      });
    },
    resumeConnection: async (id) => database.transaction((session) => resumeConnection(session, find(id).id)),
    pauses: () => listPauses(database.reads),
  };
}
