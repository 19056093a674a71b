/**
 * Exposure: whether other machines reach a port. Such a port has to be protected or declared insecure before it opens,
 * and an open port without protection is logged.
 *
 * Errors: InvalidConfig for an address beyond this machine with neither.
 * Source: design.md, law 11.
 */
import { Effect } from "effect"
import { isLoopback, parseHost } from "../../protocol/Address.ts"
import * as Secret from "../../protocol/Secret.ts"
import { InvalidConfig, NetworkError } from "../../services/NetworkError.ts"

/** Addresses that only programs of this machine reach. */
export type Loopback = "localhost" | "::1" | `127.${string}`

/** Protection of a plane against strangers: `keys` for gossip, `tls` for flows. */
export type Protection = "keys" | "tls"

/** Address with its protection: optional on loopback; beyond it, the protection or `insecure: true`. */
export type Protected<Key extends Protection, Value> =
  | ({ readonly host?: Loopback; readonly insecure?: true | undefined } & { readonly [K in Key]?: Value | undefined })
  | ({ readonly host: string; readonly insecure?: true | undefined } & { readonly [K in Key]: Value })
  | ({ readonly host: string; readonly insecure: true } & { readonly [K in Key]?: Value | undefined })

const variables = { keys: "GRINTA_KEYS", tls: "GRINTA_TLS_CERTIFICATE" } as const

/** Returns whether only programs of this machine reach a port bound to `host`. False for an invalid address. */
export const isLocal = (host: string): boolean => {
  const bytes = host === "localhost" ? Uint8Array.of(127, 0, 0, 1) : parseHost(host)
  return bytes !== undefined && isLoopback(bytes)
}

/** Refuses a host that other machines reach while protection is missing, unless `insecure`. Errors: InvalidConfig. */
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

/** Logs the risk of a plane in plaintext: at Info on this machine alone, else at Warn. */
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

/** Logs that the health port is in plaintext, which it is on purpose. */
export const tellHealth = (host: string, port: number): Effect.Effect<void> =>
  Effect.logInfo(`health on port ${port} of ${Secret.plain(host)} is told in plaintext, to whoever asks for a name`)
