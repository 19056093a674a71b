/** All candidates. A library that is not installed is named, and its candidates are left out. */
import type { Candidate } from "./Candidate.ts"

/** The files of `peers`, and what each is called where it cannot be loaded. */
const files: ReadonlyArray<readonly [file: string, name: string]> = [
  ["grinta", "grinta"],
  ["grinta-rpc", "grinta/rpc"],
  ["tcp", "raw TCP"],
  ["http2", "raw HTTP/2"],
  ["connect", "connect-node"],
  ["grpc", "grpc-js"],
  ["ws", "ws"],
  ["effect-rpc", "Effect Rpc"],
  ["nats", "NATS"],
  ["libp2p", "libp2p"],
  ["local", "local flows"]
]

export interface Loaded extends Candidate {
  readonly file: string
  /** Flags of Node for both of its processes, and what their environment says beside that of this one. */
  readonly flags: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string>>
}

/** Its path is computed, so that type checking goes without the packages of the bench. */
export const load = async (file: string): Promise<ReadonlyArray<Loaded>> => {
  const module: { readonly candidates: ReadonlyArray<Candidate> } = await import(
    new URL(`./peers/${file}.ts`, import.meta.url).href
  )
  return module.candidates.map((candidate) => ({ ...candidate, file, flags: [] }))
}

export interface LeftOut {
  readonly name: string
  readonly why: string
}

const isNotInstalled = (error: unknown): error is Error =>
  error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND"

export const loadAll = async (): Promise<{
  readonly candidates: ReadonlyArray<Loaded>
  readonly leftOut: ReadonlyArray<LeftOut>
}> => {
  const candidates: Array<Loaded> = []
  const leftOut: Array<LeftOut> = []
  for (const [file, name] of files) {
    try {
      for (const candidate of await load(file)) {
        const why = candidate.missing?.()
        if (why === undefined) candidates.push(candidate)
        else leftOut.push({ name: candidate.name, why })
      }
    } catch (error) {
      if (!isNotInstalled(error)) throw error
      const [, missing = "a package"] = /'([^']+)'/.exec(error.message) ?? []
      leftOut.push({ name, why: `${missing} is not installed; bench/setup.sh installs it` })
    }
  }
  return { candidates, leftOut }
}
