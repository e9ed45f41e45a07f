import { createTestContext, type TestContext, type TestContextOptions } from 'tds/sdk/test';
import type { Connector, JsonObject, JsonValue, Plugin, ReadEnd, ReadMode, ReadPage, Source, SourceRecord } from 'tds/sdk';

/** Settings that lead to a server of a test: a sandbox, or a fake. */
export function settingsFor(server: { accountsUrl: string; apiUrl: string; credentials?: object }): JsonObject {
  return {
    dataCenter: 'com', organizationId: '870000001', clientId: 'client', clientSecret: 'planted-secret', refreshToken: 'planted-refresh',
    ...server.credentials, accountsUrl: server.accountsUrl, apiUrl: server.apiUrl,
  };
}

/** A connector under test with its context. */
export interface Rig {
  connector: Connector;
  source: Source;
  context: TestContext;
}

/** Makes a connector with a context in memory. */
export function rigOf(plugin: Plugin, settings: object, options: Omit<TestContextOptions, 'settings'> = {}): Rig {
  const context = createTestContext({ ...options, settings });
  const connector = plugin.create(context);
  if (!connector.source) throw new Error('the connector reads nothing');
  return { connector, source: connector.source, context };
}

/** What a whole read gave. */
export interface Read {
  pages: ReadPage[];
  records: SourceRecord[];
  end: ReadEnd | undefined;
}

/** How to read. */
export interface ReadOptions {
  mode?: ReadMode;
  cursor?: JsonValue | undefined;
  position?: JsonValue | undefined;
  part?: JsonValue | undefined;
  options?: JsonObject;
  /** Runs after each page. */
  between?: (page: ReadPage, number: number) => void | Promise<void>;
}

/** Reads a stream to its end. */
export async function readAll(source: Source, stream: string, { mode = 'full', cursor, position, part, options = {}, between }: ReadOptions = {}): Promise<Read> {
  const pages: ReadPage[] = [];
  const request = { stream, options, mode, signal: new AbortController().signal, ...(cursor === undefined ? {} : { cursor }), ...(part === undefined ? {} : { part }), ...(position === undefined ? {} : { position: structuredClone(position) }) };
  for await (const page of source.read(request)) {
    pages.push(page);
    if (pages.length > 5000) throw new Error('the read does not end');
    await between?.(page, pages.length);
  }
  return { pages, records: pages.flatMap((page) => page.records), end: pages.at(-1)?.end };
}

/** The ids of records, without repeats, sorted. */
export function idsOf(records: readonly SourceRecord[], field: string): string[] {
  return [...new Set(records.map((record) => String(record[field])))].sort();
}
