/**
 * Whose turn it is at an endpoint: so many flows at once, and so many behind them that wait in the order in which they came.
 *
 * States: open (flows come in) -> closed (none comes in and none waits any more; those inside may finish).
 * Invariants: at most `concurrency` are served, at most `backlog` wait, and nobody waits while a place is free.
 */
export interface Admission<Ticket> {
  readonly concurrency: number
  readonly backlog: number
  readonly serving: Set<Ticket>
  readonly waiting: Set<Ticket>
  isClosed: boolean
}

export type Entry = "serving" | "waiting" | "busy" | "closed"

export const make = <Ticket>(bounds: {
  readonly concurrency: number
  readonly backlog: number
}): Admission<Ticket> => ({
  concurrency: bounds.concurrency,
  backlog: bounds.backlog,
  serving: new Set(),
  waiting: new Set(),
  isClosed: false
})

/** Lets a flow in, or has it wait, or says why neither. */
export const enter = <Ticket>(admission: Admission<Ticket>, ticket: Ticket): Entry => {
  const { backlog, concurrency, serving, waiting } = admission
  if (admission.isClosed) return "closed"
  if (serving.size < concurrency) {
    serving.add(ticket)
    return "serving"
  }
  if (waiting.size >= backlog) return "busy"
  waiting.add(ticket)
  return "waiting"
}

/** The flow is done, or waits no longer: the first that waits gets a place that is free. Saying it twice is fine. */
export const leave = <Ticket>(admission: Admission<Ticket>, ticket: Ticket): void => {
  const { concurrency, serving, waiting } = admission
  waiting.delete(ticket)
  serving.delete(ticket)
  for (const next of waiting) {
    if (serving.size >= concurrency) return
    waiting.delete(next)
    serving.add(next)
  }
}

/** Lets nobody in any more. */
export const close = <Ticket>(admission: Admission<Ticket>): void => {
  admission.isClosed = true
  admission.waiting.clear()
}
