/**
 * Who reaches a port, and that one which other machines reach is protected, or said to be insecure: before it is opened.
 * What a port is not protected from is said in the log when it is open.
 *
 * Errors: InvalidConfig for an address beyond this machine without either.
 * Source: design.md, law 11.
 */
import { Effect } from "effect"
import { isLoopback, parseHost } from "../../protocol/Address.ts"
import * as Secret from "../../protocol/Secret.ts"
import { InvalidConfig, NetworkError } from "../../services/NetworkError.ts"

/** Addresses that only programs of this machine reach. */
export type Loopback = "localhost" | "::1" | `127.${string}`

/** What keeps strangers from a plane: `keys` for gossip, `tls` for flows. */
export type Protection = "keys" | "tls"

/** An address, and what protects it: nothing need be said on this machine alone, and beyond it one thing or the other. */
export type Protected<Key extends Protection, Value> =
  | ({ readonly host?: Loopback; readonly insecure?: true | undefined } & { readonly [K in Key]?: Value | undefined })
  | ({ readonly host: string; readonly insecure?: true | undefined } & { readonly [K in Key]: Value })
  | ({ readonly host: string; readonly insecure: true } & { readonly [K in Key]?: Value | undefined })

const variables = { keys: "GRINTA_KEYS", tls: "GRINTA_TLS_CERTIFICATE" } as const

/** Whether only programs of this machine reach what listens there. False for what is no address. */
export const isLocal = (host: string): boolean => {
  const bytes = host === "localhost" ? Uint8Array.of(127, 0, 0, 1) : parseHost(host)
  return bytes !== undefined && isLoopback(bytes)
}

/** Errors: InvalidConfig when others reach the address, something is missing, and nobody said that it may be. */
export const check = (
  host: string,
  missing: ReadonlyArray<Protection>,
  insecure: boolean
): Effect.Effect<void, NetworkError> => {
  if (insecure || missing.length === 0 || isLocal(host)) return Effect.void
  const detail = `${Secret.plain(host)} is reached from other machines; give ${missing.join(" and ")}, say insecure: true, or listen on 127.0.0.1`
  return Effect.fail(new NetworkError({ operation: "listen", reason: new InvalidConfig({ setting: "host", detail }) }))
}

const mayDo = { keys: "join", tls: "open them under any name" } as const

/** Says in the log what a plane in plaintext means: at Info on this machine alone, else at Warn. */
export const tell = (
  plane: "gossip" | "flows",
  host: string,
  port: number,
  missing: Protection
): Effect.Effect<void> => {
  const what = `${plane} on port ${port} of ${Secret.plain(host)} ${plane === "gossip" ? "is" : "are"} in plaintext`
  const how = `${missing} (${variables[missing]})`
  return isLocal(host)
    ? Effect.logInfo(`${what}, and any program of this machine may ${mayDo[missing]}: ${how}`)
    : Effect.logWarning(`${what}, and whoever reaches that port may ${mayDo[missing]}, and read all of it: ${how}`)
}

/** Says the same of the port for probes, which is in plaintext on purpose. */
export const tellHealth = (host: string, port: number): Effect.Effect<void> =>
  Effect.logInfo(`health on port ${port} of ${Secret.plain(host)} is told in plaintext, to whoever asks for a name`)
