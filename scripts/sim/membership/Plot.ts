/** Timelines as a picture: members alive, or names, as the hosts see them, beside the truth. */
import type { Sample } from "./Timeline.ts"

const width = 960
const height = 420
const left = 64
const right = 24
const top = 56
const bottom = 48

/** A round step that divides a range into about so many parts. */
const stepOf = (range: number, parts: number): number => {
  const rough = range / parts
  const power = 10 ** Math.floor(Math.log10(rough))
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough) ?? 10 * power
}

/** Round values from 0 to an end, about so many. */
export const ticks = (end: number, parts: number): ReadonlyArray<number> => {
  const step = stepOf(end, parts)
  return Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, i) => i * step)
}

export const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

/** What the lines are. */
export interface Legend {
  readonly truth: string
  readonly seen: string
}

export const members: Legend = { truth: "hosts running", seen: "alive in the eyes of the median host" }

export const names: Legend = { truth: "names claimed", seen: "names shown by the median host" }

/** An SVG document that stands on its own, readable on a light and on a dark page. */
export const svg = (title: string, samples: ReadonlyArray<Sample>, { seen, truth }: Legend = members): string => {
  const [first] = samples
  const began = first?.atMillis ?? 0
  const seconds = Math.max(1, ...samples.map(({ atMillis }) => (atMillis - began) / 1000))
  const hosts = Math.max(1, ...samples.map(({ max, truth }) => Math.max(max, truth)))
  const x = (atMillis: number): string =>
    (left + ((atMillis - began) / 1000 / seconds) * (width - left - right)).toFixed(1)
  const y = (count: number): string => (height - bottom - (count / (hosts * 1.08)) * (height - top - bottom)).toFixed(1)
  const points = (of: (sample: Sample) => number, all: ReadonlyArray<Sample> = samples): string =>
    all.map((one) => `${x(one.atMillis)},${y(of(one))}`).join(" ")
  const band = `${points(({ max }) => max)} ${points(({ min }) => min, [...samples].reverse())}`
  const rows = ticks(hosts, 5).map(
    (count) =>
      `<line x1="${left}" x2="${width - right}" y1="${y(count)}" y2="${y(count)}" class="grid"/>` +
      `<text x="${left - 10}" y="${Number(y(count)) + 4}" text-anchor="end">${count}</text>`
  )
  const columns = ticks(seconds, 8).map((second) => {
    const at = x(began + second * 1000)
    return `<text x="${at}" y="${height - bottom + 20}" text-anchor="middle">${second}</text>`
  })
  const key = [
    `<line x1="${left}" x2="${left + 24}" y1="40" y2="40" class="truth"/><text x="${left + 32}" y="44">${truth}</text>`,
    `<line x1="${left + 150}" x2="${left + 174}" y1="40" y2="40" class="seen"/><text x="${left + 182}" y="44">${seen}</text>`,
    `<rect x="${left + 450}" y="34" width="24" height="12" class="band"/><text x="${left + 482}" y="44">of all hosts</text>`
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12">
<title>${escape(title)}</title>
<style>
rect.page { fill: #ffffff } text { fill: #3d4450 } text.title { font-size: 15px; font-weight: 600; fill: #171b22 }
.grid { stroke: #e3e6eb } .band { fill: #2f6fde; fill-opacity: 0.22 }
.seen { stroke: #2f6fde; stroke-width: 2; fill: none } .truth { stroke: #d9622b; stroke-width: 2; stroke-dasharray: 5 4; fill: none }
</style>
<rect class="page" width="${width}" height="${height}"/>
<text x="${left}" y="22" class="title">${escape(title)}</text>
${key.join("\n")}
${rows.join("\n")}
${columns.join("\n")}
<text x="${width - right}" y="${height - 10}" text-anchor="end">seconds</text>
<polygon points="${band}" class="band"/>
<polyline points="${points(({ median }) => median)}" class="seen"/>
<polyline points="${points(({ truth }) => truth)}" class="truth"/>
</svg>
`
}
