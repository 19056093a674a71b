/** What was measured of one attack, and whether the host held. */
import type { Answer, Attack, Attacker } from "./Attack.ts"
import { type Calls, turnMillisMax } from "./Orders.ts"

export interface Figures {
  readonly name: string
  readonly says: string
  readonly by: Attacker
  readonly answer: Answer
  readonly isSealed: boolean
  /** Shares of the control's checked traffic: messages on flows that are kept, flows that are opened, names that are resolved. */
  readonly messages: number
  readonly opens: number
  readonly names: number
  /** Flows between the good hosts that were lost, and so many in the control. */
  readonly lost: number
  readonly lostControl: number
  /** The longest turn of the attacked host's event loop in its own processor time, and that of the control. */
  readonly turnMillis: number
  readonly turnMillisControl: number
  readonly rssPeakBytes: number
  readonly rssAfterBytes: number
  readonly heapAfterBytes: number
  readonly heapControlBytes: number
  readonly connections: number
  readonly closed: number
  readonly streamsRefused: number
  /** What the attacked host dropped or refused beyond what it did in the control, by reason. */
  readonly counted: Readonly<Record<string, number>>
  /** Within some seconds after the attack all three see the names and each other. */
  readonly isNamed: boolean
  readonly isMember: boolean
  /** How often one of the three believed another one dead or gone. */
  readonly buried: number
  readonly amplification: number | undefined
  readonly amplificationMax: number | undefined
  /** Whether a newcomer got in meanwhile; undefined where none came. */
  readonly isJoined: boolean | undefined
  /** What became of the calls of the host, where the attacker is called. */
  readonly calls: Calls | undefined
  /** How the process of the attacked host ended; undefined while it runs. */
  readonly ended: string | undefined
  readonly linesUnclean: number
  readonly complaints: ReadonlyArray<string>
  readonly notes: ReadonlyArray<string>
  readonly attackerCpuSeconds: number
  readonly seconds: number
}

const mebi = 1024 * 1024

/** Resident memory that the attacked host may reach at most; what it had before is some 120 MiB of it. */
export const rssMiBMax: { readonly [By in Attacker]: number } = { O: 512, M: 512, C: 1024, S: 1024, honest: 1024 }

/** What its heap may keep of an attack that is over. */
export const heapMiBKept = 64

/** The share of the control's checked traffic that has to remain. */
export const goodMin: { readonly [By in Attacker]: number } = { O: 0.5, M: 0.8, C: 0.5, S: 0.5, honest: 0.5 }

export const goodOf = ({ messages, names, opens }: Pick<Figures, "messages" | "names" | "opens">): number =>
  Math.min(messages, opens, names)

export const countedOf = ({ counted }: Pick<Figures, "counted">): number =>
  Object.values(counted).reduce((sum, times) => sum + times, 0)

const answered = (figures: Figures): ReadonlyArray<string> => {
  switch (figures.answer) {
    case "closed":
      return figures.closed + figures.streamsRefused === 0
        ? ["attacker not closed"]
        : // A host counts who calls it; of one that it calls its log says so.
          countedOf(figures) === 0 && figures.by !== "S"
          ? ["closed, not counted"]
          : []
    case "counted":
      return countedOf(figures) === 0 ? ["not counted"] : []
    case "borne":
      return []
  }
}

/** A call is given up after 3 seconds; a host that is busy may be late. */
const callMillisMax = 10_000

/** Each call has to come to an end in time, for a reason that the caller is told. */
export const callsMissed = ({ longestMillis, outcomes }: Calls): ReadonlyArray<string> => [
  ...(Object.keys(outcomes).length === 0 ? ["nobody called"] : []),
  ...Object.keys(outcomes).filter((outcome) => outcome.startsWith("died")),
  ...(longestMillis > callMillisMax ? ["a call hung"] : [])
]

/** In which ways the host did not hold; none if it did. */
export const missesOf = (figures: Figures): ReadonlyArray<string> => {
  if (figures.ended !== undefined) return [`process ${figures.ended}`]
  const { by } = figures
  const misses: Array<string> = []
  const miss = (isMissed: boolean, what: string) => {
    if (isMissed) misses.push(what)
  }
  miss(goodOf(figures) < goodMin[by], `good below ${100 * goodMin[by]} %`)
  miss(figures.lost > figures.lostControl, `${figures.lost} flows lost`)
  miss(figures.turnMillis > turnMillisMax, `turn above ${turnMillisMax} ms`)
  miss(figures.rssPeakBytes > rssMiBMax[by] * mebi, `RSS above ${rssMiBMax[by]} MiB`)
  miss(figures.heapAfterBytes > figures.heapControlBytes + heapMiBKept * mebi, "heap kept")
  miss(!figures.isNamed, "names wrong")
  miss(!figures.isMember, "members wrong")
  miss(figures.buried > 0 && by !== "M", "a live host believed dead")
  miss(figures.isJoined === false, "newcomer not let in")
  miss(figures.linesUnclean > 0, "log not clean")
  miss(
    figures.amplification !== undefined &&
      figures.amplification > (figures.amplificationMax ?? Number.POSITIVE_INFINITY),
    `more than ${figures.amplificationMax} bytes for one`
  )
  const calls = figures.calls === undefined ? [] : callsMissed(figures.calls)
  return [...misses, ...answered(figures), ...calls, ...figures.complaints]
}

export const isHeld = (figures: Figures): boolean => missesOf(figures).length === 0

/** Whether an attack is one of such a fabric. */
export const isOf = ({ isSealedOnly = false }: Pick<Attack, "isSealedOnly">, isSealed: boolean): boolean =>
  isSealed || !isSealedOnly
