import { createHash, timingSafeEqual } from 'node:crypto';
import type { AccessOperations, Identity, Rejection } from '../operations/access.ts';
import { Attempts } from './attempts.ts';
import { nobody, type Caller } from './caller.ts';
import { csrfOf, sessionIn } from './cookies.ts';
import { ApiError } from './problem.ts';

/** The headers by which a caller says who it is. */
export interface Credentials {
  authorization: string; cookie: string; address: string;
  /** A page of another origin: by its token alone it says who it is. */
  crossOrigin: boolean;
  /** A program of this machine asks, and speaks for nobody else. */
  fromHere: boolean;
}

/** A secret that was good so lately, in ms, is looked up whatever strangers try from the same address. */
const atWorkMs = 3_600_000;

/**
 * A good secret is taken for good for so long after it was looked up, in ms: a revocation holds on every node within this time. It is looked up again
 * some time before, so that who asks steadily waits for none of these look-ups.
 */
const trustMs = 800;
const freshMs = 400;
/** For so long the API of a new TDS may seem open still after the first token was made, in ms. */
const standingMs = 500;
const mostTrusted = 1000;

/** What a look-up said, or will; `since`: when it began. */
interface Trusted { since: number; identity: Promise<Identity | Rejection>; isRenewed?: boolean }

/** Tells who asks, and keeps strangers out. */
export class Doorkeeper {
  readonly #access: AccessOperations;
  readonly #loopback: boolean;
  readonly #now: () => number;
  readonly #attempts: Attempts;
  readonly #notes: Attempts;
  /** Of secrets that were good the time up to which they are at work. */
  readonly #atWork = new Map<string, number>();
  /** An address that has no attempt left has one looked up: there is one such look-up at a time. */
  #late = false;
  readonly #trusted = new Map<string, Trusted>();
  #standing: { until: number; made: Promise<number> } | undefined;

  constructor(options: { access: AccessOperations; loopback: boolean; now: () => number }) {
    this.#access = options.access;
    this.#loopback = options.loopback;
    this.#now = options.now;
    this.#attempts = new Attempts(options.now);
    this.#notes = new Attempts(options.now);
  }

  /** Who asks. @throws ApiError `api.no_token`, `api.bad_token`, `api.too_many_attempts` */
  async identify({ authorization, cookie, address, crossOrigin, fromHere }: Credentials): Promise<Caller> {
    if (authorization !== '') {
      const token = /^Bearer +([A-Za-z0-9_-]{1,200})$/i.exec(authorization.trim())?.[1];
      if (token === undefined) {
        await this.#attempt(address, async () => 'unknown');
        throw badToken('The header Authorization holds no bearer token.');
      }
      const identity = await this.#demand(address, 'token', token, () => this.#access.identify(token));
      return { ...nobody(address), ...identity, kind: 'token' };
    }
    const session = crossOrigin ? undefined : sessionIn(cookie);
    if (session !== undefined) {
      const identity = await this.#demand(address, 'session', session, () => this.#access.identifySession(session));
      return { ...nobody(address), ...identity, kind: 'session', csrf: csrfOf(session) };
    }
    if (!crossOrigin && fromHere && await this.isOpen()) return { ...nobody(address), kind: 'open', name: 'open', scope: 'admin' };
    throw new ApiError('api.no_token', 'The request does not say who asks.', { headers: { 'WWW-Authenticate': 'Bearer realm="tds"' } });
  }

  /** Opens a session for the holder of a token. @throws ApiError `api.bad_token`, `api.too_many_attempts` */
  async signIn(address: string, token: string): Promise<{ secret: string; expiresAt: Date; caller: Caller }> {
    const opened = await this.#attempt(address, () => this.#access.openSession(token));
    if (typeof opened === 'string') throw badToken(rejections[opened]);
    return { secret: opened.secret, expiresAt: opened.expiresAt, caller: { ...nobody(address), ...opened.identity, kind: 'session', csrf: csrfOf(opened.secret) } };
  }

  /** Ends the session of a Cookie header, if there is one. */
  async signOut(cookie: string): Promise<void> {
    const session = sessionIn(cookie);
    if (session === undefined) return;
    await this.#access.endSession(session);
    this.#trusted.delete(keyOf('session', session));
  }

  /** Whether anybody on this machine may do all: while no token was ever made, and others can't reach it. */
  async isOpen(): Promise<boolean> {
    if (!this.#loopback) return false;
    const now = this.#now();
    if (!this.#standing || this.#standing.until <= now) {
      const made = this.#access.standing().then((standing) => standing.made);
      this.#standing = { until: now + standingMs, made };
      made.catch(() => (this.#standing = undefined));
    }
    return (await this.#standing.made) === 0;
  }

  /** Whether a refusal at this address may be written down: a flood of them is told by its beginning. */
  mayNote(address: string): boolean {
    if (this.#notes.wait(address) > 0) return false;
    this.#notes.count(address);
    return true;
  }

  async #demand(address: string, kind: string, secret: string, ask: () => Promise<Identity | Rejection>): Promise<Identity> {
    const key = keyOf(kind, secret);
    const known = this.#trusted.get(key);
    const isAtWork = (this.#atWork.get(key) ?? 0) > this.#now();
    if (!known || this.#now() - known.since >= trustMs) this.#trust(key, isAtWork ? ask() : this.#attempt(address, ask));
    else if (isAtWork && this.#now() - known.since >= freshMs) void this.#renew(key, known, ask);
    const identity = (await this.#trusted.get(key)?.identity) ?? 'unknown';
    if (typeof identity !== 'string') {
      keep(this.#atWork, key, this.#now() + atWorkMs);
      return identity;
    }
    this.#trusted.delete(key);
    this.#atWork.delete(key);
    throw badToken(rejections[identity]);
  }

  #trust(key: string, identity: Promise<Identity | Rejection>): void {
    identity.catch(() => this.#trusted.delete(key));
    keep(this.#trusted, key, { since: this.#now(), identity });
  }

  /** Looks a secret up again while it is trusted still. One that can't be is looked up by who comes when it is trusted no more. */
  async #renew(key: string, known: Trusted, ask: () => Promise<Identity | Rejection>): Promise<void> {
    if (known.isRenewed) return;
    known.isRenewed = true;
    const since = this.#now();
    const identity = await ask().catch(() => undefined);
    // who signed out meanwhile stays out
    if (identity !== undefined && this.#trusted.get(key) === known) this.#trusted.set(key, { since, identity: Promise.resolve(identity) });
  }

  /**
   * Counts an attempt before it is known how it ends, so that many at once are no way around; a good one, or a fault of ours, is taken back.
   * Behind one address there may be good ones too: where it has none left, one at a time is looked up all the same, and refused as one too many
   * if it is bad. @throws ApiError `api.too_many_attempts`
   */
  async #attempt<T>(address: string, ask: () => Promise<T | Rejection>): Promise<T | Rejection> {
    const wait = this.#attempts.wait(address);
    if (wait > 0) {
      const answer = await this.#oneAtATime(ask);
      if (answer === undefined || typeof answer === 'string') throw new ApiError('api.too_many_attempts', 'Too many bad tokens came from this address.', { headers: { 'Retry-After': String(Math.ceil(wait / 1000)) } });
      return answer;
    }
    this.#attempts.count(address);
    let bad = false;
    try {
      const answer = await ask();
      bad = typeof answer === 'string';
      return answer;
    } finally {
      if (!bad) this.#attempts.forgive(address);
    }
  }

  /** Undefined while another one is at it. */
  async #oneAtATime<T>(ask: () => Promise<T>): Promise<T | undefined> {
    if (this.#late) return undefined;
    this.#late = true;
    try {
      return await ask();
    } finally {
      this.#late = false;
    }
  }
}

/** Keeps so many, the ones that were named last. */
function keep<T>(kept: Map<string, T>, key: string, value: T): void {
  kept.delete(key);
  kept.set(key, value);
  const [oldest] = kept.keys();
  if (kept.size > mostTrusted && oldest !== undefined) kept.delete(oldest);
}

function badToken(detail: string): ApiError {
  return new ApiError('api.bad_token', detail, { headers: { 'WWW-Authenticate': 'Bearer realm="tds", error="invalid_token"' } });
}

const rejections: Record<Rejection, string> = { unknown: 'There is no such token.', expired: 'The token has expired.', revoked: 'The token was revoked.' };

/** @throws ApiError `api.csrf` for an act of a session that does not carry what its own page knows */
export function demandCsrf({ kind, csrf = '' }: Caller, given: string): void {
  if (kind !== 'session') return;
  const [wanted, sent] = [Buffer.from(csrf), Buffer.from(given)];
  if (wanted.length !== sent.length || !timingSafeEqual(wanted, sent)) throw new ApiError('api.csrf', 'The request carries the session\'s cookie, but not its X-CSRF-Token.');
}

/** The secrets themselves are not kept in memory. */
function keyOf(kind: string, secret: string): string {
  return `${kind}:${createHash('sha256').update(secret).digest('base64')}`;
}
