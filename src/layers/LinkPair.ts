/**
 * A link inside one process: two ends, each writing what the other reads. Frames are passed, not copied: what a channel
 * puts into them is its own.
 *
 * A listener takes each frame in the turn in which it is written. Before there is one, or while it takes no more, a
 * direction holds one frame at most.
 */
import { Cause, Effect } from "effect"
import type { Fail, Frame } from "../protocol/flow/Frame.ts"
import { type Attached, type Link, LinkBroken, type Listener } from "../services/Transport.ts"
import * as Signal from "./Signal.ts"

export interface LinkEnd {
  readonly link: Link
  /** Breaks the whole link, for both ends; what was written and not yet read is lost. No effect on a finished one. */
  readonly breakWith: (broken: LinkBroken) => void
}

interface Direction {
  /** Written, and not yet read. */
  frame: Frame | undefined
  isFinished: boolean
  readonly changed: Signal.Signal
  /** Who listens at the end that reads. */
  reader: Listener | undefined
  /** The reader has taken all that it may. */
  isHeld: boolean
  isEndHeard: boolean
}

interface Pair {
  readonly there: Direction
  readonly back: Direction
  readonly breaking: Signal.Signal
  broken: LinkBroken | undefined
}

/** An end of the pair, by the direction that it writes and the one that it reads. */
interface End {
  readonly pair: Pair
  readonly out: Direction
  readonly from: Direction
}

const direction = (): Direction => ({
  frame: undefined,
  isFinished: false,
  changed: Signal.make(),
  reader: undefined,
  isHeld: true,
  isEndHeard: false
})

const finishedHere = () => new LinkBroken({ how: "finished", detail: "this side has finished" })

const isOver = (pair: Pair, { isFinished }: Direction): boolean => isFinished || pair.broken !== undefined

const hasRoom = ({ frame, isHeld, reader }: Direction): boolean =>
  frame === undefined && (reader === undefined || !isHeld)

/** Gives the listener what it may take. */
const deliver = (pair: Pair, to: Direction): void => {
  while (to.reader !== undefined && !to.isHeld) {
    const { frame } = to
    if (frame !== undefined) {
      to.frame = undefined
      to.isHeld = !to.reader.onFrame(frame)
    } else if (to.isEndHeard || !isOver(pair, to)) return
    else {
      to.isEndHeard = true
      const { broken } = pair
      to.reader.onEnd(() => (broken === undefined || to.isFinished ? Cause.Done() : broken))
    }
  }
}

const put = (pair: Pair, out: Direction, frame: Frame): void => {
  out.frame = frame
  deliver(pair, out)
  Signal.notify(out.changed)
}

const finish = ({ out, pair }: End): void => {
  out.isFinished = true
  deliver(pair, out)
  Signal.notify(out.changed)
}

const breakWith = (pair: Pair, cause: LinkBroken): void => {
  const { back, breaking, there } = pair
  if (pair.broken !== undefined || (there.isFinished && back.isFinished)) return
  pair.broken = cause
  there.frame = undefined
  back.frame = undefined
  for (const each of [there, back]) {
    each.reader?.onBroken(() => cause)
    deliver(pair, each)
    Signal.notify(each.changed)
  }
  Signal.notify(breaking)
}

/** Waits until what was written is read. */
const taken = (pair: Pair, out: Direction): Effect.Effect<void, LinkBroken> =>
  Effect.flatMap(
    Signal.until(out.changed, () => pair.broken !== undefined || out.frame === undefined),
    () => (pair.broken === undefined ? Effect.void : Effect.fail(pair.broken))
  )

const write = ({ out, pair }: End, frame: Frame): Effect.Effect<void, LinkBroken> =>
  Effect.flatMap(taken(pair, out), () => {
    if (out.isFinished) return Effect.fail(finishedHere())
    put(pair, out, frame)
    return taken(pair, out)
  })

const fill = ({ from, out, pair }: End, next: () => Frame | undefined): void => {
  while (!isOver(pair, out) && hasRoom(out)) {
    const frame = next()
    if (frame === undefined) return
    put(pair, out, frame)
  }
  const writer = from.reader
  if (writer !== undefined && isOver(pair, out) && next() !== undefined)
    writer.onBroken(() => pair.broken ?? finishedHere())
}

const cancel = ({ out, pair }: End, last: Fail): void => {
  if (out.isFinished) return
  if (hasRoom(out)) {
    out.isFinished = true
    put(pair, out, last)
  }
  breakWith(pair, new LinkBroken({ how: "reset", detail: last.detail }))
}

const read = ({ from, pair }: End): Effect.Effect<Frame, LinkBroken | Cause.Done> =>
  Effect.flatMap(
    Signal.until(from.changed, () => from.frame !== undefined || isOver(pair, from)),
    (): Effect.Effect<Frame, LinkBroken | Cause.Done> => {
      const { frame } = from
      if (frame === undefined) {
        const { broken } = pair
        return broken === undefined || from.isFinished ? Cause.done() : Effect.fail(broken)
      }
      from.frame = undefined
      Signal.notify(from.changed)
      return Effect.succeed(frame)
    }
  )

const attach = (end: End, listener: Listener): Attached => {
  const { from, out, pair } = end
  from.reader = listener
  return {
    goOn: () => {
      if (!from.isHeld) return
      from.isHeld = false
      deliver(pair, from)
      Signal.notify(from.changed)
      if (!from.isHeld) out.reader?.onRoom()
    },
    finish: () => finish(end),
    detach: () => {
      from.reader = undefined
    }
  }
}

const linkOf = (end: End): Link => ({
  isWithin: true,
  write: (frame) => write(end, frame),
  // A frame costs a look at the other end, so what is sent in one turn goes together.
  isIdle: () => false,
  fill: (next) => fill(end, next),
  read: read(end),
  finish: Effect.sync(() => finish(end)),
  cancel: (last) => Effect.sync(() => cancel(end, last)),
  broken: Effect.flatMap(
    Signal.until(end.pair.breaking, () => end.pair.broken !== undefined),
    () => (end.pair.broken === undefined ? Effect.never : Effect.fail(end.pair.broken))
  ),
  attach: (listener) => attach(end, listener)
})

/** Two connected ends. */
export const make = (): readonly [LinkEnd, LinkEnd] => {
  const pair: Pair = { there: direction(), back: direction(), breaking: Signal.make(), broken: undefined }
  const end = (out: Direction, from: Direction): LinkEnd => ({
    link: linkOf({ pair, out, from }),
    breakWith: (cause) => breakWith(pair, cause)
  })
  return [end(pair.there, pair.back), end(pair.back, pair.there)]
}
