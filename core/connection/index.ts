/** Every remote call goes through its connection: quota, limits, breaker, retry, time-outs and tokens, in one place. */
export { bytesOf, parseRecord } from './late-record.ts';
export { createConnection, hostsOf, type Connection, type ConnectionDeps, type ConnectionLook, type ConnectionStatus } from './connection.ts';
export { lookBy, type Look } from './look.ts';
export { sharedRedis, type SharedRedis } from './redis.ts';
export { connectionCodes, type ConnectionCode } from './codes.ts';
export { addCalls, callContext, countCalls, withCallContext, type CallContext, type CallCounts, type CallPurpose } from './context.ts';
export { ConnectionPausedError } from './errors.ts';
export { parseJson } from './json-lossless.ts';
export { loadSealer, sealer, type Sealer } from './seal.ts';
export { Accounts, openAccount, type Account } from './accounts.ts';
export type { Denial } from './tokens.ts';
export type { QuotaReport } from './quota-report.ts';
export { connectionSettings, type ConnectionSettings } from './settings.ts';
export { redisAccess } from './redis-access.ts';
export { nextDayIn } from './zone.ts';
