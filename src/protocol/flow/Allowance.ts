/**
 * Stream limit of a session (SETTINGS_MAX_CONCURRENT_STREAMS): the streams that carry a flow, and some ahead of them.
 *
 * A stream costs its server most of the cost of a flow before its first frame has come, and a client can ask for four
 * thousand in one read. HTTP/2 refuses streams above the session's limit before anything is allocated for them, so the
 * limit starts small and grows with the open flows: by as many as are open at first, and by a thousand later. It never
 * shrinks, since a client may not know of that yet.
 * Cost: a client that opens ten thousand flows at once waits for some fifteen round trips in all.
 */

/** Streams allowed without an Open, at first and at most. */
export const aheadMin = 256
export const aheadMax = 1024

/** Returns the limit with which a session begins. */
export const first = (streamsMax: number): number => Math.min(aheadMin, streamsMax)

/** Returns the next limit once `begun` streams carry a flow; undefined while more than half of the headroom is left. */
export const next = (limit: number, begun: number, streamsMax: number): number | undefined => {
  const ahead = Math.min(aheadMax, Math.max(aheadMin, begun))
  const wanted = Math.min(streamsMax, begun + ahead)
  return wanted > limit && limit - begun <= ahead / 2 ? wanted : undefined
}
