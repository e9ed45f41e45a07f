import path from 'node:path'
import { didYouMean } from './suggest.ts'
import { readText, type ConfigFiles } from './text-file.ts'
import { quote, type Fault } from './finding.ts'

/**
 * `${NAME}`, `${NAME:-default}` and `${file:/run/secrets/x}` in scalar values.
 *
 * In a flow map such as `{ port: ${PORT} }` the braces would end the map, so before the text is parsed each variable's
 * signs are swapped for stand-ins of the same length (code points that Unicode keeps free of meaning, and that the
 * loader refuses in files), and swapped back in each scalar. Places in the file stay as they are. Lengths are bounded
 * so that a hostile line costs no quadratic time.
 */
const signs = '{}[],:#&*!|>\'"%@`\\?-'
const firstStandIn = 0xfdd0
const variable = /\$\{(?:[A-Za-z_][A-Za-z0-9_]*:-[^}\r\n]{0,500}|file:[^}\r\n]{0,500}|[^{}\r\n"'`]{0,500})\}/gu

/** The largest file that a `${file:…}` may name. */
const maxSecretBytes = 64_000

export function maskVariables(text: string): string {
  return text.replaceAll(variable, (found) =>
    [...found].map((sign) => (signs.includes(sign) ? String.fromCharCode(firstStandIn + signs.indexOf(sign)) : sign)).join(''))
}

export function unmaskVariables(text: string): string {
  return text.replaceAll(/[\uFDD0-\uFDEF]/gu, (sign) => signs[sign.charCodeAt(0) - firstStandIn] ?? sign)
}

/** Where the text of a value came from, besides the file itself. */
export interface Origin {
  /** What stood in the file: `${ZOHO_CLIENT_ID}`. */
  readonly written: string
  /** Something came from the environment or from a file, so the value may be a secret. */
  readonly outside: boolean
  /** Something was missing; the value is not to be judged further. */
  readonly missing: boolean
  /** It stood without quotes, so it may become a number or a boolean. */
  readonly plain: boolean
}

/** What interpolation needs: the environment, the file system, and the folder that `${file:…}` starts from. */
export interface VariableSources {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly files: ConfigFiles
  readonly folder: string
}

export interface Interpolated {
  readonly text: string
  readonly outside: boolean
  readonly missing: boolean
  /** Each fault with what stood in the file, by which its place is found. */
  readonly faults: readonly { readonly fault: Fault; readonly written: string }[]
}

/** Puts the values in. The result is plain text always: nothing that comes from outside is read as YAML. */
export function interpolate(text: string, sources: VariableSources): Interpolated {
  const faults: { fault: Fault; written: string }[] = []
  let outside = false
  const result = text.replaceAll(/\$\$\{|\$\{([^}\n]*)(\}?)/gu, (written: string, inner: string | undefined, end: string | undefined) => {
    if (inner === undefined) return '${'
    const found = end ? lookUp(inner, sources) : { fault: badForm(`${quote(written)} is never closed`) }
    if ('fault' in found) {
      faults.push({ fault: found.fault, written })
      return ''
    }
    outside ||= found.outside
    return found.text
  })
  return { text: result, outside, missing: faults.length > 0, faults }
}

function lookUp(inner: string, sources: VariableSources): { text: string; outside: boolean } | { fault: Fault } {
  if (inner.startsWith('file:')) return readSecret(inner.slice('file:'.length), sources)
  const [, name, fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/su.exec(inner) ?? []
  if (name === undefined) return { fault: badForm(`has ${quote(`\${${inner}}`)}, which is no variable`) }
  const value = Object.hasOwn(sources.env, name) ? sources.env[name] : undefined
  // Empty counts as not set, as in a shell's `:-`: a line `NAME=` in an .env file is a gap to be filled.
  if (value !== undefined && value !== '') return { text: value, outside: true }
  if (fallback !== undefined) return { text: fallback, outside: false }
  const state = value === undefined ? 'not set' : 'empty'
  const near = didYouMean(name, Object.keys(sources.env))
  const suggestion = `${near?.startsWith('did') ? `${near} If not, ` : ''}set it, or try the demo, which needs none: npm run demo`
  return { fault: { code: 'config.missing_variable', message: `needs the variable ${name}, which is ${state}`, suggestion } }
}

function readSecret(name: string, { files, folder }: VariableSources): { text: string; outside: boolean } | { fault: Fault } {
  if (name.trim() === '') return { fault: badForm('has "${file:}" without a path') }
  const read = readText(files, path.resolve(folder, name), maxSecretBytes)
  if (!('fault' in read)) return { text: read.text.replace(/\r?\n$/u, ''), outside: true }
  return { fault: { code: 'config.missing_secret_file', message: `needs the file ${quote(name)}, which ${read.fault.message}`, suggestion: 'check the path, and that the secret is mounted' } }
}

function badForm(message: string): Fault {
  return { code: 'config.bad_variable', message, suggestion: 'write ${NAME}, ${NAME:-default} or ${file:/path}; $${ stands for a plain ${' }
}
