import type { Entity } from '../pipeline/entity.ts';
import { withCallContext, type QuotaReport } from '../connection/index.ts';
import { isTdsError, type CheckFinding, type Connector, type Destination, type JsonObject, type StreamUse, type TableSpec } from '../sdk/index.ts';
import type { CheckResult } from './operations.ts';

/** A connection with its connector, as `main.ts` made it. */
export interface ConnectionAtWork {
  id: string;
  plugin: string;
  connector: Connector;
  /** What the connection tells of itself; `{}` for one that calls nothing. */
  remote: () => Promise<JsonObject>;
  /** The calls of its day; undefined for one that calls nothing. */
  quota: () => Promise<QuotaReport | undefined>;
  /** Closes its breaker by hand. @returns whether it was not closed */
  resetBreaker: () => Promise<boolean>;
  /** Empties its cache in this process; absent where it calls no remote. */
  clearCache?: () => Promise<void>;
}

/**
 * Probes each connection, then the tables that entities write through it. Really calls; results come as they are known.
 * `redact` takes secrets out of what plugins say.
 */
export async function* checkConnections(connections: readonly ConnectionAtWork[], entities: ReadonlyMap<string, Entity>, signal: AbortSignal, redact: (text: string) => string): AsyncGenerator<CheckResult> {
  for (const { id, plugin, connector } of connections) {
    const began = performance.now();
    const result = (finding: CheckFinding): CheckResult => ({ connection: id, plugin, ...finding, probe: redact(finding.probe), message: redact(finding.message), milliseconds: Math.round(performance.now() - began) });
    for (const finding of await probe(() => withCallContext({ purpose: 'check' }, () => connector.check(signal, usesOf(id, entities))), 'connection')) yield result(finding);
    const { destination } = connector;
    if (!destination) continue;
    for (const entity of entities.values()) {
      if (entity.config.to.connection !== id) continue;
      for (const spec of [entity.mapping.table, ...entity.mapping.children.map((child) => child.spec)]) {
        for (const finding of await probe(() => inspectTable(destination, spec), `table ${spec.table}`)) yield result(finding);
      }
    }
  }
}

/** The streams that entities read by a connection, each once. */
function usesOf(connection: string, entities: ReadonlyMap<string, Entity>): StreamUse[] {
  const uses = [...entities.values()].filter(({ connectionId }) => connectionId === connection).map(({ stream, options }) => ({ stream: stream.name, options }));
  return [...new Map(uses.map((use) => [JSON.stringify(use), use])).values()];
}

async function probe(ask: () => Promise<CheckFinding[]>, name: string): Promise<CheckFinding[]> {
  try {
    return await ask();
  } catch (error) {
    const { message, code, suggestion } = error as { message: string; code?: string; suggestion?: string };
    return [{ probe: name, ok: false, message: suggestion ? `${message}. ${suggestion}` : message, code: isTdsError(error) && code ? code : 'check.threw' }];
  }
}

async function inspectTable(destination: Destination, spec: TableSpec): Promise<CheckFinding[]> {
  const findings = await destination.inspect(spec);
  const probeName = `table ${spec.table}`;
  if (findings.length === 0) return [{ probe: probeName, ok: true, message: `${spec.columns.length} columns fit` }];
  return findings.map((finding) => ({
    probe: finding.column ? `${probeName}.${finding.column}` : probeName, ok: finding.severity === 'warning', code: finding.code,
    message: finding.suggestion ? `${finding.message}. ${finding.suggestion}` : finding.message,
  }));
}
