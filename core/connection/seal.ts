/** Seals what must not be readable in the database: AES-256-GCM. */
import { createCipheriv, createDecipheriv, createHash, randomBytes, scrypt } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Sealer {
  /** `place` binds the sealed text to where it is kept: moved elsewhere, it doesn't open. */
  seal(text: string, place: string): Buffer;
  /** Undefined where it was sealed with another key, for another place, or was changed. */
  open(sealed: Buffer, place: string): string | undefined;
}

const version = 1;
const keyFile = 'secret.key';

/**
 * The sealer of this installation: its key comes from `secret` (`TDS_SECRET_KEY`), else from a file in `directory` that only its
 * owner can read and that is made at first. Nodes that share a database without sharing the key each fetch tokens of their own.
 */
export async function loadSealer(options: { secret?: string | undefined; directory: string }): Promise<Sealer> {
  const { secret, directory } = options;
  if (secret !== undefined && secret !== '') return sealer((await promisify(scrypt)(secret, 'tds sealing key', 32)) as Buffer);
  return sealer(await keyOfFile(directory));
}

async function keyOfFile(directory: string): Promise<Buffer> {
  const path = join(directory, keyFile);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  try {
    // `wx`: of two processes that start at once, one makes it.
    const file = await open(path, 'wx', 0o600);
    try {
      const key = randomBytes(32);
      await file.writeFile(key);
      await file.sync();
      return key;
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  // The other process may be between making and filling it.
  for (let attempt = 0; attempt < 50; attempt++) {
    const key = await readFile(path);
    if (key.length === 32) return key;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${path} does not hold a key of 32 bytes; delete it, and TDS makes a new one`);
}

/** A sealer with this key of 32 bytes. Without one: a key that ends with the process. */
export function sealer(key: Buffer = randomBytes(32)): Sealer {
  const keyId = createHash('sha256').update('tds key id').update(key).digest().subarray(0, 4);
  return {
    seal(text, place) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place));
      const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.of(version), keyId, nonce, cipher.getAuthTag(), data]);
    },
    open(sealed, place) {
      if (sealed.length < 33 || sealed[0] !== version || !sealed.subarray(1, 5).equals(keyId)) return undefined;
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(5, 17)).setAAD(Buffer.from(place)).setAuthTag(sealed.subarray(17, 33));
        return decipher.update(sealed.subarray(33), undefined, 'utf8') + decipher.final('utf8');
      } catch {
        return undefined;
      }
    },
  };
}
