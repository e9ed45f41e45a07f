/**
 * All that a plugin may import: `import { definePlugin } from 'tds/sdk'`.
 *
 * Life of a plugin, in order:
 * 1. The host imports the file and checks the default export (`id`, `sdk`, `kind`). Nothing may happen at import.
 * 2. For each connection that names the plugin, `with:` is checked against `configSchema`.
 * 3. `create(context)` is called once per connection and node. It must not do any I/O; it returns at once.
 * 4. `check()` runs when a person asks (`tds check`), with the streams in use; and without them when healing tries whether the other side is back.
 * 5. `source` and `destination` are used by the jobs, several at the same time.
 * 6. `webhook` is asked for each message that arrives at the connection's addresses.
 * 7. `close()` is called once when the node stops, also when nothing else was ever called.
 *
 * A notifier (`defineNotifier`) lives alike, one per entry of `notifiers`: `create`, then `send` for each message, several at the same time.
 */
export { SDK_VERSION, definePlugin } from './plugin.ts';
export type { CheckFinding, Connector, ConnectionContext, ConnectionDefaults, Plugin, PluginKind, StreamUse } from './plugin.ts';
export type {
  DetailRequest, DetailResult, DivideRequest, Division, ReadEnd, ReadMode, ReadPage, ReadRequest, Source, SourceRecord, StreamField, StreamInfo,
} from './source.ts';
export type {
  CellValue, ColumnSpec, Destination, RowDeletes, RowUpserts, TableFinding, TableSpec, TableWrite,
} from './destination.ts';
export type { RegisteredRule, Webhook, WebhookEvent, WebhookMessage, WebhookRequest, WebhookRule } from './webhook.ts';
export type { HttpClient, HttpRequest, HttpResponse } from './http.ts';
export type { CacheRequest, Clock, DatabaseAccess, Logger, RecordCache, SqlResult, SqlSession, StateStore, Token, TokenStore } from './services.ts';
export type { JsonObject, JsonValue } from './json.ts';
export { defineNotifier } from './notifier.ts';
export type { AlertFact, AlertMessage, AlertSeverity, Notifier, NotifierContext, NotifierPlugin } from './notifier.ts';
export { messageText, plainText } from './message-text.ts';
export type { MessageText } from './message-text.ts';
export { commonInstant, isRealDay } from './instant.ts';
export { isRecord, joinKey, readPath, splitKey } from './json.ts';
export {
  AccessDeniedError, PermanentError, QuotaSpentError, RateLimitedError, RecordGoneError, RetryLaterError,
  StreamUnavailableError, TdsError, TokenRejectedError, isTdsError,
} from './errors.ts';
export type { TdsErrorOptions } from './errors.ts';
