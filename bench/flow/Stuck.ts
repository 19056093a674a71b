/** Notices when nothing moves any more, long before the time of a measurement is up. */

/** How long a count may stand still. */
const stuckSeconds = 10

const looksPerSecond = 4

/** Never ends well: fails as soon as a count has stood still for too long. It keeps no process alive. */
export const unlessStuck = (count: () => number, what: string, seconds = stuckSeconds): Promise<never> =>
  new Promise((_, reject) => {
    let last = count()
    let still = 0
    const timer = setInterval(() => {
      const now = count()
      still = now === last ? still + 1 : 0
      last = now
      if (still < seconds * looksPerSecond) return
      clearInterval(timer)
      reject(new Error(`stuck: nothing came for ${seconds} s ${what}`))
    }, 1000 / looksPerSecond)
    timer.unref()
  })
