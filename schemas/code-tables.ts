/** All tables of codes, for the reference page and for the test that holds code and tables equal. A tool's part: it may know the core and the plugins. */
import { alertCodes } from '../core/alerts/codes.ts'
import { webhookCodes } from '../core/webhook/codes.ts'
import { apiCodes } from '../core/api/codes.ts'
import { cliCodes } from '../core/cli/errors.ts'
import { projectCodes } from '../core/codes.ts'
import { configCodes } from '../core/config/codes.ts'
import { connectionCodes } from '../core/connection/codes.ts'
import { hostCodes } from '../core/host/codes.ts'
import { runCodes } from '../core/operations/codes.ts'
import { operationCodes } from '../core/operations/errors.ts'
import { pipelineCodes } from '../core/pipeline/codes.ts'
import { mappingCodes } from '../core/pipeline/mapping/codes.ts'
import { queueErrorCodes } from '../core/queue/errors.ts'
import { storeErrorCodes } from '../core/store/errors.ts'
import { notifyCodes } from '../plugins/_notify/codes.ts'
import { zohoCodes } from '../plugins/_zoho/codes.ts'
import { postgresCodes } from '../plugins/postgres/codes.ts'

/** What one code means, and what a person can do about it. */
export interface CodeEntry { readonly meaning: string; readonly cure: string }

/** The codes that are told in one place. */
export interface CodeTable {
  readonly title: string
  /** Where a person meets them. */
  readonly about: string
  /** The file that declares them. */
  readonly file: string
  readonly codes: Readonly<Record<string, CodeEntry>>
}

/** In the order in which somebody who sets TDS up meets them. */
export const codeTables: readonly CodeTable[] = [
  { title: 'The config', about: 'Each is told as `file:line:column` with the setting, what is wrong and what to do. All faults are told at once; `tds validate` exits with code 2 when there is one.', file: 'core/config/codes.ts', codes: configCodes },
  { title: 'Plugins', about: 'Told by `tds validate`, `tds plugins` and `tds check`.', file: 'core/host/codes.ts', codes: hostCodes },
  { title: 'The command line', about: 'Told on the standard error, with the exit codes of `tds --help`.', file: 'core/cli/errors.ts', codes: cliCodes },
  { title: 'TDS\'s own database', about: 'They end a start.', file: 'core/store/errors.ts', codes: storeErrorCodes },
  { title: 'Calls to a service', about: 'They stand in the reason of a run that waits or failed, and in what `tds check` tells.', file: 'core/connection/codes.ts', codes: connectionCodes },
  { title: 'Zoho', about: 'Told by the connectors zoho-books and zoho-inventory, in the same places.', file: 'plugins/_zoho/codes.ts', codes: zohoCodes },
  { title: 'PostgreSQL as a destination', about: '`postgres.…` end a run or a probe; `table.…` are what `tds validate` and `tds check` find where a table and its mapping differ.', file: 'plugins/postgres/codes.ts', codes: postgresCodes },
  { title: 'Tables of your own', about: 'Told by `tds validate`.', file: 'core/codes.ts', codes: projectCodes },
  { title: 'Records and their mapping', about: '`map.…` and `check.…` stand in the dead letters, with the record and the field. Those about the mapping itself are told by `tds validate`.', file: 'core/pipeline/mapping/codes.ts', codes: mappingCodes },
  { title: 'The way of a record', about: 'They stand in the dead letters and in the list of runs.', file: 'core/pipeline/codes.ts', codes: pipelineCodes },
  { title: 'Runs and probes', about: 'They stand in the list of runs and in what `tds check` tells.', file: 'core/operations/codes.ts', codes: runCodes },
  { title: 'The queue', about: 'They stand in the list of runs and in the log.', file: 'core/queue/errors.ts', codes: queueErrorCodes },
  { title: 'Webhooks', about: 'They stand in the inbox (`tds webhooks`) and in the dead letters; what the sender is answered stands under the questions.', file: 'core/webhook/codes.ts', codes: webhookCodes },
  { title: 'Alerts', about: 'Told by `tds validate` of rules, and by `tds alerts test` of notifiers.', file: 'core/alerts/codes.ts', codes: alertCodes },
  { title: 'Notifiers', about: 'Told by `tds alerts test`, and in the log where a message does not get through.', file: 'plugins/_notify/codes.ts', codes: notifyCodes },
  { title: 'Questions to TDS', about: 'Answered by the commands and the API alike.', file: 'core/operations/errors.ts', codes: operationCodes },
  { title: 'The API', about: 'Answered as `application/problem+json`, with the codes of the other parts beside them.', file: 'core/api/codes.ts', codes: Object.fromEntries(Object.entries(apiCodes).map(([code, { title, cure }]) => [code, { meaning: `${title}.`, cure }])) },
]
