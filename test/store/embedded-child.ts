/**
 * A process that starts or attaches to an embedded PostgreSQL and stays, for tests to kill. Argument: the options as JSON. Says one line of
 * JSON when it has a server (or an error's code, and ends); `stop` on its input stops it.
 */
import { startEmbeddedPostgres, type EmbeddedPostgresOptions } from '../../core/store/embedded-postgres.ts';

const words: string[] = [];
const log = { info: (text: string) => void words.push(text), warn: (text: string) => void words.push(text) };
try {
  const { url, port, pid, owned, directory, stop } = await (async () => {
    const server = await startEmbeddedPostgres({ durable: false, ...(JSON.parse(process.argv[2] ?? '{}') as EmbeddedPostgresOptions), log });
    return { url: server.url, port: server.port, pid: server.pid, owned: server.owned, directory: server.directory, stop: () => server.stop() };
  })();
  console.log(JSON.stringify({ url, port, pid, owned, directory, log: words }));
  process.stdin.once('data', () => {
    void stop().then(() => process.exit(0));
  });
} catch (error) {
  console.log(JSON.stringify({ code: (error as { code?: string }).code ?? String(error), message: String(error) }));
}
