/**
 * Timers of a state machine: a binary heap of deadlines that can be cancelled.
 *
 * Deadlines of the same instant come out in the order in which they were armed.
 */

export interface Deadline<A> {
  readonly atMillis: number
  readonly value: A
  /** Rank among deadlines of the same instant. */
  readonly order: number
  /** Place in the heap; -1 once taken or cancelled. */
  index: number
}

export interface Deadlines<A> {
  readonly heap: Array<Deadline<A>>
  order: number
}

export const make = <A>(): Deadlines<A> => ({ heap: [], order: 0 })

const isBefore = <A>(a: Deadline<A>, b: Deadline<A>): boolean =>
  a.atMillis < b.atMillis || (a.atMillis === b.atMillis && a.order < b.order)

const place = <A>(heap: Array<Deadline<A>>, deadline: Deadline<A>, index: number): void => {
  heap[index] = deadline
  deadline.index = index
}

const siftUp = <A>(heap: Array<Deadline<A>>, deadline: Deadline<A>, from: number): void => {
  let index = from
  while (index > 0) {
    const above = (index - 1) >> 1
    const parent = heap[above]
    if (parent === undefined || !isBefore(deadline, parent)) break
    place(heap, parent, index)
    index = above
  }
  place(heap, deadline, index)
}

const siftDown = <A>(heap: Array<Deadline<A>>, deadline: Deadline<A>, from: number): void => {
  let index = from
  for (;;) {
    const left = heap[2 * index + 1]
    if (left === undefined) break
    const right = heap[2 * index + 2]
    const child = right !== undefined && isBefore(right, left) ? right : left
    if (!isBefore(child, deadline)) break
    const below = child.index
    place(heap, child, index)
    index = below
  }
  place(heap, deadline, index)
}

export const arm = <A>(deadlines: Deadlines<A>, atMillis: number, value: A): Deadline<A> => {
  const deadline: Deadline<A> = { atMillis, value, order: deadlines.order++, index: -1 }
  restore(deadlines, deadline)
  return deadline
}

/** Puts a cancelled deadline back, at its old time. */
export const restore = <A>(deadlines: Deadlines<A>, deadline: Deadline<A>): void => {
  deadline.index = deadlines.heap.length
  deadlines.heap.push(deadline)
  siftUp(deadlines.heap, deadline, deadline.index)
}

/** Removes a deadline; does nothing if it was taken or cancelled before. */
export const cancel = <A>(deadlines: Deadlines<A>, deadline: Deadline<A>): void => {
  const index = deadline.index
  if (index < 0) return
  deadline.index = -1
  const last = deadlines.heap.pop()
  if (last === undefined || last === deadline) return
  const parent = deadlines.heap[(index - 1) >> 1]
  if (index > 0 && parent !== undefined && isBefore(last, parent)) siftUp(deadlines.heap, last, index)
  else siftDown(deadlines.heap, last, index)
}

/** Returns the time of the next deadline; Infinity when there is none. */
export const next = <A>(deadlines: Deadlines<A>): number => deadlines.heap[0]?.atMillis ?? Number.POSITIVE_INFINITY

/** Takes the first deadline that is due. */
export const takeDue = <A>(deadlines: Deadlines<A>, nowMillis: number): Deadline<A> | undefined => {
  const first = deadlines.heap[0]
  if (first === undefined || first.atMillis > nowMillis) return undefined
  cancel(deadlines, first)
  return first
}
