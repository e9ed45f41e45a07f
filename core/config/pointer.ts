import type { Path } from './finding.ts'

/** A path as a JSON pointer, for use as a key. */
export function pointer(path: Path): string {
  let text = ''
  // Called for every value several times, and hardly ever is there something to escape.
  for (const step of path) text += typeof step === 'number' || !/[~/]/u.test(step) ? `/${step}` : `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`
  return text
}

/** The path of a JSON pointer, with numbers for the items of lists as far as the value shows them. */
export function fromPointer(text: string, value: unknown): Path {
  const path: (string | number)[] = []
  let inside = value
  for (const step of text.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    path.push(Array.isArray(inside) ? Number(name) : name)
    inside = typeof inside === 'object' && inside !== null ? (inside as Record<string, unknown>)[name] : undefined
  }
  return path
}
