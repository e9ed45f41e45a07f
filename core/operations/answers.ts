/** What the API keeps of answers, so that a repeated request begins nothing twice. */
import type { DatabaseAccess } from '../sdk/index.ts';
import { freeKey, keepAnswer, takeKey, type KeptAnswer } from '../store/api-answers.ts';

export interface AnswerOperations {
  /** Takes the key for this request (a hash of it); answers what stands under it already. */
  take(caller: string, key: string, request: Buffer): Promise<KeptAnswer | undefined>;
  /** Keeps the answer for a day. */
  keep(caller: string, key: string, answer: { status: number; headers: Readonly<Record<string, string>>; body: string }): Promise<void>;
  /** Frees the key: the request came to nothing, so a repeat is to be tried. */
  free(caller: string, key: string): Promise<void>;
}

export function answerOperations({ database }: { database: DatabaseAccess }): AnswerOperations {
  return {
    take: (caller, key, request) => database.transaction((session) => takeKey(session, caller, key, request)),
    keep: (caller, key, answer) => database.transaction((session) => keepAnswer(session, caller, key, answer)),
    free: (caller, key) => database.transaction((session) => freeKey(session, caller, key)),
  };
}
