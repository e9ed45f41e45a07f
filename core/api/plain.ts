import { ApiError } from './problem.ts';

/** Levels of lists and objects inside each other. */
const deepest = 32;

/** Holds a parsed body to what the program and PostgreSQL can take: not too deep, and no NUL in any text or name. @throws ApiError */
export function demandPlain(body: unknown): unknown {
  const rest: { value: unknown; depth: number }[] = [{ value: body, depth: 0 }];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { value, depth } = next;
    if (typeof value === 'string') demandText(value, 'api.bad_body', 'The body');
    if (typeof value !== 'object' || value === null) continue;
    if (depth >= deepest) throw new ApiError('api.bad_body', `The body is nested deeper than ${deepest} levels.`);
    for (const [name, inner] of Object.entries(value)) {
      demandText(name, 'api.bad_body', 'The body');
      rest.push({ value: inner, depth: depth + 1 });
    }
  }
  return body;
}

/** Refuses a text that PostgreSQL could not take. @throws ApiError */
export function demandText(text: string, code: 'api.bad_path' | 'api.bad_query' | 'api.bad_body', where: string): void {
  if (text.includes('\0')) throw new ApiError(code, `${where} holds a NUL character.`);
}
