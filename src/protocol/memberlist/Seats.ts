/**
 * Admission of incoming gossip streams: served, waiting or turned away.
 *
 * The number of seats is bounded, in all and per address, and some are kept for addresses with members. Without a free
 * seat a stream waits in the order of arrival, within bounds: hosts of one address that start together take turns.
 */

/** Streams served at the same time. */
export const seatsMax = 127
/** The part of `seatsMax` kept for addresses with members. */
export const memberSeats = 32
/** The most seats of one address. */
export const sourceSeatsMax = 8
/** Streams that wait for a seat, per address and in all. */
export const sourceWaitingMax = 64
export const waitingMax = 256

export interface Seat<A> {
  readonly source: string
  readonly isMember: boolean
  /** Identifies the stream to the caller. */
  readonly holder: A
  state: "waiting" | "seated" | "gone"
}

interface Count {
  seated: number
  waiting: number
}

export interface Seats<A> {
  seated: number
  /** In the order of arrival. */
  readonly waiting: Set<Seat<A>>
  readonly bySource: Map<string, Count>
}

export const make = <A>(): Seats<A> => ({ seated: 0, waiting: new Set(), bySource: new Map() })

const countOf = (seats: Seats<unknown>, source: string): Count =>
  seats.bySource.get(source) ?? { seated: 0, waiting: 0 }

const isRoom = (seats: Seats<unknown>, { isMember, source }: Seat<unknown>): boolean =>
  seats.seated < (isMember ? seatsMax : seatsMax - memberSeats) && countOf(seats, source).seated < sourceSeatsMax

/** Adds to the counts of a source; a source with no stream seated or waiting is forgotten. */
const tally = (seats: Seats<unknown>, { source }: Seat<unknown>, seated: number, waiting: number): void => {
  const count = countOf(seats, source)
  count.seated += seated
  count.waiting += waiting
  seats.seated += seated
  if (count.seated + count.waiting > 0) seats.bySource.set(source, count)
  else seats.bySource.delete(source)
}

/** Takes a seat or a place in the queue; undefined when both are full. */
export const enter = <A>(seats: Seats<A>, source: string, isMember: boolean, holder: A): Seat<A> | undefined => {
  const seat: Seat<A> = { source, isMember, holder, state: "waiting" }
  if (isRoom(seats, seat)) {
    seat.state = "seated"
    tally(seats, seat, 1, 0)
    return seat
  }
  if (seats.waiting.size >= waitingMax || countOf(seats, source).waiting >= sourceWaitingMax) return undefined
  seats.waiting.add(seat)
  tally(seats, seat, 0, 1)
  return seat
}

/** Frees a seat or a place in the queue; returns the waiting stream that gets the seat, if any. */
export const leave = <A>(seats: Seats<A>, seat: Seat<A>): Seat<A> | undefined => {
  const { state } = seat
  if (state === "gone") return undefined
  seat.state = "gone"
  if (state === "waiting") {
    seats.waiting.delete(seat)
    tally(seats, seat, 0, -1)
    return undefined
  }
  tally(seats, seat, -1, 0)
  for (const next of seats.waiting) {
    if (!isRoom(seats, next)) continue
    seats.waiting.delete(next)
    next.state = "seated"
    tally(seats, next, 1, -1)
    return next
  }
  return undefined
}

/** Whether a waiting stream could have this seat. */
export const isWanted = (seats: Seats<unknown>, seat: Seat<unknown>): boolean => {
  if (seats.waiting.size === 0) return false
  if (countOf(seats, seat.source).waiting > 0) return true
  return seats.seated >= seatsMax - memberSeats
}
