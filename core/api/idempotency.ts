import { createHash } from 'node:crypto';
import type { AnswerOperations } from '../operations/answers.ts';
import type { Caller } from './caller.ts';
import { ApiError } from './problem.ts';
import type { Answer } from './route.ts';

/**
 * Answers a request once for its `Idempotency-Key`: a repeat gets the same answer, another request under that key is refused.
 * What failed is not kept, so that it can be tried again. Keys of different callers have nothing to do with each other.
 */
export async function once(answers: AnswerOperations, request: { key: string; caller: Caller; route: string; params: object; query: object; body: object }, act: () => Promise<Answer>): Promise<Answer> {
  const { key, caller, route, params, query, body } = request;
  if (key === '') return act();
  if (!/^[\x21-\x7e]{1,200}$/.test(key)) throw new ApiError('api.bad_key', 'The Idempotency-Key is too long, or holds something else than visible ASCII.');
  const owner = caller.tokenId === null ? caller.kind : `token:${caller.tokenId}`;
  const asked = createHash('sha256').update(JSON.stringify([route, sorted(params), sorted(query), sorted(body)])).digest();
  const kept = await answers.take(owner, key, asked);
  if (kept) {
    if (!kept.request.equals(asked)) throw new ApiError('api.idempotency_reused', `The Idempotency-Key ${JSON.stringify(key)} was sent with another request before.`);
    if (kept.status === null) throw new ApiError('api.idempotency_busy', 'The first request with this key is still being answered.', { headers: { 'Retry-After': '1' } });
    return { status: kept.status, headers: { ...kept.headers, 'Idempotency-Replayed': 'true' }, body: JSON.parse(kept.body ?? 'null') as unknown };
  }
  return firstTime(answers, owner, key, act);
}

async function firstTime(answers: AnswerOperations, owner: string, key: string, act: () => Promise<Answer>): Promise<Answer> {
  let answer: Answer;
  try {
    answer = await act();
  } catch (error) {
    await answers.free(owner, key).catch(() => undefined); // it frees itself after two minutes
    throw error;
  }
  await answers.keep(owner, key, { status: answer.status ?? 200, headers: answer.headers ?? {}, body: JSON.stringify(answer.body) });
  return answer;
}

/** The order of members says nothing. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, inner]) => [name, sorted(inner)]);
}
