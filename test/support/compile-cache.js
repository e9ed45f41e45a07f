// Loaded before each test file: what was compiled and stripped of its types once is not so again. A function and no variable of the environment, so that processes which a test starts are as they are elsewhere.
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/test', import.meta.url)));
