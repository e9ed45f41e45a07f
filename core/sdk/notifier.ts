import type { HttpClient } from './http.ts';
import type { JsonObject } from './json.ts';
import type { Clock, Logger } from './services.ts';

export type AlertSeverity = 'info' | 'warning' | 'critical';

/** One thing that is wrong. */
export interface AlertFact {
  /** The same for as long as the same rule breaks on the same thing, also when it comes back: what a service tells incidents apart by. */
  id: string;
  severity: AlertSeverity;
  /** What is wrong, with how much; one line. */
  summary: string;
  /** The command or page that helps; one line. */
  help: string;
  /** What it is about: entity, connection, node … */
  labels: Readonly<Record<string, string>>;
  /** The figure that broke the rule; null for what has none. */
  value: number | null;
  since: Date;
  /** Set in a message that says that it is over. */
  resolvedAt: Date | null;
}

/** What is to reach people: alerts of one rule that came together. */
export interface AlertMessage {
  /** The same at each attempt to deliver it, so that a service which knows it shows it once. */
  id: string;
  /** `repeat`: told before, and still so. `test`: nothing is wrong; a person asked for it. `report`: what was done in a span of time, for who wants to know; no incident. */
  kind: 'firing' | 'repeat' | 'resolved' | 'test' | 'report';
  rule: string;
  /** The worst of its alerts. */
  severity: AlertSeverity;
  /** At least one, the oldest first. Of a report the first says all in a line, the others what is to be looked at. */
  alerts: readonly AlertFact[];
  /** Of a report: all of it, as plain text and as an HTML page, for services that can show it. */
  document?: { text: string; html: string };
  /** Which TDS speaks: the machine's name. */
  source: string;
  at: Date;
}

/** A notifier at work. */
export interface Notifier {
  /**
   * Hands one message to the service. Resolves when the service has taken it. Called by a durable job, so it may be called again for the
   * same message after a failure or a crash. A RetryLaterError or RateLimitedError is tried again with growing pauses for about an hour;
   * PermanentError and AccessDeniedError give the message up; any other throw is tried again.
   */
  send(message: AlertMessage, signal: AbortSignal): Promise<void>;
  /** Gives back what `create` took. Called once; must not throw. */
  close?(): Promise<void>;
}

/** What a notifier gets for one entry of `notifiers`. */
export interface NotifierContext<Settings = JsonObject> {
  /** The name in the config. */
  readonly notifierId: string;
  /** `with:` after interpolation, checked against `configSchema`, defaults filled in. */
  readonly settings: Settings;
  /** The guarded way out: time-outs, size limits, one repeat. Hosts inside the private network must stand in the settings. */
  readonly http: HttpClient;
  readonly log: Logger;
  readonly clock: Clock;
}

/** What the file of a notifier exports as its default. */
export interface NotifierPlugin<Settings = JsonObject> {
  /** The word that `plugin:` uses; kebab-case. */
  id: string;
  /** The plugin's own version, for people. */
  version: string;
  /** The SDK version it was written for: `SDK_VERSION`. */
  sdk: number;
  kind: 'notifier';
  /** For people, one line. */
  description: string;
  /** JSON Schema of `with:`, as for connectors; secrets are marked `writeOnly`. */
  configSchema: object;
  /** Must not do any I/O. */
  create(context: NotifierContext<Settings>): Notifier;
}

/** Types a notifier and hands it back unchanged. */
export function defineNotifier<Settings>(plugin: NotifierPlugin<Settings>): NotifierPlugin {
  return plugin as unknown as NotifierPlugin;
}
