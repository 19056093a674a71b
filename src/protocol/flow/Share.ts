/**
 * What this host holds for one peer, on all of its sessions: what has come and nobody has taken, and what waits since the
 * peer takes nothing. It is counted anew in each look at all of its flows.
 *
 * States: within -> above (since when) -> within. Above, flows that come wait (`isFull`), and those inside go on. What has been
 * above for the time allowed ends flows: those of which the oldest byte has been here longest, and for that time at least,
 * until what is left is within.
 * Invariants: nothing ends within the bound, before that time, or as long as it moves; no more end than are needed.
 */
export interface Bounds {
  readonly bytesMax: number
  /** How long bytes may stay while their peer is above, in milliseconds. */
  readonly stalledMillisMax: number
}

/** A mark in one direction of a flow: since when what was held then is here. */
export interface Stay {
  readonly sinceMillis: number
  readonly heldBytes: number
  /** All that had left so far. */
  readonly leftBytes: number
}

/**
 * Looks at one direction of a flow: what it holds, and all that has left of it so far. The mark moves on once all that it
 * stands for has left, so that a few bytes now and then do not hide that others stay.
 */
export const stay = (
  mark: Stay | undefined,
  {
    heldBytes,
    leftBytes,
    nowMillis
  }: { readonly heldBytes: number; readonly leftBytes: number; readonly nowMillis: number }
): Stay | undefined => {
  if (heldBytes <= 0) return undefined
  if (mark !== undefined && leftBytes - mark.leftBytes < mark.heldBytes) return mark
  return { sinceMillis: nowMillis, heldBytes, leftBytes }
}

interface Stalled<Flow> {
  readonly flow: Flow
  readonly heldBytes: number
  readonly sinceMillis: number
}

export interface Share<Flow> {
  readonly bounds: Bounds
  /** As of the last look. */
  heldBytes: number
  aboveMillis: number | undefined
  /** The look that goes on, and which flows have stalled for it. */
  nowMillis: number
  countedBytes: number
  stalled: Array<Stalled<Flow>>
}

export const make = <Flow>(bounds: Bounds): Share<Flow> => ({
  bounds,
  heldBytes: 0,
  aboveMillis: undefined,
  nowMillis: 0,
  countedBytes: 0,
  stalled: []
})

/** Whether flows that come have to wait. */
export const isFull = <Flow>({ bounds, heldBytes }: Share<Flow>): boolean => heldBytes > bounds.bytesMax

/** Begins a look. */
export const begin = <Flow>(share: Share<Flow>, nowMillis: number): void => {
  share.nowMillis = nowMillis
  share.countedBytes = 0
  share.stalled = []
}

/** Counts a flow that holds something, the oldest of it since then. */
export const count = <Flow>(share: Share<Flow>, flow: Flow, heldBytes: number, sinceMillis: number): void => {
  share.countedBytes += heldBytes
  if (share.nowMillis - sinceMillis >= share.bounds.stalledMillisMax)
    share.stalled.push({ flow, heldBytes, sinceMillis })
}

/** Ends a look, after all flows were counted: those that are to end. */
export const settle = <Flow>(share: Share<Flow>): ReadonlyArray<Flow> => {
  const { bounds, nowMillis, stalled } = share
  share.heldBytes = share.countedBytes
  share.stalled = []
  if (!isFull(share)) {
    share.aboveMillis = undefined
    return []
  }
  share.aboveMillis ??= nowMillis
  if (nowMillis - share.aboveMillis < bounds.stalledMillisMax) return []
  const over: Array<Flow> = []
  for (const { flow, heldBytes } of stalled.sort((a, b) => a.sinceMillis - b.sinceMillis)) {
    if (!isFull(share)) break
    over.push(flow)
    share.heldBytes -= heldBytes
  }
  return over
}
