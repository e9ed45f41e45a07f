/** Every fault that the plugin host can tell: what it means, and what to do. The reference of errors is made of it. */
export const hostCodes = {
  'host.no_directory': { meaning: 'A folder of plugins that the config names is not there, or can\'t be read.', cure: 'Check the path under `plugins`.' },
  'host.no_entry': { meaning: 'A folder among the plugins holds nothing to load.', cure: 'Give it a `plugin.ts`, or a `package.json` with `main` or `exports`; begin its name with `_` if it is no plugin.' },
  'host.import_failed': { meaning: 'The plugin\'s code threw an error while it was loaded.', cure: 'Mend the plugin where the message points; a plugin must do nothing at import.' },
  'host.import_timeout': { meaning: 'The plugin did not finish loading in time: an `await` at its top level never ends.', cure: 'Move the work into `check` or `read`; a plugin must do nothing at import.' },
  'host.syntax': { meaning: 'The plugin\'s code can\'t be parsed.', cure: 'Mend it where the message points; TypeScript may only use what can be stripped (no `enum`, no decorators).' },
  'host.missing_dependency': { meaning: 'The plugin imports a package or file that is not there.', cure: 'Run `npm install` in the plugin\'s own folder, or check the path.' },
  'host.no_default_export': { meaning: 'The file exports no plugin.', cure: 'Write `export default definePlugin({ … })`; begin the file\'s name with `_` if it is no plugin.' },
  'host.bad_plugin': { meaning: 'The default export lacks something that a plugin must have, or has it in a wrong form.', cure: 'Compare it with `Plugin` of `tds/sdk`.' },
  'host.sdk_version': { meaning: 'The plugin was written for another version of the SDK.', cure: 'Take the plugin\'s release for this TDS, or the TDS that it was written for.' },
  'host.bad_schema': { meaning: 'The plugin\'s `configSchema` is no usable JSON Schema of an object.', cure: 'This is a fault of the plugin: `type: object`, `additionalProperties: false`, and keywords of JSON Schema 7.' },
  'host.duplicate_plugin': { meaning: 'Two plugins have the same id; the first one found is used.', cure: 'Take one of them away, or give it another id.' },
  'host.unknown_plugin': { meaning: 'A connection names a plugin that is not there.', cure: 'Check the spelling, or put the plugin into `plugins/` or a folder that the config names.' },
  'host.wrong_kind': { meaning: 'A connection names a notifier, or a notifier names a connector.', cure: 'Put connectors under `connections`, and notifiers under `notifiers`.' },
  'host.broken_plugin': { meaning: 'A connection names a plugin that failed to load.', cure: 'Mend the plugin as the message says.' },
  'host.create_failed': { meaning: 'The plugin threw an error when its connector was made, or made something that is no connector.', cure: 'Check the connection\'s settings; else it is a fault of the plugin.' },
  'host.check_failed': { meaning: 'The plugin threw an error while it checked its connection.', cure: 'The message tells the reason; the log has the whole of it.' },
  'host.unknown_stream': { meaning: 'An entity names a stream that its connection does not have.', cure: 'Check the spelling; the finding lists what there is.' },
  'host.unknown_path': { meaning: 'A field reads a path that the stream is not known to carry. A warning: the wire may have more than is known.', cure: 'Check the spelling against a raw record.' },
  'host.key_not_unique': { meaning: 'The `key` of an entity does not hold what its stream tells records apart by, so that two records would fight for one row, and one that changes would get a second row.', cure: 'Write the `key` that the finding names. A table of your own that knows another key can be given it by an expression (`sku: { expr: "sku" }`), which is a warning alone: two records with one such key then share a row.' },
  'host.key_unsure': { meaning: 'The `key` of an entity is made by an expression, or holds more than what its stream tells records apart by. A warning: two records may share a row, or one that changes may get a second one.', cure: 'Write the `key` that the finding names, unless what the key takes is certainly different for each record and never changes.' },
  'host.details_unknown': { meaning: 'An entity reads a stream whose details carry fields that the list lacks, and which these are is not known. A warning: fields that only a call for the record gives stay empty.', cure: 'Write `details: always`, which costs a call for each record that is new or changed, or `details: never`.' },
  'host.not_a_source': { meaning: 'An entity reads from a connection whose plugin can only be written to.', cure: 'Name a connection whose plugin is a source under `from`.' },
  'host.not_a_destination': { meaning: 'An entity writes to a connection whose plugin can only be read.', cure: 'Name a connection whose plugin is a destination under `to`.' },
  'host.io_too_early': { meaning: 'A plugin did I/O while it was only asked for its streams.', cure: 'This is a fault of the plugin: `create` and `describe` must not do any I/O.' },
  'host.check_timeout': { meaning: 'The plugin did not end its check when it was told to.', cure: 'Check that the other side can be reached; else it is a fault of the plugin.' },
} as const;

/** A code of the table above. */
export type HostCode = keyof typeof hostCodes;

/** What a person can do about it, for the `suggestion` of an error. */
export function cureOf(code: HostCode): string {
  return hostCodes[code].cure;
}
