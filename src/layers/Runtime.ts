/**
 * What runs this program, and whether a host is made for it.
 *
 * A host stands on the HTTP/2, TLS and UDP of Node. Others that say they are like some Node have implementations of their own.
 * Source: faults.md, D-1.
 */

/** The releases that carry the HTTP/2 and TLS fixes of July 2026. */
const floors: ReadonlyArray<readonly [major: number, minor: number, patch: number]> = [
  [22, 23, 2],
  [24, 18, 1],
  [26, 5, 1]
]

/** True for a Node release with the fixes that a host relies on. Odd lines and older ones get none. */
export const isSupportedNode = (version: string): boolean => {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map((part) => Number.parseInt(part, 10))
  const floor = floors.find(([line]) => line === major)
  if (floor === undefined) return major > 26
  return minor > floor[1] || (minor === floor[1] && patch >= floor[2])
}

/** The versions that a process says it has, as `process.versions`. */
export interface Versions {
  readonly node: string
  readonly bun?: string | undefined
  readonly deno?: string | undefined
}

const nameOf = ({ bun, deno, node }: Versions): string => {
  const other = bun === undefined ? (deno === undefined ? undefined : `Deno ${deno}`) : `Bun ${bun}`
  return other === undefined ? `Node ${node}` : `${other}, which says that it is like Node ${node}`
}

/** Why a host is not made for this; undefined when it is. */
export const doubt = (versions: Versions): string | undefined => {
  const { bun, deno, node } = versions
  if (bun === undefined && deno === undefined && isSupportedNode(node)) return undefined
  const releases = floors.map((floor) => floor.join(".")).join(", ")
  return `this is ${nameOf(versions)}; a host is made for Node, and the oldest releases that serve are ${releases}`
}
