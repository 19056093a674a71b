/**
 * Agenda of the events to come, in order of time: a binary heap over typed arrays.
 *
 * Events of the same instant come out in the order in which they were put in. An event cannot be taken back: whoever
 * takes it looks whether it still matters.
 */

export interface Agenda<A> {
  times: Float64Array
  orders: Float64Array
  readonly events: Array<A>
  order: number
}

export const make = <A>(): Agenda<A> => ({
  times: new Float64Array(1024),
  orders: new Float64Array(1024),
  events: [],
  order: 0
})

export const size = <A>(agenda: Agenda<A>): number => agenda.events.length

const grow = (values: Float64Array): Float64Array => {
  const grown = new Float64Array(values.length * 2)
  grown.set(values)
  return grown
}

export const put = <A>(agenda: Agenda<A>, atMillis: number, event: A): void => {
  const { events } = agenda
  let index = events.length
  if (index >= agenda.times.length) {
    agenda.times = grow(agenda.times)
    agenda.orders = grow(agenda.orders)
  }
  const { orders, times } = agenda
  events.push(event)
  // The new event is later than all of the same instant, so that only time decides.
  while (index > 0) {
    const above = (index - 1) >> 1
    const time = times[above] ?? 0
    const parent = events[above]
    if (time <= atMillis || parent === undefined) break
    times[index] = time
    orders[index] = orders[above] ?? 0
    events[index] = parent
    index = above
  }
  times[index] = atMillis
  orders[index] = agenda.order++
  events[index] = event
}

/** When the next event is due; Infinity when there is none. */
export const next = <A>(agenda: Agenda<A>): number =>
  agenda.events.length === 0 ? Number.POSITIVE_INFINITY : (agenda.times[0] ?? 0)

/** Takes the next event, whenever it is due. */
export const take = <A>(agenda: Agenda<A>): A | undefined => {
  const { events, orders, times } = agenda
  const first = events[0]
  const last = events.pop()
  const end = events.length
  if (last === undefined || end === 0) return first
  const time = times[end] ?? 0
  const order = orders[end] ?? 0
  let index = 0
  for (;;) {
    let child = 2 * index + 1
    if (child >= end) break
    let childTime = times[child] ?? 0
    let childOrder = orders[child] ?? 0
    if (child + 1 < end) {
      const rightTime = times[child + 1] ?? 0
      const rightOrder = orders[child + 1] ?? 0
      if (rightTime < childTime || (rightTime === childTime && rightOrder < childOrder)) {
        child += 1
        childTime = rightTime
        childOrder = rightOrder
      }
    }
    if (time < childTime || (time === childTime && order < childOrder)) break
    const below = events[child]
    if (below === undefined) break
    times[index] = childTime
    orders[index] = childOrder
    events[index] = below
    index = child
  }
  times[index] = time
  orders[index] = order
  events[index] = last
  return first
}
