/** A running hash over all that happens, so that two runs can be compared by one number. */
import type * as Swim from "../../../src/protocol/swim/Swim.ts"

const real = new Float64Array(1)
const words = new Uint32Array(real.buffer)

const mix = (hash: number, value: number): number => Math.imul(hash ^ value, 0x01000193) ^ (hash >>> 15)

export const event = (hash: number, atMillis: number, host: number, kind: number, detail: number): number => {
  real[0] = atMillis
  let value = mix(mix(hash, words[0] ?? 0), words[1] ?? 0)
  value = mix(value, host * 16 + kind)
  return mix(value, detail) >>> 0
}

/** A number for what an output says; names do not enter, since the order of events tells them apart. */
export const detailOf = (output: Swim.Output): number => {
  switch (output._tag) {
    case "Changed":
      return output.member.incarnation * 16 + output.change.length
    case "Probed":
      return output.outcome.length
    default:
      return output._tag.length
  }
}
