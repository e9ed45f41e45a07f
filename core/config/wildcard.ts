/** Whether a file name matches a pattern in which `*` stands for any characters. Takes linear time per star, whatever the pattern. */
export function matches(name: string, pattern: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false
  let at = 0
  let star = -1
  let retry = 0
  let step = 0
  while (at < name.length) {
    if (pattern[step] === '*') {
      star = step
      retry = at
      step += 1
    } else if (pattern[step] === name[at]) {
      at += 1
      step += 1
    } else if (star === -1) {
      return false
    } else {
      retry += 1
      at = retry
      step = star + 1
    }
  }
  while (pattern[step] === '*') step += 1
  return step === pattern.length
}
