/** Which numbers the command lines of the lab and of chaos take. */
interface Bounds {
  readonly min: number
  readonly max: number
  readonly isWhole: boolean
}

const bounds: { readonly [name: string]: Bounds } = {
  seconds: { min: 1, max: 3_600, isWhole: true },
  minutes: { min: 0.1, max: 10_000, isWhole: false },
  repeats: { min: 1, max: 1_000, isWhole: true },
  hosts: { min: 2, max: 16, isWhole: true },
  seed: { min: 0, max: 2 ** 32 - 1, isWhole: true },
  connects: { min: 0, max: 1_000, isWhole: true },
  flows: { min: 1, max: 1_000, isWhole: true },
  rate: { min: 0, max: 100_000, isWhole: false },
  rtt: { min: 0, max: 10_000, isWhole: false },
  loss: { min: 0, max: 0.5, isWhole: false }
}

/** What is wrong with a number of a command line; undefined if nothing is. */
export const complaint = (name: string, text: string): string | undefined => {
  const { isWhole, max, min } = bounds[name] ?? { min: 0, max: 0, isWhole: false }
  const value = Number(text)
  if (text.trim() !== "" && value >= min && value <= max && (!isWhole || Number.isInteger(value))) return undefined
  return `--${name} takes a ${isWhole ? "whole number" : "number"} from ${min} to ${max}, not "${text}"`
}
