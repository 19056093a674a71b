/**
 * Share of one peer: bytes that this host holds for it over all its sessions, received and not read, or waiting since
 * the peer reads nothing. Each look counts them anew over all its flows.
 *
 * States: within -> above (start time) -> within. Above, incoming flows wait (`isFull`), and open ones go on. A peer
 * above for `stalledMillisMax` loses flows, the one whose oldest byte has stayed longest first, and only those that
 * have stalled for that time, until the rest is within.
 * Invariants: no flow ends while the peer is within, before that time, or while bytes move; no more end than needed.
 */
export interface Bounds {
  readonly bytesMax: number
  /** How long bytes may stay while their peer is above, in milliseconds. */
  readonly stalledMillisMax: number
}

/** Mark in one direction of a flow: the bytes held at a time. */
export interface Stay {
  readonly sinceMillis: number
  readonly heldBytes: number
  /** Bytes that had left by then. */
  readonly leftBytes: number
}

/**
 * Marks one direction of a flow from its bytes held and left so far. The mark moves on once all bytes that it stands
 * for have left, so that a few bytes now and then do not hide that others stay.
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
  /** Bytes held at the last look. */
  heldBytes: number
  aboveMillis: number | undefined
  /** Current look: its time, its count, and the flows that have stalled. */
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

/** Returns true when incoming flows have to wait. */
export const isFull = <Flow>({ bounds, heldBytes }: Share<Flow>): boolean => heldBytes > bounds.bytesMax

/** Begins a look. */
export const begin = <Flow>(share: Share<Flow>, nowMillis: number): void => {
  share.nowMillis = nowMillis
  share.countedBytes = 0
  share.stalled = []
}

/** Counts a flow that holds bytes, the oldest of them since `sinceMillis`. */
export const count = <Flow>(share: Share<Flow>, flow: Flow, heldBytes: number, sinceMillis: number): void => {
  share.countedBytes += heldBytes
  if (share.nowMillis - sinceMillis >= share.bounds.stalledMillisMax)
    share.stalled.push({ flow, heldBytes, sinceMillis })
}

/** Ends a look, after all flows were counted. Returns the flows to end. */
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
