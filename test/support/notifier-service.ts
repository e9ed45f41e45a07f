/** A local stand-in for the services that notifiers speak with: it checks each payload against the service's documented format. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ServiceMood } from '../../core/sdk/test/index.ts';

export interface Posted { path: string; headers: IncomingHttpHeaders; text: string; body: Record<string, unknown> }

/** How a service answers, by its mood; and what is wrong with a payload, if anything is. */
export interface ServiceRules {
  answers: Readonly<Record<ServiceMood, { status: number; body: string; headers?: Record<string, string> }>>;
  /** The fault of a payload that the service would refuse. */
  fault(posted: Posted): string | undefined;
}

export interface NotifierService {
  url: string;
  /** A port on which nobody listens. */
  closedUrl: string;
  mood(mood: ServiceMood): void;
  /** What was taken since the last call. */
  taken(): Posted[];
}

export async function notifierService(scope: { teardown(action: () => unknown): unknown }, rules: ServiceRules): Promise<NotifierService> {
  let mood: ServiceMood = 'well';
  let taken: Posted[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const posted: Posted = { path: request.url ?? '', headers: request.headers, text, body: parsed(text) };
    const fault = request.method === 'POST' ? rules.fault(posted) : 'it takes POST alone';
    const { status, body, headers } = fault === undefined ? rules.answers[mood] : { status: 400, body: JSON.stringify({ ok: false, description: fault, message: fault, errors: [fault] }), headers: {} };
    if (fault === undefined && mood === 'well') taken.push(posted);
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  });
  const port = await listen(server);
  scope.teardown(() => server.close());
  const closed = createServer();
  const closedPort = await listen(closed);
  await new Promise((resolve) => closed.close(resolve));
  return {
    url: `http://127.0.0.1:${port}`, closedUrl: `http://127.0.0.1:${closedPort}`,
    mood: (next) => void (mood = next),
    taken() {
      const all = taken;
      taken = [];
      return all;
    },
  };
}

async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
