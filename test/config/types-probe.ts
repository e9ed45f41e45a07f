import type { Config, FieldConfig } from '../../schemas/index.ts'
declare const c: Config
const a: number = c.connections['x']!.retry.first
const b: readonly string[] = c.entities['x']!.key
const f: FieldConfig = c.entities['x']!.fields['a']!
const s: string | undefined = f.from
const n: number = c.entities['x']!.deletes.maxShare
const l: number | undefined = c.connections['x']!.limits?.perMinute
const w: unknown = c.connections['x']!.with['a']
// @ts-expect-error a duration is a number
const bad: string = c.connections['x']!.timeout.total
export const all = [a,b,s,n,l,w,bad, c.policies.log.level satisfies string]
export const show: { x: 1 } = c.entities['x']!.checks[0]
