/** What TDS's database knows of connections that people look at: one statement for all that are asked for at once, as each costs a busy process a turn. */
import type { Reading } from '../store/session.ts';
import { breakerOf, breakerRow, type OpenBreaker } from './breaker-store.ts';
import { ledgerDayAsJson, ledgerDayOf, type LedgerDay } from './quota-store.ts';
import { denialOf, denialRow } from './token-keeper.ts';
import type { Denial } from './tokens.ts';

/** What is looked at: a connection, whose tokens it uses, and its day. */
export interface LookedAt { connection: string; signIn: string; day: string }

export interface Seen { breaker: OpenBreaker | undefined; denial: Denial | undefined; ledger: LedgerDay }

/** Changes nothing. @throws what the database throws */
export type Look = (at: LookedAt) => Promise<Seen>;

interface Row { breaker: Parameters<typeof breakerOf>[0]; denial: Parameters<typeof denialOf>[0]; ledger: unknown }

const statement = `SELECT (SELECT row_to_json(b) FROM (${breakerRow('l.connection')}) AS b) AS breaker,
    (SELECT row_to_json(t) FROM (${denialRow('l."signIn"')}) AS t) AS denial, (${ledgerDayAsJson('l.connection', 'l.day')}) AS ledger
  FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (connection text, "signIn" text, day date)) WITH ORDINALITY AS l ORDER BY l.ordinality`;

/** Looks by these connections, whose search path is TDS's schema. Those who ask at the same moment share a statement. */
export function lookBy(reads: Reading): Look {
  let asked: LookedAt[] = [];
  let answers: Promise<Seen[]> | undefined;
  const read = async (): Promise<Seen[]> => {
    await new Promise((resolve) => { process.nextTick(resolve); }); // all that is to be done at once is done first
    const wanted = asked;
    [asked, answers] = [[], undefined];
    const { rows } = await reads.query(statement, [JSON.stringify(wanted)]);
    return (rows as unknown as Row[]).map(({ breaker, denial, ledger }, at) => ({ breaker: breakerOf(breaker), denial: denialOf(denial), ledger: ledgerDayOf(wanted[at]?.day ?? '', ledger) }));
  };
  return async (at) => {
    const index = asked.push(at) - 1;
    answers ??= read();
    return (await answers)[index] as Seen;
  };
}
