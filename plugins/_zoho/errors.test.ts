import t, { type Test } from 'tap';
import { AccessDeniedError, PermanentError, QuotaSpentError, RateLimitedError, RetryLaterError, StreamUnavailableError } from 'tds/sdk';
import books from '../zoho-books/plugin.ts';
import { startFake, type FakeZoho } from './fake-list.ts';
import { readAll, rigOf, settingsFor, type Rig } from './testing.ts';

async function start(t: Test, settings: object = {}): Promise<{ fake: FakeZoho; rig: Rig; read: () => ReturnType<typeof readAll> }> {
  const fake = await startFake(3);
  t.teardown(() => fake.close());
  const rig = rigOf(books, { ...settingsFor(fake), ...settings }, { attempts: 1 });
  return { fake, rig, read: () => readAll(rig.source, 'custom', { options: { path: 'things', recordKey: 'things', idField: 'thing_id', scope: 'invoices' } }) };
}

const answers: { title: string; status: number; body: string; headers?: Record<string, string>; error: new (...values: never[]) => Error; match: object }[] = [
  { title: 'too many calls in a minute', status: 429, body: '{"code":44,"message":"x"}', error: RateLimitedError, match: { code: 'zoho.minute_limit', scope: 'minute' } },
  { title: 'too many calls in a minute, with a time to wait', status: 429, body: '{"code":44,"message":"x"}', headers: { 'retry-after': '7' }, error: RateLimitedError, match: { retryAfterMs: 7000 } },
  { title: 'too many calls at once', status: 429, body: '{"code":1070,"message":"x"}', error: RateLimitedError, match: { code: 'zoho.concurrent_limit', scope: 'concurrent' } },
  { title: 'the day\'s quota', status: 429, body: '{"code":45,"message":"x"}', headers: { 'x-rate-limit-reset': '120' }, error: QuotaSpentError, match: { code: 'zoho.quota_spent' } },
  { title: 'a limit without a code', status: 429, body: 'slow down', error: RateLimitedError, match: { code: 'zoho.limited' } },
  { title: 'an internal error', status: 500, body: '{"code":1000,"message":"x"}', error: RetryLaterError, match: { code: 'zoho.internal' } },
  { title: 'a page of HTML with status 200', status: 200, body: '<html></html>', error: RetryLaterError, match: { code: 'zoho.not_json' } },
  { title: 'a page of HTML with status 503', status: 503, body: '<html></html>', error: RetryLaterError, match: { code: 'zoho.not_json' } },
  { title: 'an empty body', status: 200, body: '', error: RetryLaterError, match: { code: 'zoho.not_json' } },
  { title: 'a cut-off body', status: 200, body: '{"code":0,"things":[{"thing_id":"1"', error: RetryLaterError, match: { code: 'http.not_json' } },
  { title: 'several organizations', status: 400, body: '{"code":6024,"message":"x","error_info":[{"organization_id":"77","organization_name":"Shop"}]}', error: AccessDeniedError, match: { code: 'zoho.organization_needed', message: /77 Shop/ } },
  { title: 'a foreign organization', status: 401, body: '{"code":6041,"message":"x"}', error: AccessDeniedError, match: { code: 'zoho.organization_refused' } },
  { title: 'an address that does not exist', status: 404, body: '{"code":5,"message":"Invalid URL Passed"}', error: StreamUnavailableError, match: { code: 'zoho.no_such_address' } },
  { title: 'a method that is not there', status: 405, body: '{"code":37,"message":"x"}', error: StreamUnavailableError, match: { code: 'zoho.no_such_address' } },
];

for (const { title, status, body, headers, error, match } of answers) {
  t.test(`${title}: ${error.name}`, async (t) => {
    const { fake, read } = await start(t);
    fake.instead = () => ({ status, body, ...(headers ? { headers } : {}) });
    await t.rejects(read(), match as Error);
    await t.rejects(read(), { name: error.name } as Error);
  });
}

t.test('the day\'s quota says when it is whole again', async (t) => {
  const { fake, rig, read } = await start(t);
  fake.instead = () => ({ status: 429, body: '{"code":45,"message":"x"}', headers: { 'x-rate-limit-reset': '7200' } });
  const error = await read().then(() => undefined, (error: unknown) => error as QuotaSpentError);
  t.ok(Math.abs((error?.resumesAt.getTime() ?? 0) - rig.context.clock.now().getTime() - 7_200_000) < 5000);
});

t.test('a filter that is refused by word is left out', async (t) => {
  const { fake, read } = await start(t);
  fake.instead = () => (fake.paths.length === 1 ? { status: 400, body: '{"code":2,"message":"Invalid value passed for sort_column"}' } : undefined);
  t.equal((await read()).records.length, 3);
  fake.instead = () => ({ status: 400, body: '{"code":2,"message":"Invalid"}' });
  await t.rejects(read(), new PermanentError('zoho.refused', 'Zoho Books refused /things: Invalid.'));
});

t.test('a token that ended in the middle is renewed once, and the read goes on', async (t) => {
  const { fake, read } = await start(t);
  await read();
  let refusals = 0;
  fake.instead = () => (refusals++ === 0 ? { status: 401, body: '{"code":57,"message":"You are not authorized to perform this operation"}' } : undefined);
  t.equal((await read()).records.length, 3);
  t.equal(fake.tokens, 2);
});

t.test('a missing permission is told by its scope, and costs one token however often it is met', async (t) => {
  const { fake, read } = await start(t);
  fake.instead = () => ({ status: 401, body: '{"code":57,"message":"You are not authorized to perform this operation"}' });
  for (let n = 0; n < 5; n++) await t.rejects(read(), { code: 'zoho.not_authorized', suggestion: /ZohoBooks\.invoices\.READ/ });
  t.equal(fake.tokens, 2);
});

t.test('errors of the token call come with status 200 and say what to do', async (t) => {
  const cases = [
    { body: '{"error":"invalid_client"}', status: 200, error: { code: 'zoho.client_refused', suggestion: /data centre/ } },
    { body: '{"error":"invalid_client_secret"}', status: 200, error: { code: 'zoho.client_refused' } },
    { body: '{"error":"invalid_code"}', status: 200, error: { code: 'zoho.refresh_token_refused', suggestion: /new refresh token/ } },
    { body: '{"error":"Access Denied","error_description":"You have made too many requests continuously. Please try again after some time.","status":"failure"}', status: 400, error: { code: 'zoho.token_limited', retryAfterMs: 600_000 } },
    { body: '<html>', status: 200, error: { code: 'zoho.not_json' } },
    { body: '{}', status: 503, error: { code: 'zoho.accounts_unwell' } },
  ];
  for (const { body, status, error } of cases) {
    const { fake, rig, read } = await start(t);
    fake.insteadOfToken = () => ({ status, body });
    await t.rejects(read(), error);
    const findings = await rig.connector.check(new AbortController().signal);
    t.match(findings, [{ probe: 'token', ok: false, code: error.code }]);
    t.ok(rig.context.http.calls.every((call) => !call.counted), 'and a call for a token is not counted');
  }
});

t.test('the API server that comes with the token is used, unless a setting names another', async (t) => {
  const { fake, read, rig } = await start(t, { apiUrl: '' });
  await read();
  t.ok(rig.context.http.calls.every((call) => call.url.startsWith(fake.url)));
  const other = await startFake(5);
  t.teardown(() => other.close());
  const set = await start(t, { apiUrl: `${other.url}/` });
  t.equal((await set.read()).records.length, 5);
});

t.test('an answer without its list is not taken for an empty one', async (t) => {
  const { fake, rig } = await start(t);
  const answer = (body: object, paths = /./): void => { fake.instead = (path) => ({ status: 200, body: JSON.stringify({ code: 0, message: 'success', ...(paths.test(path) ? body : { contacts: [{ contact_id: '1' }] }) }) }); };
  for (const body of [{}, { custom_fields: [] }, { customerpayments: null }, { errors: [{ message: 'x' }] }]) {
    answer(body);
    await t.rejects(readAll(rig.source, 'customerpayments'), { name: 'RetryLaterError', code: 'zoho.no_list' }, JSON.stringify(body));
    answer(body, /contactpersons/);
    await t.rejects(readAll(rig.source, 'contactpersons'), { code: 'zoho.no_list' });
  }
  answer({ items: [{ item_id: '1' }] }, /\/items/);
  await t.rejects(Promise.resolve(rig.source.readDetails?.({ stream: 'items', options: {}, keys: ['1'], signal: new AbortController().signal })), { code: 'zoho.no_list' });
  for (const [body, count] of [[{ customerpayments: [] }, 0], [{ customer_payments: [] }, 0], [{ payments_received: [{ payment_id: '1' }], custom_fields: [] }, 1]] as const) {
    answer(body);
    const { records, end } = await readAll(rig.source, 'customerpayments');
    t.same([records.length, end?.complete], [count, true], JSON.stringify(body));
  }
});

t.test('the people at a contact are read to the last page', async (t) => {
  const { fake, rig } = await start(t);
  const people = Array.from({ length: 250 }, (_, n) => ({ contact_person_id: String(n) }));
  let page = 0;
  fake.instead = (path) => ({ status: 200, body: JSON.stringify(path.endsWith('contactpersons') ? { code: 0, contact_persons: people.slice(page * 200, ++page * 200), page_context: { has_more_page: page < 2 } } : { code: 0, contacts: [{ contact_id: '1' }] }) });
  t.equal((await readAll(rig.source, 'contactpersons')).records.length, 250);
});

t.test('many reads at once share one token', async (t) => {
  const { fake, read } = await start(t);
  await Promise.all(Array.from({ length: 20 }, () => read()));
  t.equal(fake.tokens, 1);
});
