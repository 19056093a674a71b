/**
 * Who of those that dial a gossip port is served, who waits, and who is turned away.
 *
 * So many are served at a time, of them some seats only for addresses at which members are, and so many of one address. Who
 * finds no seat waits for one in the order of coming, as far as there is room: hosts of one address that start together are
 * served one after the other.
 */

/** Streams served at a time. */
export const seatsMax = 127
/** Of those, kept for addresses at which members are. */
export const memberSeats = 32
/** Of those, of one address. */
export const sourceSeatsMax = 8
/** Streams that wait for a seat, of one address and in all. */
export const sourceWaitingMax = 64
export const waitingMax = 256

export interface Seat<A> {
  readonly source: string
  readonly isMember: boolean
  /** For whoever gave the seat to know it by. */
  readonly holder: A
  state: "waiting" | "seated" | "gone"
}

interface Count {
  seated: number
  waiting: number
}

export interface Seats<A> {
  seated: number
  /** In the order of coming. */
  readonly waiting: Set<Seat<A>>
  readonly bySource: Map<string, Count>
}

export const make = <A>(): Seats<A> => ({ seated: 0, waiting: new Set(), bySource: new Map() })

const countOf = (seats: Seats<unknown>, source: string): Count =>
  seats.bySource.get(source) ?? { seated: 0, waiting: 0 }

const isRoom = (seats: Seats<unknown>, { isMember, source }: Seat<unknown>): boolean =>
  seats.seated < (isMember ? seatsMax : seatsMax - memberSeats) && countOf(seats, source).seated < sourceSeatsMax

/** Counts one more or one less; who has neither a seat nor waits is forgotten. */
const tally = (seats: Seats<unknown>, { source }: Seat<unknown>, seated: number, waiting: number): void => {
  const count = countOf(seats, source)
  count.seated += seated
  count.waiting += waiting
  seats.seated += seated
  if (count.seated + count.waiting > 0) seats.bySource.set(source, count)
  else seats.bySource.delete(source)
}

/** Takes a seat, or a place among those that wait; undefined when there is neither. */
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

/** Leaves: the one that has its seat now, if anybody does. */
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

/** Whether somebody waits who could have this seat. */
export const isWanted = (seats: Seats<unknown>, seat: Seat<unknown>): boolean => {
  if (seats.waiting.size === 0) return false
  if (countOf(seats, seat.source).waiting > 0) return true
  return seats.seated >= seatsMax - memberSeats
}
