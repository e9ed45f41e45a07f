// How Node is told to run TDS. Plain JavaScript, as the launcher is.

/**
 * Half of Node's largest "young" space, in MB. By default it grows to 64: records live too long for that to save any work, as they wait in
 * batches, so it would only cost 100 MB of memory.
 */
export const nodeFlags = ['--max-semi-space-size=16'];
