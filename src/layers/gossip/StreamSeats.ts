/** StreamSeats: admits streams to the gossip port: by a rate per address, to a seat, and to memory for their bytes. */
import { Deferred, Effect, Exit, Option } from "effect"
import { type Address, source as sourceOf } from "../../protocol/Address.ts"
import * as Buckets from "../../protocol/Buckets.ts"
import * as Held from "../../protocol/memberlist/Held.ts"
import * as Pace from "../../protocol/memberlist/Pace.ts"
import * as Seats from "../../protocol/memberlist/Seats.ts"
import * as StreamCodec from "../../protocol/memberlist/StreamCodec.ts"
import type { ByteStream } from "../../services/GossipSocket.ts"

/** Streams of one address, per second and in a burst. */
export const streamsPerSecond = 32
export const streamsBurst = 128
/** Push/pulls of one address that are answered, per second and in a burst. */
export const pushPullsPerSecond = 16
export const pushPullsBurst = 128

/** Longest time that a stream waits for a seat. */
const waitTimeout = "2 seconds"

/** Time of a stream for its label and its first header, in ms, and the time while others wait for its seat. */
export const headerMillis = 2000
export const headerMillisWanted = 200
/** Pause between two looks whether others wait for the seat. */
const lookMillis = 100
/** Pause between two looks whether a stream that came too fast may go on. */
const paceInterval = "20 millis"

export interface Options {
  readonly isMember: (source: string) => boolean
  readonly count: (reason: string) => void
  readonly now: () => number
}

/** Stream that has a seat. */
export interface Seated {
  /** Returns the stream, read no faster than `Pace` allows. */
  readonly paced: (stream: ByteStream) => ByteStream
  /** Charges the bytes that the stream's reader holds; false when there is no memory for them. */
  readonly hold: (reader: StreamCodec.State) => boolean
  /** Completes when the stream has taken too long for its label and its first header, which `hold` observes. */
  readonly silence: Effect.Effect<void>
  /** Takes one push/pull from the rate of this address; false when the rate is used up. */
  readonly mayExchange: () => boolean
}

export interface Room {
  /** Serves a stream of this peer once it has a seat, or counts why it has none. */
  readonly seat: (peer: Address, serve: (seated: Seated) => Effect.Effect<void>) => Effect.Effect<void>
}

type Holder = Deferred.Deferred<void>

export const make = ({ count, isMember, now }: Options): Room => {
  const seats = Seats.make<Holder>()
  const held = Held.make()
  const pace = Pace.make(now())
  const streams = Buckets.make(streamsPerSecond, streamsBurst)
  const pushPulls = Buckets.make(pushPullsPerSecond, pushPullsBurst)

  const leave = (seat: Seats.Seat<Holder>): Effect.Effect<void> =>
    Effect.sync(() => {
      const next = Seats.leave(seats, seat)
      if (next !== undefined) Deferred.doneUnsafe(next.holder, Exit.void)
    })

  const paced = (read: Pace.Read, stream: ByteStream): ByteStream => {
    const turn: Effect.Effect<void> = Effect.suspend(() =>
      Pace.isDue(pace, read, now()) ? Effect.void : Effect.andThen(Effect.sleep(paceInterval), turn)
    )
    const charged = Effect.tap(stream.read, ({ length }) => Effect.sync(() => Pace.charge(pace, read, length)))
    return { ...stream, read: Effect.andThen(turn, charged) }
  }

  const seated = (seat: Seats.Seat<Holder>, share: Held.Share): Seated => {
    const read = Pace.read(seat.source, seat.isMember)
    const sinceMillis = now()
    let hasBegun = false
    const silence: Effect.Effect<void> = Effect.suspend(() => {
      if (hasBegun) return Effect.never
      const millis = sinceMillis + (Seats.isWanted(seats, seat) ? headerMillisWanted : headerMillis) - now()
      return millis <= 0 ? Effect.void : Effect.andThen(Effect.sleep(Math.min(lookMillis, Math.ceil(millis))), silence)
    })
    return {
      paced: (stream) => paced(read, stream),
      silence,
      hold: (reader) => {
        if (reader.opened) Pace.open(pace, read)
        hasBegun ||= StreamCodec.isBegun(reader)
        return Held.hold(held, share, StreamCodec.heldBytes(reader), StreamCodec.isProven(reader))
      },
      mayExchange: () => Buckets.take(pushPulls, seat.source, now())
    }
  }

  const refuse = (reason: string): Effect.Effect<void> => Effect.sync(() => count(`stream.${reason}`))

  return {
    seat: (peer, serve) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          const source = sourceOf(peer.bytes)
          if (!Buckets.take(streams, source, now())) return refuse("sourceRate")
          const seat = Seats.enter(seats, source, isMember(source), Deferred.makeUnsafe<void>())
          if (seat === undefined) return refuse("refused")
          const share = Held.share(source, seat.isMember)
          const waited =
            seat.state === "seated"
              ? Effect.succeed(Option.some(undefined))
              : Effect.timeoutOption(Deferred.await(seat.holder), waitTimeout)
          const served = Effect.flatMap(waited, (turn) =>
            Option.isSome(turn) ? Effect.suspend(() => serve(seated(seat, share))) : refuse("refused")
          )
          return restore(served).pipe(
            Effect.ensuring(Effect.sync(() => Held.release(held, share))),
            Effect.ensuring(leave(seat))
          )
        })
      )
  }
}
