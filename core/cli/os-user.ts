import { userInfo } from 'node:os';

/** The user of the system that this process runs as; its number where the system knows no name. */
export function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
