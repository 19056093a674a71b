/** When this process was not let run, by a signal or by the others of a busy machine. */

const everyMillis = 100
const lateMillis = 400

/** Tells each span, in milliseconds since 1970. Time in which the process was busy with itself is none. */
export const watch = (told: (from: number, to: number) => void): void => {
  let [last, used] = [Date.now(), process.cpuUsage()]
  setInterval(() => {
    const now = Date.now()
    const { system, user } = process.cpuUsage(used)
    const late = now - last - everyMillis
    if (late > lateMillis && (system + user) / 1000 < late / 2) told(last, now)
    last = now
    used = process.cpuUsage()
  }, everyMillis).unref()
}
