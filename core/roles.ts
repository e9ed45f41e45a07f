/** What a node does for the others: `node.roles` of the config, or `tds start --roles`. */

/** `api` answers people and programs and takes messages of services; `worker` does jobs; `scheduler` ticks schedules and heals. */
export const nodeRoles = ['api', 'worker', 'scheduler'] as const;
export type NodeRole = (typeof nodeRoles)[number];

/** `all`, or some of them with commas, in any order. Undefined where a word is none of them. */
export function rolesOf(text: string): readonly NodeRole[] | undefined {
  const words = text.split(',').map((word) => word.trim());
  if (words.includes('all')) return words.length === 1 ? nodeRoles : undefined;
  if (!words.every((word) => (nodeRoles as readonly string[]).includes(word))) return undefined;
  return nodeRoles.filter((role) => words.includes(role));
}
