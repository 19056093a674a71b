/**
 * What must hold of name directories, whatever happened to their hosts and to what they said.
 *
 * All directories that exchanged digests are equal; no record of a life that is known to be over is shown; nothing that a
 * live host claims is missing after one exchange. Source: design.md, law 7.
 */
import * as Directory from "../../../src/protocol/names/Directory.ts"
import type { Entry } from "../../../src/protocol/names/View.ts"

/** One live host: its directory, and the names that it has claimed and was not told to have lost. */
export interface Replica {
  readonly directory: Directory.Directory
  readonly held: ReadonlySet<string>
}

export interface Verdict {
  /** Claims of live hosts that are not shown somewhere, one for each directory and claim. */
  readonly lost: number
  /** Entries that are shown somewhere, and claimed by nobody who lives. */
  readonly ghosts: number
  /** Directories that show something else than the first one. */
  readonly unequal: number
}

const keyOf = (name: string, host: string, generation: number): string => `${name}@${host}#${generation}`

const keyOfEntry = ({ host, name }: Entry): string => keyOf(name, host.id, host.generation)

const claimsOf = ({ directory, held }: Replica): ReadonlyArray<string> =>
  [...held].map((name) => keyOf(name, directory.own.id, directory.own.claims.generation))

/** Entries of hosts that this directory itself believes to be gone, or of a life that it knows to be over: there are none. */
export const ghostsOf = (directory: Directory.Directory, entries: ReadonlyArray<Entry>): ReadonlyArray<Entry> => {
  const lives = new Map(Directory.hosts(directory).map(({ generation, id }) => [id, generation]))
  return entries.filter(({ host }) => lives.get(host.id) !== host.generation)
}

/** Compares the directories of all live hosts with what they claim, and so with each other. */
export const judge = (replicas: ReadonlyArray<Replica>): Verdict => {
  const claimed = new Set(replicas.flatMap(claimsOf))
  let lost = 0
  let ghosts = 0
  let unequal = 0
  let first: string | undefined
  for (const { directory } of replicas) {
    const shown = Directory.scan(directory, "").map(keyOfEntry)
    const alien = shown.filter((key) => !claimed.has(key)).length
    ghosts += alien
    lost += claimed.size - (shown.length - alien)
    // Scans come in one order, so that equal ones are equal word for word.
    const text = shown.join()
    first ??= text
    if (text !== first) unequal += 1
  }
  return { lost, ghosts, unequal }
}

/** The first directory that does not show just what is claimed; undefined when all of them do. */
export const findBehind = <A extends Replica>(replicas: ReadonlyArray<A>): A | undefined => {
  const claimed = new Set(replicas.flatMap(claimsOf))
  return replicas.find(({ directory }) => {
    const shown = Directory.scan(directory, "")
    return shown.length !== claimed.size || !shown.every((entry) => claimed.has(keyOfEntry(entry)))
  })
}

export const isSettled = (replicas: ReadonlyArray<Replica>): boolean => findBehind(replicas) === undefined
