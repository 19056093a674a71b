/**
 * Rehearsal: a handshake of a host with itself, within its memory. Material that no other host would believe shows at
 * once, by the judgement that counts, which is that of OpenSSL.
 */
import { duplexPair } from "node:stream"
import * as tls from "node:tls"
import { Effect } from "effect"
import type { TlsContext } from "./Context.ts"

/** A handshake takes some milliseconds, and longer while a program is busy with its start. */
const timeout = "30 seconds"

/** Returns why a side does not believe the other; undefined when it does. */
const doubt = ({ authorizationError, authorized }: tls.TLSSocket): string | undefined =>
  authorized ? undefined : String(authorizationError)

const codeOf = (cause: NodeJS.ErrnoException): string => cause.code ?? "the handshake failed"

/** Runs the handshake, and calls `told` with its result, of which the first counts. Returns a function to end it. */
const shake = ({ context, supply }: TlsContext, told: (doubt: string | undefined) => void): (() => void) => {
  const [near, far] = duplexPair()
  const server = tls.createServer({ requestCert: true, rejectUnauthorized: false })
  supply(server)
  const client = tls.connect({
    socket: near,
    secureContext: context,
    rejectUnauthorized: false,
    servername: "",
    // `Material` has checked which host the certificate names.
    checkServerIdentity: () => undefined
  })
  const failed = (cause: NodeJS.ErrnoException): void => told(codeOf(cause))
  for (const side of [near, far, client]) side.on("error", failed)
  server.on("tlsClientError", failed)
  const sides: Array<tls.TLSSocket> = []
  const done = (side: tls.TLSSocket): void => {
    if (sides.push(side) === 2) told(sides.map(doubt).find((said) => said !== undefined))
  }
  client.once("secureConnect", () => done(client))
  server.once("secureConnection", (taken) => done(taken.on("error", failed)))
  server.emit("connection", far)
  return () => {
    for (const side of [client, near, far]) side.on("error", () => undefined).destroy()
  }
}

/** Returns why hosts with these credentials would not believe each other, as OpenSSL's code; undefined otherwise. */
export const doubtOf = (made: TlsContext): Effect.Effect<string | undefined> =>
  Effect.callback<string | undefined>((resume) => {
    const stop = shake(made, (said) => {
      stop()
      resume(Effect.succeed(said))
    })
    return Effect.sync(stop)
  }).pipe(Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.succeed("no handshake came about in time") }))
