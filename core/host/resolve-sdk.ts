/** Makes `tds/sdk` and `tds/sdk/test` known to plugins wherever they lie, so that a plugin needs no install of TDS beside it. */
import { registerHooks } from 'node:module';

const addresses: Readonly<Record<string, string>> = {
  'tds/sdk': new URL('../sdk/index.ts', import.meta.url).href,
  'tds/sdk/test': new URL('../sdk/test/index.ts', import.meta.url).href,
};

let installed = false;

/**
 * From now on both names mean this TDS's own SDK, also in a plugin that brings a copy of it: `instanceof` then holds for its errors.
 * Does nothing when called again.
 */
export function installSdkResolution(): void {
  if (installed) return;
  installed = true;
  registerHooks({
    resolve: (specifier, context, nextResolve) => nextResolve(addresses[specifier] ?? specifier, context),
  });
}
