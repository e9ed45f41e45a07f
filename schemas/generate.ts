/**
 * Writes what is made from the declarations: the schema for editors and the reference pages.
 *
 *     node schemas/generate.ts           writes them
 *     node schemas/generate.ts --check   exits with 1 when one of them is not current
 *
 * It is a tool, not a part of the program: it may know the core's codes and routes and the plugins' streams, which `schemas` itself does not.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { codeTables } from './code-tables.ts'
import { configSchema } from './config.ts'
import { containerConfig } from './container-config.ts'
import { editorSchema } from './editor-schema.ts'
import { alertsPage, metricsPage } from './metric-list.ts'
import { errorsPage, referencePage, streamsPage } from './reference.ts'
import { withRoutes } from './route-list.ts'
import { streamLists } from './stream-lists.ts'

const root = path.join(import.meta.dirname, '..')

/** The generated files, each by its path in the project, with what it should hold. */
export async function generatedFiles(): Promise<Readonly<Record<string, string>>> {
  return {
    'schemas/tds.config.schema.json': `${JSON.stringify(editorSchema(configSchema), undefined, 2)}\n`,
    'docs/reference/config.md': referencePage(configSchema),
    'docs/reference/errors.md': errorsPage(codeTables),
    'docs/reference/metrics.md': metricsPage(),
    'docs/reference/alerts.md': alertsPage(),
    'README.md': withRoutes(await readFile(path.join(root, 'README.md'), 'utf8')),
    'deploy/podman/tds.config.yaml': containerConfig(await readFile(path.join(root, 'tds.config.yaml'), 'utf8')),
    'docs/reference/streams.md': streamsPage(await streamLists()),
  }
}

/** The generated files that do not hold what they should. */
export async function staleFiles(): Promise<string[]> {
  const stale: string[] = []
  for (const [name, text] of Object.entries(await generatedFiles())) {
    const current = await readFile(path.join(root, name), 'utf8').catch(() => undefined)
    if (current !== text) stale.push(name)
  }
  return stale
}

async function main(): Promise<void> {
  const stale = await staleFiles()
  if (process.argv.includes('--check')) {
    for (const name of stale) console.error(`${name} is not current; run: npm run generate`)
    process.exitCode = stale.length > 0 ? 1 : 0
    return
  }
  const files = await generatedFiles()
  for (const name of stale) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true })
    await writeFile(path.join(root, name), files[name] ?? '')
    console.log(`wrote ${name}`)
  }
}

if (import.meta.main) await main()
