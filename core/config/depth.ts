/** How deep lists and maps may lie. The YAML parser is recursive: text that is nested too deep ends the whole process. */
export const maxDepth = 64

/**
 * The offset at which a text may be nested deeper than allowed, or -1. It runs before the parser and knows less than it:
 * brackets count wherever they stand, in quotes too, since miscounting quotes must never let a deep text pass.
 */
export function tooDeepAt(text: string, limit: number = maxDepth): number {
  const indents: number[] = []
  let brackets = 0
  let offset = 0
  for (const line of text.split('\n')) {
    let column = 0
    let leading = true
    for (let at = 0; at < line.length; at += 1) {
      const sign = line[at]
      if (leading && sign !== ' ' && sign !== '\t' && sign !== '\r') {
        while (indents.length > 0 && (indents.at(-1) ?? 0) >= at) indents.pop()
        if (sign !== '#') indents.push(at)
        column = at
        // `- - a` and `? - a` open one level each on the same line.
        leading = (sign === '-' || sign === '?' || sign === ':') && /[\s]/u.test(line[column + 1] ?? '\n')
      }
      if (sign === '[' || sign === '{') brackets += 1
      else if (sign === ']' || sign === '}') brackets = Math.max(0, brackets - 1)
      if (brackets + indents.length > limit) return offset + at
    }
    offset += line.length + 1
  }
  return -1
}
