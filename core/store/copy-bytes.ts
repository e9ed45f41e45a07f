/** What is streamed into a COPY, as bytes in chunks that the socket likes. */

const size = 128 * 1024;

/**
 * Collects texts in one buffer. Each is written into it by itself: joining them first and turning the long text into bytes later
 * takes several times as long.
 */
class Collector {
  #buffer: Buffer = Buffer.allocUnsafe(size);
  #length = 0;

  /** Collects a chunk, and answers what is full; a chunk that is large already goes on as it is. */
  *pass(chunk: string | Buffer): Generator<Buffer> {
    const isLarge = typeof chunk !== 'string' && chunk.length >= size / 2;
    const full = isLarge ? this.end() : this.#add(chunk);
    if (full) yield full;
    if (isLarge) yield chunk;
  }

  /** Answers what was collected before, when the chunk found no more room beside it. */
  #add(chunk: string | Buffer): Buffer | undefined {
    const most = typeof chunk === 'string' ? chunk.length * 3 : chunk.length;
    let full: Buffer | undefined;
    if (this.#length + most > this.#buffer.length) {
      full = this.end();
      this.#buffer = Buffer.allocUnsafe(Math.max(size, most));
    }
    this.#length += typeof chunk === 'string' ? this.#buffer.write(chunk, this.#length, 'utf8') : chunk.copy(this.#buffer, this.#length);
    return full;
  }

  end(): Buffer | undefined {
    const rest = this.#length === 0 ? undefined : this.#buffer.subarray(0, this.#length);
    this.#buffer = this.#buffer.subarray(this.#length);
    this.#length = 0;
    return rest;
  }
}

/** Joins chunks, of whatever size they come, into large ones. */
export function joined(chunks: Iterable<string | Buffer> | AsyncIterable<string | Buffer>): Iterable<Buffer> | AsyncIterable<Buffer> {
  return Symbol.iterator in chunks ? joinedAtOnce(chunks) : joinedAsTheyCome(chunks);
}

function* joinedAtOnce(chunks: Iterable<string | Buffer>): Generator<Buffer> {
  const collector = new Collector();
  for (const chunk of chunks) yield* collector.pass(chunk);
  const rest = collector.end();
  if (rest) yield rest;
}

async function* joinedAsTheyCome(chunks: AsyncIterable<string | Buffer>): AsyncGenerator<Buffer> {
  const collector = new Collector();
  for await (const chunk of chunks) yield* collector.pass(chunk);
  const rest = collector.end();
  if (rest) yield rest;
}
