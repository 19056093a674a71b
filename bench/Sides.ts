/** The two that are measured in pairs. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { committed, latest, released } from "../scripts/released.ts"
import { flagsFor } from "../scripts/sources.ts"
import { uriOf } from "../src/protocol/Identity.ts"
import { make as makeAuthority } from "../test/layers/transport/http2/tls/Certificates.ts"
import { type Loaded, load } from "./flow/peers.ts"
import type { PairArguments } from "./PairArguments.ts"

export interface Side {
  readonly name: string
  readonly loaded: Loaded
}

export interface Sides {
  readonly ours: Side
  readonly theirs: Side
}

/** Variables that have both hosts speak TLS, by one certificate that names both. The files go when the process does. */
const secured = (): Readonly<Record<string, string>> => {
  const folder = mkdtempSync(join(tmpdir(), "grinta-pairs-"))
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
  const file = (name: string, content: string): string => {
    const path = join(folder, name)
    writeFileSync(path, content, { mode: 0o600 })
    return path
  }
  const uris = ["server", "client"].map((host) => uriOf("", host) ?? "")
  const { authorities, certificate, key } = makeAuthority("the authority of a bench").issue("server", { uris })
  return {
    GRINTA_TLS_CERTIFICATE: file("certificate.pem", certificate),
    GRINTA_TLS_KEY: file("key.pem", key),
    GRINTA_TLS_AUTHORITIES: file("authorities.pem", authorities)
  }
}

const first = async (file: string, name?: string): Promise<Loaded> => {
  const found = (await load(file)).find((one) => name === undefined || one.name === name)
  if (found === undefined) throw new Error(`${file} has no candidate ${name ?? ""}`)
  return found
}

/** Both, or one line that says why there are none. */
export const sidesOf = async ({ against, commit }: PairArguments): Promise<Sides | string> => {
  const grinta = await first("grinta")
  switch (against) {
    case "release": {
      const found = commit === undefined ? released(latest) : committed(commit)
      if (typeof found === "string") return found
      // Both come from a folder, so that they are loaded alike.
      const from = (folder: string): Loaded => ({ ...grinta, flags: flagsFor(folder) })
      const here = new URL("..", import.meta.url).pathname.replace(/\/$/, "")
      return {
        ours: { name: "today's code", loaded: from(here) },
        theirs: { name: found.version, loaded: from(found.folder) }
      }
    }
    case "plaintext":
      return {
        ours: { name: "TLS", loaded: { ...grinta, environment: secured() } },
        theirs: { name: "plaintext", loaded: grinta }
      }
    case "anyone": {
      const environment = secured()
      const side = async (name: string): Promise<Side> => ({
        name,
        loaded: { ...(await first("rules", name)), environment }
      })
      return { ours: await side("rules"), theirs: await side("anyone") }
    }
  }
}
