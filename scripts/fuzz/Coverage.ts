/**
 * Which parts of `src` ran: V8's own count of blocks, for telling an input that reaches something new from all others.
 */
import { Session } from "node:inspector/promises"

export interface Coverage {
  /** The blocks that ran since the last time. */
  readonly take: () => Promise<ReadonlySet<string>>
  /** Those of them that never had before, which are known from then on. */
  readonly learn: (ran: ReadonlySet<string>) => ReadonlySet<string>
  readonly seen: () => number
  readonly stop: () => Promise<void>
}

const isOurs = (url: string): boolean =>
  url.startsWith("file:") && url.includes("/src/") && !url.includes("/node_modules/")

export const start = async (): Promise<Coverage> => {
  const session = new Session()
  session.connect()
  await session.post("Profiler.enable")
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true })
  const seen = new Set<string>()
  return {
    take: async () => {
      const { result } = await session.post("Profiler.takePreciseCoverage")
      const ran = new Set<string>()
      for (const { functions, scriptId, url } of result)
        if (isOurs(url))
          for (const { ranges } of functions)
            for (const { count, endOffset, startOffset } of ranges)
              if (count > 0) ran.add(`${scriptId}:${startOffset}:${endOffset}`)
      return ran
    },
    learn: (ran) => {
      const news = new Set([...ran].filter((block) => !seen.has(block)))
      for (const block of news) seen.add(block)
      return news
    },
    seen: () => seen.size,
    stop: async () => {
      await session.post("Profiler.stopPreciseCoverage")
      session.disconnect()
    }
  }
}
