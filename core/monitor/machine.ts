/** Where a process id means something. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Names this host, its boot and the namespace of its process ids: two processes that agree in it can look for each other by pid. Two
 * containers may share a host name, and even the host's network, but not this.
 */
export function machineName(): string {
  const part = (read: () => string): string => {
    try {
      return read().trim();
    } catch {
      return process.platform; // not Linux
    }
  };
  return [hostname(), part(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')), part(() => readlinkSync('/proc/self/ns/pid'))].join(' ');
}

/** Whether no process of this machine has the id. A paused process and one of another user live; one that only waits for its parent does not. */
export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: string }).code === 'ESRCH';
  }
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
