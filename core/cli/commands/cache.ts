import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { table } from '../table.ts';
import { ago, count } from '../text.ts';

/** `tds cache`, `tds cache clear`. */
export function addCache(program: Command, bind: Bind): void {
  const cache = program.command('cache').description('records that are kept for a while instead of being asked for again; empty them');
  cache.action(bind(async (context) => {
    const { out, backend: { clock } } = context;
    const found = await context.ask(await context.readyProject(), ({ operations }) => operations.cache.list());
    const columns = [{ title: 'connection' }, { title: 'served', right: true }, { title: 'asked for', right: true }, { title: 'held', right: true }, { title: 'kB', right: true }, { title: 'emptied' }];
    const rows = found.map(({ connection, hits, misses, entries, bytes, clearedAt }) => [connection, count(hits), count(misses), entries === null ? 'in Redis' : count(entries), bytes === null ? '–' : count(Math.round(bytes / 1024)), ago(clearedAt, clock.now())]);
    for (const line of found.length > 0 ? table(columns, rows, out.width) : ['no connection calls a remote']) out.line(line);
    out.json({ caches: found });
    return exitCodes.ok.code;
  }));
  explain(cache, {
    about: 'Figures are those of all running nodes since their start.',
    examples: [['tds cache', 'how often it saved a call'], ['tds cache clear books', 'ask again for everything']],
    json: '{ "caches": [{ "connection", "hits", "misses", "entries", "bytes", "clearedAt", "nodes": [{ "node", "hits", "misses", "entries", "bytes", "at" }] }] }',
  });
  addClear(cache, bind);
}

function addClear(cache: Command, bind: Bind): void {
  const clear = cache.command('clear').description('empty the cache of a connection, or of each, on every node').argument('[connection]', 'its id');
  clear.action(bind(async (context, { args: [connection] }) => {
    const cleared = await context.act(await context.readyProject(), { action: 'tds cache clear', target: connection === undefined ? {} : { connection } }, ({ operations }) => operations.cache.clear(connection));
    context.out.line(`emptied: ${cleared.join(', ') || 'none'}`);
    context.out.json({ cleared });
    return exitCodes.ok.code;
  }));
  explain(clear, { about: 'Every node does so within two seconds. Nothing is lost but calls: what is wanted again is asked for again.', examples: [['tds cache clear', 'of all connections'], ['tds cache clear books', 'of one']], json: '{ "cleared": ["books"] }' });
}
