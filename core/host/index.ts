/** Finds and loads plugins, checks their settings, and makes their connectors. It knows no plugin by name. */
export { discoverPlugins, renderFailure, type Discovery, type DiscoverOptions, type LoadedPlugin, type PluginFailure } from './discover.ts';
export { checkConnections, checkNotifiers, checkSettings, type CheckedConnection, type CheckedNotifier, type ConnectionsCheck } from './settings.ts';
export { createConnector, createNotifier } from './guard.ts';
export { installSdkResolution } from './resolve-sdk.ts';
export { hostCodes, type HostCode } from './codes.ts';
