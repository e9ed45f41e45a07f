/** Sends signed messages over kept connections and measures the answers; as little work per message as can be, since it shares the machine. */
import { createHmac } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export const secret = 'thesecretofthebench';

export interface LoadResult { taken: number; refused: number; failed: number; seconds: number; p50: number; p99: number }
export interface LoadOptions { url: string; path: string; connections: number; /** Messages of distinct records, made before. */ messages: readonly Buffer[]; seconds: number; /** Messages a second; absent: as fast as answers come. */ rate?: number }

/** Requests that are ready to be sent, over so many records, each newer than the one before. */
export function makeMessages(count: number, records: number, path: string, begin = 0): Buffer[] {
  return Array.from({ length: count }, (_, n) => {
    const at = begin + n;
    const body = JSON.stringify({ invoice: {
      invoice_id: `9${String(at % records).padStart(17, '0')}`, invoice_number: `INV-${at}`, customer_id: '460000000026049', customer_name: 'Bowman & Co', status: 'sent', date: '2026-06-01', due_date: '2026-07-01', currency_code: 'USD',
      total: at / 4, balance: at / 4, reference_number: `SO-${at}`, notes: 'Looking forward for your business. '.repeat(6), billing_address: { address: '4900 Hopyard Rd, Suite 310', city: 'Pleasanton', state: 'CA', zip: '94588', country: 'U.S.A' },
      line_items: [1, 2].map((line) => ({ line_item_id: `${at}${line}`, item_id: '460000000017088', name: 'Hard Drive', quantity: line, rate: 120.5, item_total: 120.5 * line })), created_time: '2026-06-01T08:00:00+0000',
      last_modified_time: new Date(Date.UTC(2026, 5, 1) + at * 1000).toISOString(),
    } });
    return Buffer.from(`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX-Zoho-Webhook-Signature: ${createHmac('sha256', secret).update(body).digest('hex')}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  });
}

/** Sends for so many seconds, each connection one message at a time, and waits for the last answers. */
export async function sendLoad({ url, connections, messages, seconds, rate }: LoadOptions): Promise<LoadResult> {
  const { hostname, port } = new URL(url);
  const times: number[] = [];
  const result = { taken: 0, refused: 0, failed: 0 };
  const free: Sender[] = [];
  let next = 0;
  let open = true;
  let begin = 0;
  const due = (): boolean => next < messages.length && (rate === undefined || next < ((performance.now() - begin) / 1000) * rate);
  const give = (sender: Sender): void => {
    if (open && due()) sender.send(messages[next++] as Buffer);
    else free.push(sender);
  };
  const senders = await Promise.all(Array.from({ length: connections }, () => Sender.open(hostname, Number(port), (sender, status, ms) => {
    if (status === 202) result.taken += 1;
    else if (status === 503) result.refused += 1;
    else result.failed += 1;
    if (status === 202) times.push(ms);
    give(sender);
  })));
  begin = performance.now();
  for (const sender of senders) give(sender);
  const ticker = setInterval(() => {
    for (let sender = free.pop(); sender; sender = free.pop()) {
      if (!open || !due()) {
        free.push(sender);
        return;
      }
      give(sender);
    }
  }, 1);
  await new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });
  open = false;
  clearInterval(ticker);
  const took = (performance.now() - begin) / 1000;
  const taken = result.taken;
  await Promise.all(senders.map((sender) => sender.close()));
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { ...result, seconds: taken === 0 ? took : took * (result.taken / taken), p50: at(0.5), p99: at(0.99) };
}

/** One connection: HTTP as far as it is needed here. */
class Sender {
  readonly #socket: Socket;
  readonly #told: (sender: Sender, status: number, ms: number) => void;
  #sentAt = 0;
  #text = '';
  #idle: (() => void) | undefined;

  constructor(socket: Socket, told: (sender: Sender, status: number, ms: number) => void) {
    this.#socket = socket;
    this.#told = told;
    socket.setNoDelay(true).setEncoding('latin1').on('data', (text: string) => this.#read(text)).on('error', () => undefined).on('close', () => this.#ended(0));
  }

  static open(host: string, port: number, told: (sender: Sender, status: number, ms: number) => void): Promise<Sender> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, host, () => resolve(new Sender(socket, told)));
      socket.once('error', reject);
    });
  }

  send(message: Buffer): void {
    this.#sentAt = performance.now();
    this.#socket.write(message);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#socket.destroy();
        resolve();
      };
      if (this.#sentAt === 0) end();
      else this.#idle = end;
    });
  }

  #read(text: string): void {
    this.#text += text;
    const head = this.#text.indexOf('\r\n\r\n');
    if (head < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(this.#text)?.[1] ?? 0);
    if (this.#text.length < head + 4 + length) return;
    const status = Number(this.#text.slice(9, 12));
    this.#text = '';
    this.#ended(status);
  }

  #ended(status: number): void {
    if (this.#sentAt === 0) return;
    const ms = performance.now() - this.#sentAt;
    this.#sentAt = 0;
    this.#told(this, status, ms);
    if (this.#sentAt === 0) this.#idle?.();
  }
}
