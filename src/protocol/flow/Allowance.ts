/**
 * How many streams a session may have: those that carry a flow, and some that are about to.
 *
 * A stream costs its server most of what a flow costs before its first frame has come, and a client can ask for four thousand in one
 * read. HTTP/2 refuses those beyond the limit of the session before anything is made of them, so the limit is small at first
 * and goes up with what is really opened: by all that is open at first, and by a thousand later. It never goes down, since a
 * client may not have heard of that yet.
 * Cost: a client that opens ten thousand flows at once waits for some fifteen round trips in all.
 */

/** Streams without an Open at first, and at most. */
export const aheadMin = 256
export const aheadMax = 1024

/** The limit with which a session begins. */
export const first = (streamsMax: number): number => Math.min(aheadMin, streamsMax)

/** The next limit, once so many streams carry something; undefined while half of what is ahead is left. */
export const next = (limit: number, begun: number, streamsMax: number): number | undefined => {
  const ahead = Math.min(aheadMax, Math.max(aheadMin, begun))
  const wanted = Math.min(streamsMax, begun + ahead)
  return wanted > limit && limit - begun <= ahead / 2 ? wanted : undefined
}
