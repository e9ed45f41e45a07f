/** The words in which the schemas of answers are written. */
import type { AnswerSchema } from './route.ts';

export const text = { type: 'string' };
export const textOrNull = { type: ['string', 'null'] };
export const count = { type: 'number', minimum: 0 };
export const countOrNull = { type: ['number', 'null'], minimum: 0 };
export const flag = { type: 'boolean' };
export const time = { type: 'string', format: 'date-time' };
export const timeOrNull = { type: ['string', 'null'], format: 'date-time' };
/** An object of which the members are the business of a plugin, or change with the fact. */
export const free = { type: 'object' };
export const oneOf = (...values: readonly (string | null)[]): AnswerSchema => ({ enum: values });
export const listOf = (items: AnswerSchema): AnswerSchema => ({ type: 'array', items });
export const orNull = (schema: AnswerSchema): AnswerSchema => ({ anyOf: [schema, { type: 'null' }] });

/** An object with these members and no others. Those of `optional` may be absent. */
export function object(members: Readonly<Record<string, AnswerSchema>>, optional: Readonly<Record<string, AnswerSchema>> = {}): AnswerSchema {
  return { type: 'object', additionalProperties: false, required: Object.keys(members), properties: { ...members, ...optional } };
}

/** The members of an object's schema, to build a larger one. */
export function membersOf(schema: AnswerSchema): Readonly<Record<string, AnswerSchema>> {
  return schema['properties'] as Readonly<Record<string, AnswerSchema>>;
}
