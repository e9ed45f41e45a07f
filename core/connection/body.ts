/** Bodies that arrive compressed. */
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import { PermanentError, RetryLaterError, type TdsError } from '../sdk/index.ts';
import { cureOf } from './codes.ts';

const unpackers = {
  gzip: promisify(gunzip),
  br: promisify(brotliDecompress),
  // Servers send either form under this name; the first byte of the one with a header tells them apart.
  deflate: (data: Buffer, options: { maxOutputLength: number }) => promisify(((data[0] ?? 0) & 0x0f) === 8 ? inflate : inflateRaw)(data, options),
};

/**
 * A body, unpacked; `encoding` is the answer's `content-encoding`. Nothing larger than `maxBody` is ever unpacked.
 * @throws PermanentError `http.too_large`, `http.bad_encoding` (unknown); RetryLaterError `http.body_cut`, `http.bad_encoding` (damaged)
 */
export async function readBody(chunks: readonly Buffer[], encoding: string | undefined, maxBody: number): Promise<Buffer> {
  let data = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  if (encoding === undefined || data.length === 0) return withoutMark(data);
  const names = encoding.toLowerCase().split(',').map((name) => name.trim().replace(/^x-/, '')).filter((name) => name !== '' && name !== 'identity');
  if (names.length > 2) throw badEncoding(encoding);
  for (const name of names.toReversed()) {
    if (!Object.hasOwn(unpackers, name)) throw badEncoding(encoding);
    try {
      data = await unpackers[name as keyof typeof unpackers](data, { maxOutputLength: maxBody });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBody);
      if (code === 'Z_BUF_ERROR') throw new RetryLaterError('http.body_cut', 'The compressed answer ended before it was complete.', { cause: error, suggestion: cureOf('http.body_cut') });
      throw new RetryLaterError('http.bad_encoding', 'The compressed answer is damaged.', { cause: error, suggestion: cureOf('http.bad_encoding') });
    }
  }
  return withoutMark(data);
}

/** The error for a body beyond the limit. */
export function tooLarge(maxBody: number): TdsError {
  return new PermanentError('http.too_large', `The answer is larger than ${maxBody.toLocaleString('en-US')} bytes.`, { suggestion: cureOf('http.too_large') });
}

/** Without a byte order mark, which JSON.parse would refuse. */
function withoutMark(data: Buffer): Buffer {
  return data[0] === 0xef && data[1] === 0xbb && data[2] === 0xbf ? data.subarray(3) : data;
}

function badEncoding(encoding: string): TdsError {
  return new PermanentError('http.bad_encoding', `The answer is compressed as ${JSON.stringify(encoding.slice(0, 40))}, which was not asked for.`, { suggestion: cureOf('http.bad_encoding') });
}
