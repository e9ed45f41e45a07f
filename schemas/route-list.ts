/** The routes of the API, as a table for the README. A tool's part: it may know the API. */
import { allRoutes } from '../core/api/routes/index.ts'

const begin = '<!-- routes: made by `npm run generate` from core/api/routes -->'
const end = '<!-- end of routes -->'

/** The page with its table of routes made anew. Throws where it has no place for it. */
export function withRoutes(page: string): string {
  const [before, rest] = page.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`the README needs the lines ${begin} and ${end}`)
  const rows = allRoutes({ operations: {}, version: '' } as never).map(({ method, path, summary }) => `| \`${method} ${path}\` | ${summary.replaceAll('|', '\\|')} |`)
  return `${before}${begin}\n| route | what it is for |\n| --- | --- |\n${rows.join('\n')}\n${end}${after}`
}
