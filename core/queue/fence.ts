import type { ClientBase } from 'pg';
import { JobLostError } from './errors.ts';
import type { HeldJob } from './held.ts';
import type { Names } from './names.ts';
import type { FenceOptions } from './types.ts';

/**
 * Locks the job's row until the transaction ends, so that no sweep takes the job away between this look and the commit; and shortens the
 * time that the server lets the transaction stand still, so that a paused process doesn't hold the row for ever.
 * @throws JobLostError; outside of a transaction it would hold nothing, so a client in autocommit must not be given
 */
export async function fenceWith(client: Pick<ClientBase, 'query'>, names: Names, job: HeldJob, stillMs: number, { progress = true }: FenceOptions = {}): Promise<void> {
  if (job.lost) throw new JobLostError(job.id, 'this node was fenced');
  const { rows } = await client.query<{ mine: boolean }>({
    name: 'tds_fence',
    text: `select set_config('idle_in_transaction_session_timeout', case
          when current_setting('idle_in_transaction_session_timeout') = '0' then $5::int::text
          else least(extract(epoch from current_setting('idle_in_transaction_session_timeout')::interval) * 1000, $5::int)::bigint::text end, true),
        exists (select from ${names.jobs} where id = $1::bigint and locked_by = $2
          and (attempts = $3::int or (key is null and attempts = max_attempts and $4::boolean)) for share) as mine`,
    values: [job.id, job.poolId, job.row.attempts, job.row.key !== null, stillMs],
  });
  if (rows[0]?.mine !== true) throw new JobLostError(job.id, 'another has it');
  if (job.row.attempts === 1 || !progress) return;
  // What gets on with its work is not what kills its workers: earlier losses no longer count, once this transaction lands.
  await client.query({ name: 'tds_progress', text: `update ${names.losses} set losses = 0 where job_id = $1::bigint and losses > 0`, values: [job.id] });
}
