/**
 * Wrong configs and what is told about them: each `cases/<name>.yaml` has its findings beside it, in `<name>.findings`.
 * After a wanted change: `TDS_UPDATE_GOLDEN=1 npm test -- test/config/golden.test.ts`, and read the difference.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { loadConfig, renderFinding } from '../../core/config/index.ts'

const folder = path.join(import.meta.dirname, 'cases')
const env = { SECRET: 'hunter2-hunter2', EMPTY: '', TOKEN: 'a-token' }

for (const name of readdirSync(folder).filter((one) => one.endsWith('.yaml'))) {
  void t.test(name.replace('.yaml', '').replaceAll('-', ' '), async (t) => {
    const { config, findings } = loadConfig({ file: name, folder, env })
    const actual = findings.map((found) => `${renderFinding(found)}\n`).join('')
    const expectedFile = path.join(folder, name.replace('.yaml', '.findings'))
    if (process.env['TDS_UPDATE_GOLDEN']) writeFileSync(expectedFile, actual)
    const expected = existsSync(expectedFile) ? readFileSync(expectedFile, 'utf8') : ''
    t.equal(actual, expected)
    t.not(actual, '', 'a wrong config has findings')
    t.equal(config, undefined, 'a wrong config gives no config')
    t.notMatch(actual, /hunter2/u, 'no secret is shown')
    for (const found of findings) t.ok(found.line >= 1 && found.column >= 1 && found.file !== '')
  })
}
