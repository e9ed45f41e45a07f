import { hash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { quoteQualified } from '../store/sql.ts';

/** The tables, quoted, with their schemas. */
export interface Names {
  readonly schema: string; readonly workerSchema: string;
  readonly jobs: string; readonly queues: string; readonly tasks: string; readonly addJob: string; readonly addJobs: string; readonly jobSpec: string;
  readonly nodes: string; readonly losses: string; readonly history: string;
}

/** @throws StoreError `store.identifier` for a schema that can't be a name */
export function namesOf(schema = 'tds', workerSchema = 'graphile_worker'): Names {
  const worker = (name: string): string => quoteQualified(workerSchema, name);
  const own = (name: string): string => quoteQualified(schema, name);
  return {
    schema, workerSchema,
    // These tables are private to graphile-worker, and pinned with its version: `engine.test.ts` fails when an upgrade changes them.
    jobs: worker('_private_jobs'), queues: worker('_private_job_queues'), tasks: worker('_private_tasks'),
    addJob: worker('add_job'), addJobs: worker('add_jobs'), jobSpec: worker('job_spec'),
    nodes: own('nodes'), losses: own('job_losses'), history: own('job_history'),
  };
}

/** A name for this process that no other one has. */
export function newNodeId(): string {
  return `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
}

/** What a node's connections for its work are called at the server (`application_name`), before a number: the sweep finds those of a dead node by it. */
export function sessionName(nodeId: string): string {
  const name = `tds ${nodeId}`;
  // 63 are what PostgreSQL keeps; the rest is for ` queue` and the number.
  return /^[ -~]{1,48}$/.test(name) ? name : `tds ${hash('sha256', nodeId, 'base64url')}`;
}

/** What its connections for the queue are called. */
export function queueSessionName(nodeId: string): string {
  return `${sessionName(nodeId)} queue`;
}
