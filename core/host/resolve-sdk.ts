/** Makes `tds/sdk` and `tds/sdk/test` known to plugins wherever they lie, so that a plugin needs no install of TDS beside it. */
import { registerHooks } from 'node:module';
import { sep } from 'node:path';
import { pathToFileURL } from 'node:url';

const addresses: Readonly<Record<string, string>> = {
  'tds/sdk': new URL('../sdk/index.ts', import.meta.url).href,
  'tds/sdk/test': new URL('../sdk/test/index.ts', import.meta.url).href,
};

const roots = new Set<string>();
let installed = false;

/**
 * From now on both names mean this TDS's own SDK, also in a plugin that brings a copy of it: `instanceof` then holds for its errors.
 * When called again, only further directories are taken in.
 */
export function installSdkResolution(directories: readonly string[] = []): void {
  for (const directory of directories) roots.add(pathToFileURL(directory + sep).href);
  if (installed) return;
  installed = true;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const url = addresses[specifier];
      if (url !== undefined) return { url, shortCircuit: true };
      const resolved = nextResolve(specifier, context);
      return isPlainTypeScript(resolved) ? { ...resolved, format: 'module-typescript' } : resolved;
    },
  });
}

/** A `.ts` plugin below a package.json without `type`: Node would parse it twice, and warn about it. */
function isPlainTypeScript({ url, format }: { url: string; format?: string | null | undefined }): boolean {
  return (format === null || format === undefined) && url.endsWith('.ts') && [...roots].some((root) => url.startsWith(root));
}
