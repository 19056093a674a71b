/**
 * Checks that this process runs on a Node that a host supports.
 *
 * A host relies on the HTTP/2, TLS and UDP of Node. Runtimes that claim to be like some Node have their own ones.
 * Source: security.md, D-1.
 */

/** Oldest release of each line with the HTTP/2 and TLS fixes of July 2026. */
const floors: ReadonlyArray<readonly [major: number, minor: number, patch: number]> = [
  [22, 23, 2],
  [24, 18, 1],
  [26, 5, 1]
]

/** Returns whether a Node release has those fixes. Lines below 26 that have no floor here never get them. */
export const isSupportedNode = (version: string): boolean => {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map((part) => Number.parseInt(part, 10))
  const floor = floors.find(([line]) => line === major)
  if (floor === undefined) return major > 26
  return minor > floor[1] || (minor === floor[1] && patch >= floor[2])
}

/** Versions that a process reports, as `process.versions`. */
export interface Versions {
  readonly node: string
  readonly bun?: string | undefined
  readonly deno?: string | undefined
}

const nameOf = ({ bun, deno, node }: Versions): string => {
  const other = bun === undefined ? (deno === undefined ? undefined : `Deno ${deno}`) : `Bun ${bun}`
  return other === undefined ? `Node ${node}` : `${other}, which says that it is like Node ${node}`
}

/** Returns why a host does not support this runtime; undefined when it does. */
export const doubt = (versions: Versions): string | undefined => {
  const { bun, deno, node } = versions
  if (bun === undefined && deno === undefined && isSupportedNode(node)) return undefined
  const releases = floors.map((floor) => floor.join(".")).join(", ")
  return `this is ${nameOf(versions)}; a host is made for Node, and the oldest releases that serve are ${releases}`
}
