/**
 * The test kit: `import { testConnector, createTestContext } from 'tds/sdk/test'`.
 *
 * `testConnector` is the definition of a connector as tests; `createTestContext` gives a connector all that it needs, in memory.
 */
export { testConnector } from './contract.ts';
export { sampleMessage, testNotifier } from './notifier-contract.ts';
export type { NotifierCase, ServiceMood } from './notifier-contract.ts';
export type { ConnectorCase, DestinationCase, SourceCase, StreamCase, TestScope } from './options.ts';
export { createTestContext } from './context.ts';
export type { TestContext, TestContextOptions } from './context.ts';
export { createMovableClock } from './clock.ts';
export type { MovableClock } from './clock.ts';
export { createTestHttp } from './http-client.ts';
export type { HttpCall, TestHttpClient, TestHttpOptions } from './http-client.ts';
export { createMemoryLog, createMemoryState, createMemoryTokens } from './services.ts';
export type { LogLine } from './services.ts';
