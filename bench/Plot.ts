/** A figure as a picture: a bar for each candidate, and how far its repeats spread. */
import { type Line, number } from "./Report.ts"
import type { Figure } from "./Run.ts"

const width = 820
const left = 190
const right = 110
const top = 64
const rowHeight = 28
const barHeight = 16
const bottom = 14

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

/** An SVG document that stands on its own, with a page of its own colour on a light and on a dark one. */
export const svg = (figure: Figure, lines: ReadonlyArray<Line>): string => {
  const height = top + lines.length * rowHeight + bottom
  const most = Math.max(...lines.map(({ max }) => max), Number.MIN_VALUE)
  const x = (value: number): string => (left + (Math.max(0, value) / most) * (width - left - right)).toFixed(1)
  const bars = lines.map(({ candidate, max, median, min }, index) => {
    const middle = top + index * rowHeight + rowHeight / 2
    const kind = candidate.startsWith("grinta") ? "ours" : "other"
    const [low, mid, high] = [x(min), x(median), x(max)]
    return [
      `<text x="${left - 10}" y="${middle + 4}" text-anchor="end" class="${kind}">${escape(candidate)}</text>`,
      `<rect x="${left}" y="${middle - barHeight / 2}" width="${(Number(mid) - left).toFixed(1)}" height="${barHeight}" rx="2" class="${kind}"/>`,
      `<path d="M${low} ${middle}H${high}M${low} ${middle - 4}v8M${high} ${middle - 4}v8" class="spread"/>`,
      `<text x="${Number(high) + 8}" y="${middle + 4}">${number(median)}</text>`
    ].join("\n")
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12">
<title>${escape(figure.title)}</title>
<style>
rect.page { fill: #ffffff } text { fill: #3d4450 } text.title { font-size: 15px; font-weight: 600; fill: #171b22 }
text.ours { font-weight: 600; fill: #171b22 } rect.ours { fill: #2f6fde } rect.other { fill: #aeb6c2 }
.axis { stroke: #c6ccd5 } .spread { stroke: #d9622b; stroke-width: 1.5; fill: none }
@media (prefers-color-scheme: dark) {
rect.page { fill: #14181f } text { fill: #b6bdc9 } text.title, text.ours { fill: #eef1f5 }
rect.ours { fill: #5b93f5 } rect.other { fill: #535c6a } .axis { stroke: #3a424e } .spread { stroke: #f08a55 }
}
</style>
<rect class="page" width="${width}" height="${height}"/>
<text x="16" y="26" class="title">${escape(figure.title)}</text>
<text x="16" y="46">${escape(figure.unit)}, ${figure.better} is better: the median, and the lowest and highest of the repeats</text>
<line x1="${left}" x2="${left}" y1="${top}" y2="${height - bottom}" class="axis"/>
${bars.join("\n")}
</svg>
`
}
