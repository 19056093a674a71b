/** Complaints: logs whose records are refused, and why. Each reason once in a while, since a flood has no end. */
import { Effect } from "effect"
import type { DropReason, Output } from "../../protocol/names/Directory.ts"
import * as Told from "../../protocol/Told.ts"

/** Time for which a logged reason is only counted. */
const pauseMillis = 60_000

const complaintOf = (reason: DropReason, host: string): string | undefined => {
  switch (reason) {
    case "ownRecord":
      return `a word of this host, "${host}", came in that it does not stand by; its own word is said again`
    case "versionJump":
      return `a name record of host "${host}" is numbered too far ahead, and refused`
    case "hostQuota":
      return `host "${host}" has more names than are kept of one host; those beyond are refused`
    case "recordLimit":
      return `the names of the other hosts are more than are kept; one of host "${host}" is refused`
    case "writerRate":
      return `host "${host}" changes its names faster than is followed; what is beyond waits for an exchange`
    case "ownGeneration":
      return `a name record of this host, "${host}", came in of a life that it has not begun; it is refused`
    case "aside":
      return `host "${host}" has name records of lives that no member shows, more than are kept; those beyond are refused`
    case "impossibleLife":
      return `host "${host}" says that its life begins more than a week from now; it is not believed`
  }
}

/** Returns a function that logs the refusals in the outputs of a step, taken at `now` in milliseconds. */
export const make = (): ((outputs: ReadonlyArray<Output>, now: number) => Effect.Effect<void>) => {
  const told = Told.make(pauseMillis)
  return (outputs, now) =>
    Effect.suspend(() => {
      const complaints: Array<Effect.Effect<void>> = []
      for (const output of outputs) {
        if (output._tag !== "Dropped") continue
        const complaint = complaintOf(output.reason, output.host)
        if (complaint !== undefined && Told.isDue(told, output.reason, now))
          complaints.push(Effect.annotateLogs(Effect.logWarning(complaint), { peer: output.host }))
      }
      return Effect.all(complaints, { discard: true })
    })
}
