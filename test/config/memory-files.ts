import path from 'node:path'
import { loadConfig, renderFinding, type ConfigFiles, type LoadedConfig } from '../../core/config/index.ts'

/** A file system made of text or bytes, below `/project`. */
export function memoryFiles(contents: Readonly<Record<string, string | Uint8Array>>): ConfigFiles {
  const all = new Map(Object.entries(contents).map(([name, content]) => [path.resolve('/project', name), content]))
  return {
    read(name, limit) {
      const content = all.get(name)
      if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return Buffer.from(content).subarray(0, limit + 1)
    },
    list: (folder) => [...all.keys()].filter((name) => path.dirname(name) === folder).map((name) => path.basename(name)),
  }
}

/** Loads `tds.config.yaml` from text, with more files beside it. */
export function load(text: string | Uint8Array, { env = {}, more = {} }: { env?: Record<string, string>; more?: Record<string, string | Uint8Array> } = {}): LoadedConfig {
  return loadConfig({ file: 'tds.config.yaml', folder: '/project', env, files: memoryFiles({ 'tds.config.yaml': text, ...more }) })
}

/** What is told about a text, one line each. */
export function tell(text: string | Uint8Array, options?: Parameters<typeof load>[1]): string[] {
  return load(text, options).findings.map(renderFinding)
}

/** The codes of what is told about a text. */
export function codes(text: string | Uint8Array, options?: Parameters<typeof load>[1]): string[] {
  return load(text, options).findings.map((found) => found.code)
}
