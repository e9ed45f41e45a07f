import { parseDocument, type Document } from 'yaml'
import { maxDepth, tooDeepAt } from './depth.ts'
import { finding, quote, type Fault, type Finding } from './finding.ts'
import type { TextFile } from './text-file.ts'
import { maskVariables, unmaskVariables } from './variables.ts'

/** What the parser's codes mean for a person; `{}` is the parser's own words. */
const cures: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'check the indentation, and that each bracket is closed',
  BLOCK_AS_IMPLICIT_KEY: 'put text that holds ": " in quotes, or begin a new line',
  MULTILINE_IMPLICIT_KEY: 'check the indentation, and that a space follows each colon',
  BAD_SCALAR_START: 'put the value in quotes',
  MISSING_CHAR: 'close the quote or bracket, and write "key: value"',
  UNEXPECTED_TOKEN: 'check quotes and brackets, and put text with special signs in quotes',
  TAG_RESOLVE_FAILED: 'take the tag away',
}

/** Parses one file. A document comes back only when there is no fault, so that nothing is judged by a broken reading. */
export function parseYaml(file: TextFile): { document?: Document.Parsed; findings: Finding[] } {
  // Same length as the file's text, so that offsets hold in both.
  const text = maskVariables(file.text)
  const deep = tooDeepAt(text)
  if (deep !== -1) {
    const fault: Fault = { code: 'config.too_deep', message: `is nested more than ${maxDepth} levels deep`, suggestion: 'look for a bracket that is never closed' }
    return { findings: [finding(fault, file.place(deep))] }
  }
  // Unique keys are checked by the reader: the parser's own check takes quadratic time.
  const document = parseDocument(text, { prettyErrors: false, schema: 'core', uniqueKeys: false, resolveKnownTags: false, logLevel: 'error' })
  const faults = [...document.errors, ...document.warnings]
  // One slip makes the parser stumble again and again on what follows: the first few tell all there is to tell.
  const findings = faults.slice(0, 3).map((error) => finding(syntaxFault(error.code, error.message), file.place(Math.min(error.pos[0], file.text.length))))
  return findings.length > 0 ? { findings } : { document, findings }
}

function syntaxFault(code: string, message: string): Fault {
  if (code === 'MULTIPLE_DOCS') return { code: 'config.several_documents', message: 'a second document begins here', suggestion: 'keep one document per file; use "include" for more files' }
  // Without what the parser repeats of the file, which may be a secret.
  const words = unmaskVariables(message).replace(/: ".*$/su, '').replace(/[.:]$/u, '')
  return { code: 'config.syntax', message: `is not valid YAML: ${quote(words).slice(1, -1).replaceAll('\\"', '"')}`, suggestion: cures[code] }
}
