/** A TCP proxy that can fall silent: connections stay open, and nothing comes through in either direction, as when a firewall forgets them. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface BlackHole {
  readonly port: number;
  /** The same address through the proxy. */
  through(url: string): string;
  /** Silences the connections there are; `newOnes`: those to come as well. */
  freeze(options: { newOnes: boolean }): void;
  /** Silences the connections there are as soon as one of them has handed a text like this one to the server. Resolves when it has. */
  freezeAt(words: string): Promise<void>;
  /** Where new connections lead to from now on, as an address does that moves to another machine. Those there are stay. */
  lead(target: { host: string; port: number }): void;
  /** Ends all connections there are. */
  cut(): void;
  /** Lets new connections through again. What was silenced stays so. */
  thaw(): void;
  readonly connections: number;
  close(): Promise<void>;
}

export async function startBlackHole(scope: { teardown(action: () => Promise<void>): unknown }, target: { host: string; port: number }): Promise<BlackHole> {
  const pairs = new Set<[Socket, Socket | undefined]>();
  const silenced = new WeakSet<Socket>();
  let swallowing = false;
  let goal = target;
  let awaited: { words: string; met: () => void } | undefined;
  const freeze = ({ newOnes }: { newOnes: boolean }): void => {
    swallowing = newOnes;
    for (const [incoming, outgoing] of pairs) {
      for (const socket of [incoming, outgoing]) socket?.unpipe().pause();
      // One side's end must not be heard by the other either.
      silenced.add(incoming);
    }
  };
  const notice = (sent: Buffer): void => {
    if (awaited === undefined || !sent.includes(awaited.words)) return;
    const { met } = awaited;
    awaited = undefined;
    freeze({ newOnes: false });
    met();
  };
  const server = createServer((incoming) => {
    const outgoing = swallowing ? undefined : connect(goal.port, goal.host);
    const pair: [Socket, Socket | undefined] = [incoming, outgoing];
    pairs.add(pair);
    const end = (): void => {
      if (silenced.has(incoming) || !pairs.delete(pair)) return;
      for (const socket of pair) socket?.destroy();
    };
    incoming.on('error', end).on('close', end);
    if (!outgoing) return void incoming.pause();
    outgoing.on('error', end).on('close', end);
    incoming.pipe(outgoing);
    incoming.on('data', notice); // after the pipe's own: it has been handed on by then
    outgoing.pipe(incoming);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    for (const pair of pairs) for (const socket of pair) socket?.destroy();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  };
  scope.teardown(close);
  return {
    port, close,
    get connections() {
      return pairs.size;
    },
    through(url) {
      const changed = new URL(url);
      changed.hostname = '127.0.0.1';
      changed.port = String(port);
      return changed.href;
    },
    freeze,
    freezeAt: (words) => new Promise((resolve) => void (awaited = { words, met: resolve })),
    lead(to) {
      goal = to;
    },
    cut() {
      for (const pair of pairs) for (const socket of pair) socket?.destroy();
    },
    thaw() {
      swallowing = false;
    },
  };
}
