/** What a soak has sampled, as a picture: a panel for each figure, a line for each host. */
import { escape, ticks } from "../sim/membership/Plot.ts"
import type { Sample } from "./Trend.ts"

export interface Panel {
  readonly title: string
  readonly lines: ReadonlyArray<{ readonly name: string; readonly samples: ReadonlyArray<Sample> }>
}

const width = 960
const left = 72
const right = 24
const top = 48
const panelHeight = 130
const gap = 34

const colours = ["a", "b"] as const

const panelOf = ({ lines, title }: Panel, index: number, seconds: number): string => {
  const begin = top + index * (panelHeight + gap)
  const end = begin + panelHeight
  const most = Math.max(1, ...lines.flatMap(({ samples }) => samples.map(({ value }) => value)))
  const x = (at: number): string => (left + (at / seconds) * (width - left - right)).toFixed(1)
  const y = (value: number): string => (end - (value / (most * 1.05)) * panelHeight).toFixed(1)
  const rows = ticks(most, 3).map(
    (value) =>
      `<line x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}" class="grid"/>` +
      `<text x="${left - 10}" y="${Number(y(value)) + 4}" text-anchor="end">${value}</text>`
  )
  const drawn = lines.map(
    ({ samples }, line) =>
      `<polyline points="${samples.map(({ at, value }) => `${x(at)},${y(value)}`).join(" ")}" class="${colours[line] ?? "a"}"/>`
  )
  return [`<text x="${left}" y="${begin - 8}" class="panel">${escape(title)}</text>`, ...rows, ...drawn].join("\n")
}

/** An SVG document that stands on its own. */
export const svg = (title: string, panels: ReadonlyArray<Panel>): string => {
  const all = panels.flatMap(({ lines }) => lines.flatMap(({ samples }) => samples))
  const seconds = Math.max(1, ...all.map(({ at }) => at))
  const height = top + panels.length * (panelHeight + gap) + 16
  const names = panels[0]?.lines.map(({ name }) => name) ?? []
  const key = names.map(
    (name, line) =>
      `<line x1="${width - 220 + line * 100}" x2="${width - 196 + line * 100}" y1="36" y2="36" class="${colours[line] ?? "a"}"/>` +
      `<text x="${width - 190 + line * 100}" y="40">${escape(name)}</text>`
  )
  const minutes = ticks(seconds / 60, 8).map((minute) => {
    const at = left + ((60 * minute) / seconds) * (width - left - right)
    return `<text x="${at.toFixed(1)}" y="${height - 30}" text-anchor="middle">${minute}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12">
<title>${escape(title)}</title>
<style>
rect.page { fill: #ffffff } text { fill: #3d4450 } text.title { font-size: 15px; font-weight: 600; fill: #171b22 } text.panel { fill: #171b22 }
.grid { stroke: #e3e6eb } .a { stroke: #2f6fde; stroke-width: 1.5; fill: none } .b { stroke: #d9622b; stroke-width: 1.5; fill: none }
</style>
<rect class="page" width="${width}" height="${height}"/>
<text x="${left}" y="22" class="title">${escape(title)}</text>
${key.join("\n")}
${panels.map((panel, index) => panelOf(panel, index, seconds)).join("\n")}
${minutes.join("\n")}
<text x="${width - right}" y="${height - 12}" text-anchor="end">minutes</text>
</svg>
`
}
