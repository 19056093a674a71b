/** What an attacker has: sockets of which every byte is counted, time, and what it knows of the hosts. */
import { createSocket, type Socket as Datagrams } from "node:dgram"
import * as net from "node:net"
import * as tls from "node:tls"
import { sleep } from "../../test/net/Lines.ts"
import type { Spent, Target } from "./Orders.ts"

export interface Udp {
  readonly port: number
  readonly send: (bytes: Uint8Array, to: { readonly address: string; readonly gossipPort: number }) => void
  readonly close: () => void
}

export interface Means {
  readonly target: Target
  readonly seconds: number
  readonly isOver: () => boolean
  readonly sleep: (millis: number) => Promise<void>
  /** Calls so many times a second, in bursts of a few milliseconds, until the time is over. */
  readonly pace: (perSecond: number, act: (count: number) => void) => Promise<void>
  readonly udp: (from?: string, onMessage?: (bytes: Buffer) => void) => Promise<Udp>
  readonly tcp: (port: number, from?: string) => net.Socket
  /** A connection to the port for flows under TLS, with whatever the attacker shows. */
  readonly secure: (from: string, options: tls.ConnectionOptions) => tls.TLSSocket
  /**
   * A connection to the port for flows, encrypted where flows are: with the certificate of `as`, which the attack names in
   * `names`, or with the attacker's.
   */
  readonly flow: (from?: string, as?: string) => net.Socket
  /** Counts what goes over a socket that a host has opened. */
  readonly heard: <S extends net.Socket>(socket: S) => S
  readonly note: (what: string) => void
  /** What a load that is honest did not get. */
  readonly complain: (what: string) => void
  /** The host has reset a stream, or ended one in good order. */
  readonly over: (how: "reset" | "ended") => void
}

export type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** Where an attacker calls from, unless it says otherwise. */
export const ownAddress = "127.0.66.1"

/** The address of another of many sources. */
export const addressOf = (number: number): string => `127.0.${67 + Math.floor(number / 250)}.${1 + (number % 250)}`

const burstMillis = 5

/** Bytes that wait in one socket before more are thrown away: an attacker does not fill its own memory. */
export const waitingBytesMax = 4 * 1024 * 1024

export const make = (
  target: Target,
  seconds: number,
  spent: Mutable<Spent> & { notes: Array<string>; complaints: Array<string> }
): Means => {
  const end = performance.now() + seconds * 1000
  const isOver = () => performance.now() >= end
  const heard = <S extends net.Socket>(socket: S): S => {
    spent.connections += 1
    let isCounted = false
    const ended = () => {
      if (!isCounted && !isOver()) spent.closed += 1
      isCounted = true
    }
    const write = socket.write.bind(socket)
    // Every way to write ends here.
    socket.write = (chunk: string | Uint8Array, ...rest: ReadonlyArray<never>) => {
      spent.sentBytes += chunk.length
      return write(chunk, ...rest)
    }
    return socket
      .on("error", ended)
      .on("end", ended)
      .on("close", ended)
      .on("data", (chunk) => {
        spent.receivedBytes += chunk.length
      })
  }
  const tcp = (port: number, from = ownAddress) =>
    heard(net.connect({ port, host: target.victim.address, localAddress: from, noDelay: true }))
  const secure = (from: string, options: tls.ConnectionOptions) => {
    const to = { port: target.victim.flowPort, host: target.victim.address, localAddress: from }
    return heard(tls.connect({ ALPNProtocols: ["h2"], ...options, ...to, rejectUnauthorized: false }))
  }
  return {
    target,
    seconds,
    isOver,
    sleep: (millis) => sleep(Math.max(0, Math.min(millis, end - performance.now()))),
    pace: async (perSecond, act) => {
      const began = performance.now()
      for (let count = 0; !isOver(); await sleep(burstMillis)) {
        const due = ((performance.now() - began) / 1000) * perSecond
        // What a busy machine did not let it do in time it does not catch up with at once.
        count = Math.max(count, Math.floor(due - perSecond / 4))
        while (count < due) act(count++)
      }
    },
    udp: (from = ownAddress, onMessage = () => undefined) =>
      new Promise((resolve, reject) => {
        const socket: Datagrams = createSocket("udp4")
        socket.once("error", reject)
        socket.on("message", (bytes) => {
          spent.datagramBytesReceived += bytes.length
          onMessage(bytes)
        })
        socket.bind({ address: from, port: 0 }, () =>
          resolve({
            port: socket.address().port,
            send: (bytes, to) => {
              spent.datagramBytesSent += bytes.length
              socket.send(bytes, to.gossipPort, to.address, () => undefined)
            },
            close: () => socket.close()
          })
        )
      }),
    tcp,
    secure,
    heard,
    flow: (from = ownAddress, as) => {
      if (!target.isSealed) return tcp(target.victim.flowPort, from)
      const own = as === undefined ? target.tls : target.issued[as]
      return secure(from, own === undefined ? {} : { cert: own.certificate, key: own.key, ca: own.authorities })
    },
    note: (what) => spent.notes.push(what),
    complain: (what) => {
      if (!spent.complaints.includes(what)) spent.complaints.push(what)
    },
    over: (how) => {
      spent[how === "reset" ? "streamsRefused" : "streamsEnded"] += 1
    }
  }
}
