/** Durations, sizes, shares and reserves as people write them, and the numbers that they stand for. */

const milliseconds: Readonly<Record<string, number>> = {
  ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000,
}

const bytes: Readonly<Record<string, number>> = {
  B: 1, kB: 1000, KB: 1000, MB: 1000 ** 2, GB: 1000 ** 3, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3,
}

/** What each format looks like, as a regular expression for editors and for the checks here. */
export const unitPatterns = {
  duration: '^(?:\\d{1,9}(?:\\.\\d{1,3})?(?:ms|s|m|h|d|w))+$',
  size: '^\\d{1,9}(?:\\.\\d{1,3})? ?(?:B|kB|KB|MB|GB|KiB|MiB|GiB)$',
  share: '^(?:100(?:\\.0{1,3})?|\\d{1,2}(?:\\.\\d{1,3})?) ?%$',
  reserve: '^(?:\\d{1,2}(?:\\.\\d{1,3})? ?%|\\d{1,9})$',
} as const

/** Milliseconds of `500ms`, `60s`, `1h30m`, `30d`; `undefined` when the text is no duration. A month has no fixed length, so there is no unit for it. */
export function parseDuration(text: string): number | undefined {
  if (!new RegExp(unitPatterns.duration, 'u').test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|[smhdw])/gu)) {
    total += Number(amount) * (milliseconds[unit ?? ''] ?? Number.NaN)
  }
  return safeWhole(total)
}

/** Bytes of `1MB` (a million), `64KiB` (65,536); `undefined` when the text is no size. */
export function parseSize(text: string): number | undefined {
  if (!new RegExp(unitPatterns.size, 'u').test(text)) return undefined
  const [, amount, unit] = /^([\d.]+) ?([A-Za-z]+)$/u.exec(text) ?? []
  return safeWhole(Number(amount) * (bytes[unit ?? ''] ?? Number.NaN))
}

/** The fraction, 0 to 1, of `10%`; `undefined` when the text is no percentage between 0 % and 100 %. */
export function parseShare(text: string): number | undefined {
  if (!new RegExp(unitPatterns.share, 'u').test(text)) return undefined
  // Divided in thousandths of a percent, so that 0.1% is 0.001 and not 0.0010000000000000002.
  return Math.round(Number.parseFloat(text) * 1000) / 100_000
}

/** What `15%` (0.15) or `150` keep back: below 1 a share, else a number; `undefined` when the text is neither. */
export function parseReserve(text: string): number | undefined {
  if (!new RegExp(unitPatterns.reserve, 'u').test(text)) return undefined
  return text.endsWith('%') ? parseShare(text) : Number(text)
}

function safeWhole(value: number): number | undefined {
  const whole = Math.round(value)
  return Number.isSafeInteger(whole) ? whole : undefined
}
