import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SourceRecord } from 'tds/sdk';
import { stampOf } from './times.ts';

/** A record of the fake; times in seconds. */
export interface FakeRecord { id: string; created: number; modified: number; name: string; extra?: SourceRecord }

/** A Zoho of one list, `things`, that misbehaves as a test says. Its clock is a number of seconds. */
export interface FakeZoho {
  url: string;
  accountsUrl: string;
  apiUrl: string;
  records: FakeRecord[];
  /** Seconds; edits take it. */
  clock: number;
  /** What the list obeys. */
  obeys: { filter: boolean | 'equal'; modifiedSort: boolean; createdSort: boolean };
  /** Answers with the source's clock in its headers. */
  tellsTime: boolean;
  /** Runs before each list call, with its number from 1. */
  before: (call: number) => void;
  /** An answer instead of the list's, for API calls. */
  instead: ((path: string) => { status: number; body: string; headers?: Record<string, string> } | undefined) | undefined;
  /** An answer instead of a token. */
  insteadOfToken: (() => { status: number; body: string } | undefined) | undefined;
  calls: URLSearchParams[];
  paths: string[];
  tokens: number;
  edit(id: string): void;
  remove(id: string): void;
  close(): Promise<void>;
}

/** Starts a fake with so many records, one every `spacing` seconds. */
export async function startFake(count: number, spacing = 10): Promise<FakeZoho> {
  const start = 1_750_000_000;
  const fake: FakeZoho = {
    url: '', accountsUrl: '', apiUrl: '',
    records: Array.from({ length: count }, (_, n) => ({ id: String(n + 1), created: start + n * spacing, modified: start + n * spacing, name: `name ${(n * 7919) % count}` })),
    clock: start + count * spacing + 3600,
    obeys: { filter: true, modifiedSort: true, createdSort: true },
    tellsTime: true,
    before: () => undefined,
    instead: undefined,
    insteadOfToken: undefined,
    calls: [], paths: [], tokens: 0,
    edit(id) {
      const record = fake.records.find((one) => one.id === id);
      if (record) record.modified = fake.clock;
    },
    remove(id) { fake.records = fake.records.filter((one) => one.id !== id); },
    close: () => new Promise((resolve) => { server.close(() => resolve()); server.closeAllConnections(); }),
  };
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', fake.url);
    const answer = url.pathname === '/oauth/v2/token' ? tokenAnswer(fake) : apiAnswer(fake, url);
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(answer.body);
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  fake.url = fake.accountsUrl = fake.apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return fake;
}

function tokenAnswer(fake: FakeZoho): { status: number; body: string; headers?: Record<string, string> } {
  const instead = fake.insteadOfToken?.();
  if (instead) return instead;
  fake.tokens += 1;
  return { status: 200, body: JSON.stringify({ access_token: `token-${fake.tokens}`, expires_in: 3600, api_domain: fake.url }) };
}

function apiAnswer(fake: FakeZoho, url: URL): { status: number; body: string; headers?: Record<string, string> } {
  fake.paths.push(url.pathname);
  const instead = fake.instead?.(url.pathname);
  if (instead) return instead;
  const query = url.searchParams;
  fake.calls.push(query);
  fake.before(fake.calls.length);
  const perPage = Number(query.get('per_page') ?? 200);
  const from = (Number(query.get('page') ?? 1) - 1) * perPage;
  const all = sorted(fake, passing(fake, query.get('last_modified_time')), query);
  const things = all.slice(from, from + perPage).map((record) => ({
    thing_id: record.id, name: record.name, created_time: stampOf(record.created * 1000, '+0300'), last_modified_time: stampOf(record.modified * 1000, '+0300'), ...record.extra,
  }));
  const midnight = 86_400 - ((fake.clock + 3 * 3600) % 86_400);
  return {
    status: 200,
    body: JSON.stringify({ code: 0, message: 'success', things, page_context: { page: from / perPage + 1, per_page: perPage, has_more_page: from + perPage < all.length } }),
    headers: fake.tellsTime ? { date: new Date(fake.clock * 1000).toUTCString(), 'x-rate-limit-reset': String(midnight) } : { date: '' },
  };
}

function sorted(fake: FakeZoho, records: FakeRecord[], query: URLSearchParams): FakeRecord[] {
  const column = query.get('sort_column');
  const sign = query.get('sort_order') === 'D' ? -1 : 1;
  if (column === 'last_modified_time' && fake.obeys.modifiedSort) return records.sort((a, b) => sign * (a.modified - b.modified || Number(a.id) - Number(b.id)));
  if (column === 'created_time' && fake.obeys.createdSort) return records.sort((a, b) => sign * (a.created - b.created || Number(a.id) - Number(b.id)));
  return records.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** A list of its own: the caller may sort it. */
function passing({ records, obeys: { filter } }: FakeZoho, since: string | null): FakeRecord[] {
  if (since === null || filter === false) return [...records];
  const second = Date.parse(since.replace(/(\d\d)$/, ':$1')) / 1000;
  return records.filter(({ modified }) => (filter === 'equal' ? modified === second : modified >= second));
}
