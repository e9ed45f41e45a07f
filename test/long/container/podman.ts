/** Podman as the container check uses it: each call, what it made, and taking all of that away again. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export interface Said { ok: boolean; code: number | null; out: string; all: string }

/** One call. */
export function podman(args: readonly string[]): Said {
  const { status, stdout, stderr, error } = spawnSync('podman', args, { encoding: 'utf8', maxBuffer: 64_000_000 });
  return { ok: status === 0, code: status, out: (stdout ?? '').trim(), all: `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`.trim() };
}

/** The same where it has to succeed; answers what it printed. */
export function must(args: readonly string[]): string {
  const said = podman(args);
  if (!said.ok) throw new Error(`podman ${args.join(' ')}\nended with ${said.code}: ${said.all.slice(-4000)}`);
  return said.out;
}

/** Names of this check alone, so that nothing of the machine's own is touched. */
export const mark = `tds-check-${process.pid}`;
const made: string[][] = [];

/** Makes a volume, network or secret that ends with the check. */
export function make(kind: 'volume' | 'network' | 'secret', name: string, secret?: string): string {
  const full = `${mark}-${name}`;
  const folder = mkdtempSync(join(tmpdir(), 'tds-check-'));
  try {
    // By a file, as not every Podman takes the kind of pipe that Node gives.
    if (secret !== undefined) writeFileSync(join(folder, 'secret'), secret, { mode: 0o600 });
    must([kind, 'create', full, ...(secret === undefined ? [] : [join(folder, 'secret')])]);
  } finally {
    rmSync(folder, { recursive: true });
  }
  made.push([kind, 'rm', full]);
  return full;
}

/** Starts a container that ends with the check; answers its name. */
export function run(name: string, options: readonly string[], command: readonly string[]): string {
  const full = `${mark}-${name}`;
  made.push(['rm', '--force', '--volumes', '--time', '1', full]);
  must(['run', '--detach', '--name', full, ...options, ...command]);
  return full;
}

/** What ends with the check although something else made it. */
export const endsWithIt = (...args: string[]): void => void made.push(args);

/** Takes away all that was made, the newest first. */
export function clear(): void {
  for (const args of made.splice(0).toReversed()) podman(args);
}

/** A backup as the guide makes it; answers the file, inside. */
export const backUp = (container: string): string => (JSON.parse(must(['exec', container, 'tds', 'backup', '/var/lib/tds/backups/', '--json'])) as { file: string }).file;

export const remove = (container: string): string => must(['rm', '--force', '--time', '1', container]);
export const logs = (container: string): string => podman(['logs', container]).all;

/** Resolves as soon as `look` is true, with the seconds that took; looks four times a second. */
export async function until(what: string, seconds: number, look: () => boolean | Promise<boolean>): Promise<number> {
  const began = Date.now();
  for (;;) {
    if (await look()) return (Date.now() - began) / 1000;
    if (Date.now() - began > seconds * 1000) throw new Error(`${what}: not within ${seconds} s`);
    await pause(250);
  }
}

/** Asks the container's own health check, as Podman would by its timers. */
export const isHealthy = (container: string): boolean => podman(['healthcheck', 'run', container]).ok;

export async function healthy(container: string): Promise<number> {
  return until(`${container} is healthy`, 120, () => {
    if (must(['inspect', container, '--format', '{{.State.Running}}']) !== 'true') throw new Error(`${container} ended:\n${logs(container)}`);
    return isHealthy(container);
  }).catch((cause: unknown) => {
    throw new Error(`${(cause as Error).message}\n${logs(container).slice(-4000)}`, { cause });
  });
}

/** Asks for an orderly end; answers the exit code and the seconds. */
export function stop(container: string): { code: number; seconds: number } {
  const began = Date.now();
  must(['stop', '--time', '30', container]);
  return { code: Number(must(['inspect', container, '--format', '{{.State.ExitCode}}'])), seconds: (Date.now() - began) / 1000 };
}
