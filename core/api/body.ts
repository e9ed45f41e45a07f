import type { IncomingMessage } from 'node:http';
import { ApiError } from './problem.ts';

/** Bytes of a body at most. */
export const bodyLimit = 256 * 1024;

/** Reads a request's body as JSON. None at all counts as `{}`. @throws ApiError for another type, a large body, or what is no JSON */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  const announced = request.headers['content-length'];
  if (announced === undefined && request.headers['transfer-encoding'] === undefined) return {};
  if (Number(announced) > bodyLimit) throw tooLarge();
  const bytes = await collect(request);
  if (bytes.length === 0) return {};
  const type = (request.headers['content-type'] ?? '').toLowerCase();
  if (!/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/.test(type)) {
    throw new ApiError('api.content_type', `The body's type is ${type === '' ? 'not given' : JSON.stringify(type.slice(0, 100))}.`);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (cause) {
    throw new ApiError('api.bad_json', `The body can't be parsed: ${cause instanceof SyntaxError ? cause.message : 'it is no UTF-8'}.`, { cause });
  }
}

async function collect(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      size += (chunk as Buffer).length;
      if (size > bodyLimit) throw tooLarge();
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError('api.bad_request', 'The request broke off before its body was complete.', { cause: error });
  }
  return Buffer.concat(chunks);
}

/** The rest of such a body isn't read: the connection ends with the answer. */
function tooLarge(): ApiError {
  return new ApiError('api.too_large', `The body has more than ${bodyLimit / 1024} kB.`, { headers: { Connection: 'close' } });
}
