/** Messages of services: taken, refused, applied, and what never came. Counted once per group or set, never by a query per message. */
import { replaceAll, type Metrics } from './registry.ts';
import { Recent } from './recent.ts';

/** To a commit of a group, and from there to the table. */
const acceptSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const applySeconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3600];

/** The share of lost changes, and what waits, of one entity; as `core/store/figures.ts` reads them. */
export interface InboxFigure { entity: string; waiting: number; oldestSeconds: number; /** 0 to 1. */ lossRatio: number }

/** Messages of an entity that were refused within a day in which none was taken. */
export interface UntakenFigure { entity: string; refused: number }

/** What a set came to, once it is committed. */
export interface AppliedSet { entity: string; outcomes: Readonly<Record<string, number>>; duplicates: number; /** Seconds from arrival to the commit, one for each message. */ delays: readonly number[] }

export interface WebhookMetrics {
  /** A message was saved and answered 202, so many seconds after its headers had come. */
  accepted(entity: string, seconds: number): void;
  /** A message was not taken. `entity` is empty where it is none of ours; `reason` is one of few words. */
  refused(entity: string, reason: string, at: Date): void;
  applied(set: AppliedSet): void;
  /** At a scrape: what was refused of late. */
  atScrape(now: Date): void;
  /** At a scrape; undefined: the database can't be asked. */
  inInbox(figures: readonly InboxFigure[] | undefined, untaken: readonly UntakenFigure[] | undefined): void;
}

export function webhookMetrics(metrics: Metrics): WebhookMetrics {
  const accepted = metrics.counter({ name: 'tds_webhook_accepted_total', help: 'Messages of services that were saved and answered 202.', labels: ['entity'], scope: 'node' });
  const refused = metrics.counter({ name: 'tds_webhook_refused_total', help: 'Messages that were not taken: signature (401), unknown (404), too_large (413), not_json (400), overload (503), broken_off, failed. Entity is empty where it is none of ours.', labels: ['entity', 'reason'], scope: 'node' });
  const lately = metrics.gauge({ name: 'tds_webhook_refused_recent', help: 'Messages that were not taken in the last 15 minutes.', labels: ['entity', 'reason'], scope: 'node' });
  const accept = metrics.histogram({ name: 'tds_webhook_accept_duration_seconds', help: 'From the headers of a message to its commit, upon which it is answered 202.', scope: 'node' }, acceptSeconds);
  const applied = metrics.counter({ name: 'tds_webhook_applied_total', help: 'Messages that have an outcome: applied, deleted, unchanged, stale (something newer was there), dropped, refused (a dead letter).', labels: ['entity', 'outcome'], scope: 'node' });
  const duplicates = metrics.counter({ name: 'tds_webhook_duplicates_total', help: 'Messages that were the same as an earlier one.', labels: ['entity'], scope: 'node' });
  const delay = metrics.histogram({ name: 'tds_webhook_apply_delay_seconds', help: 'From the arrival of a message to the commit of what it changes.', labels: ['entity'], scope: 'node' }, applySeconds);
  const waiting = metrics.gauge({ name: 'tds_webhook_waiting_messages', help: 'Messages that are saved and wait to be applied.', labels: ['entity'], scope: 'all' });
  const oldest = metrics.gauge({ name: 'tds_webhook_oldest_waiting_age_seconds', help: 'How long the oldest of them has been waiting.', labels: ['entity'], scope: 'all' });
  const loss = metrics.gauge({ name: 'tds_webhook_loss_ratio', help: 'The share of the changes of the last one to two hours that no message told of, 0 to 1. A single one is chance, and counts as none.', labels: ['entity'], scope: 'all' });
  const none = metrics.gauge({ name: 'tds_webhook_untaken_refusals', help: 'Messages that were refused, for whatever reason, within a day in which none of the entity was taken. Entity is "unknown addresses" where they were for none of ours.', labels: ['entity'], scope: 'all' });
  const recent = new Recent();
  return {
    accepted(entity, seconds) {
      accepted.inc({ entity });
      accept.observe(seconds);
    },
    refused(entity, reason, at) {
      refused.inc({ entity, reason });
      recent.add({ entity, reason }, at);
    },
    applied({ entity, outcomes, duplicates: doubled, delays }) {
      for (const [outcome, count] of Object.entries(outcomes)) applied.inc({ entity, outcome }, count);
      duplicates.inc({ entity }, doubled);
      for (const seconds of delays) delay.observe({ entity }, seconds);
    },
    atScrape: (now) => replaceAll(lately, recent.counts(now)),
    inInbox(figures = [], untaken = []) {
      replaceAll(waiting, figures.map(({ entity, waiting: count }) => [{ entity }, count]));
      replaceAll(oldest, figures.map(({ entity, oldestSeconds }) => [{ entity }, oldestSeconds]));
      replaceAll(loss, figures.map(({ entity, lossRatio }) => [{ entity }, lossRatio]));
      replaceAll(none, untaken.map(({ entity, refused: count }) => [{ entity }, count]));
    },
  };
}
