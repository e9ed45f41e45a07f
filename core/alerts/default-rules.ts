/** The rules that ship. They are at work unless the config says otherwise; under the same name it changes what it names. */
import type { AlertRuleConfig } from '../config/index.ts';

const minute = 60_000;

export const defaultRules: Readonly<Record<string, AlertRuleConfig>> = {
  'dead-letters-growing': {
    metric: 'tds_dead_letters_recent', above: 10, severity: 'warning',
    summary: '{value} records or jobs of {entity} failed for good within 15 minutes', help: 'tds dead-letters groups',
  },
  'run-failed': {
    metric: 'tds_entity_last_run_failed', above: 0, severity: 'warning',
    summary: 'the last run of {entity} failed', help: 'tds runs --status failed',
  },
  'breaker-open': {
    // while one call tries it is 0.5: still not closed
    metric: 'tds_connection_breaker_open', above: 0, for: 20_000, severity: 'warning',
    summary: 'calls to {connection} rest on all nodes, since they kept failing', help: 'tds check {connection}',
  },
  'token-revoked': {
    metric: 'tds_connection_sign_in_refused', above: 0, severity: 'critical',
    summary: 'the sign-in of {connection} was refused for good: it does nothing until a person renews it', help: 'tds check {connection}',
  },
  'quota-runs-out': {
    metric: 'tds_quota_forecast_ratio', above: 1, for: 30_000, by: ['connection'], severity: 'warning',
    summary: 'the calls of the day of {connection} will be used up before midnight: at {value} of what the day has, if it goes on like this', help: 'tds status',
  },
  'quota-spent': {
    metric: 'tds_quota_left_calls', below: 1, by: ['connection'], severity: 'warning',
    summary: 'the calls of the day of {connection} are used up; its runs wait for the next day', help: 'tds status',
  },
  'freshness-exceeded': {
    metric: 'tds_entity_overdue_seconds', above: 0, severity: 'warning',
    summary: '{entity} is too old: by its schedules it should have been read again {value} ago', help: 'tds runs --entity {entity}',
  },
  'queue-stuck': {
    metric: 'tds_queue_oldest_job_age_seconds', above: 1800, severity: 'warning',
    summary: 'a job "{task}" has been waiting for a worker for {value}', help: 'tds status',
  },
  'webhooks-lost': {
    metric: 'tds_webhook_loss_ratio', above: 0.02, severity: 'warning',
    summary: '{value} of the changes of {entity} came without a webhook; reads find them, and it is read more often meanwhile', help: 'tds webhooks stats; then see that the rules at the service are on, and reach this TDS (tds webhooks urls)',
  },
  'webhooks-forged': {
    metric: 'tds_webhook_refused_recent', labels: { reason: 'signature' }, above: 10, by: ['entity'], severity: 'warning',
    summary: '{value} webhooks of {entity} were refused within 15 minutes, since they are not signed with its secret', help: 'compare the secret at the service with webhooks.secret of the connection; if they are the same, somebody is trying',
  },
  'webhooks-none-taken': {
    metric: 'tds_webhook_untaken_refusals', above: 0, severity: 'warning',
    summary: '{value} webhooks of {entity} were refused within a day, and none was taken', help: 'tds webhooks stats says why they were refused; then compare the rules at the service with tds webhooks urls',
  },
  'webhooks-overload': {
    metric: 'tds_webhook_refused_recent', labels: { reason: 'overload' }, above: 100, by: ['entity'], severity: 'warning',
    summary: '{value} webhooks of {entity} were sent away within 15 minutes: more come than can be saved', help: 'tds webhooks stats; what the service does not send again the next read finds: tds sync {entity}',
  },
  'webhooks-waiting': {
    metric: 'tds_webhook_oldest_waiting_age_seconds', above: 300, severity: 'warning',
    summary: 'a webhook of {entity} has been waiting for {value} to be applied', help: 'tds webhooks --outcome waiting --entity {entity}',
  },
  'node-lost': {
    event: 'node.lost', lasts: 15 * minute, severity: 'warning',
    summary: 'the node {node} ended without a word; its jobs run again elsewhere', help: 'tds status',
  },
  'no-node': {
    metric: 'tds_nodes', below: 1, for: 30_000, severity: 'critical',
    summary: 'no node takes jobs', help: 'tds start',
  },
  'disk-full': {
    metric: 'tds_disk_free_ratio', below: 0.1, severity: 'critical',
    summary: 'only {value} of the disk of the database is free on {node}', help: 'free some room, or shorten policies.retention',
  },
  'pool-full': {
    metric: 'tds_database_pool_connections', labels: { state: 'waiting' }, above: 0, for: 30_000, severity: 'warning',
    summary: '{value} callers wait for a database connection on {node}', help: 'raise database.poolSize, or look for slow statements in pg_stat_activity',
  },
  'memory-high': {
    metric: 'tds_memory_used_ratio', above: 0.8, for: 30_000, severity: 'warning',
    summary: 'the process on {node} uses {value} of the memory that it may have', help: 'lower policies.sync.concurrency or readAhead, or give it more',
  },
  'person-wanted': {
    metric: 'tds_healing_waiting', above: 0, severity: 'warning',
    summary: 'healing gave up on {value} things by its rule "{rule}", and waits for a person', help: 'tds healing --outcome told',
  },
  'schedule-overdue': {
    metric: 'tds_schedule_overdue_seconds', above: 120, for: 30_000, severity: 'warning',
    summary: 'a planned time of the schedule {schedule} came {value} ago, and no node has begun its work', help: 'tds schedules',
  },
  'schedule-missed': {
    event: 'schedule.missed', lasts: 60 * minute, severity: 'warning',
    summary: '{missed} planned times of the schedule {schedule} passed while nothing was at work; {made} made up', help: 'tds schedules ticks {schedule}',
  },
  'schedule-slow': {
    metric: 'tds_schedule_period_ratio', above: 0.8, severity: 'warning',
    summary: 'the work of the schedule {schedule} takes {value} of the time until it is due again; from 100 % on, times are left out', help: 'tds schedules ticks {schedule}',
  },
  'schedule-paused': {
    metric: 'tds_schedule_rests', above: 0, severity: 'warning',
    summary: 'the schedule {schedule} rests, since its work kept failing, until a person resumes it', help: 'tds schedules resume {schedule}',
  },
  'notifier-failing': {
    metric: 'tds_notifier_down', above: 0, severity: 'critical',
    summary: 'messages do not get through by {notifier}: attempts keep failing, or one was refused for good', help: 'tds alerts test {notifier}',
  },
};
