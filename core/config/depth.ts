import { Lexer } from 'yaml'

/** How deep lists and maps may lie. The YAML parser is recursive: text that is nested too deep ends the whole process. */
export const maxDepth = 64

/** What the lexer puts before the text of a scalar. */
const scalarFollows = '\u001F'

/**
 * The offset at which a text may be nested deeper than allowed, or -1. It goes by the library's own tokens, which take
 * no recursion, so that brackets in quotes and comments are not mistaken. Outside of brackets it counts the columns at
 * which levels may begin: a map and the list below it may share one, so the parser finds twice as many levels at most.
 */
export function tooDeepAt(text: string, limit: number = maxDepth): number {
  const levels: number[] = []
  let brackets = 0
  let offset = 0
  let lineStart = 0
  let leading = true
  let inScalar = false
  for (const token of new Lexer().lex(text)) {
    // Marks of the lexer that stand for no text.
    if (token === '\u0002' || token === '\u0018' || token === scalarFollows) {
      inScalar = token === scalarFollows
      continue
    }
    const sign = inScalar ? '' : token
    const column = offset - lineStart
    const indicator = sign === '-' || sign === '?' || sign === ':'
    if (sign === '[' || sign === '{') brackets += 1
    else if (sign === ']' || sign === '}') brackets = Math.max(0, brackets - 1)
    if (brackets === 0 && !isBlank(sign, inScalar) && (leading || indicator)) {
      if (leading) while ((levels.at(-1) ?? -1) >= column) levels.pop()
      levels.push(column)
      leading = leading && indicator
    }
    if (brackets + levels.length > limit) return offset
    const lineEnd = token.lastIndexOf('\n')
    if (lineEnd !== -1) {
      lineStart = offset + lineEnd + 1
      // Text that runs over several lines does not begin a new one.
      leading = isBlank(sign, inScalar) || token.endsWith('\n')
    }
    offset += token.length
    inScalar = false
  }
  return -1
}

function isBlank(sign: string, inScalar: boolean): boolean {
  return !inScalar && (sign.startsWith('#') || sign.trim() === '')
}
