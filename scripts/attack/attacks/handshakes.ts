/** TLS that comes to nothing, and certificates of another. */
import { generateKeyPairSync } from "node:crypto"
import type * as tls from "node:tls"
import * as FrameBytes from "../../../src/protocol/flow/FrameBytes.ts"
import type { Attack } from "../Attack.ts"
import { type Means, ownAddress } from "../Means.ts"
import { echo, sessions } from "../Sessions.ts"
import * as Streams from "../Streams.ts"

/** A connection under TLS that is given up after a while. */
const handshake = (means: Means, options: tls.ConnectionOptions = {}): void => {
  const socket = means.secure(ownAddress, options)
  setTimeout(() => socket.destroy(), 2_000)
}

/** Names of servers in whose place others were let in once: of other letters, with a NUL, with dots that are none. */
const oddNames = ["VICTIM", "ViCtIm", "victim\u0000.other", "victim\u3002other", "victim\uff0eother", "victim.", ""]

const accepted = FrameBytes.encode({ _tag: "Accepted" })

export const handshakes: ReadonlyArray<Attack> = [
  {
    name: "caller-impersonated",
    says: "flows of a caller that says that it is another host than its certificate does",
    by: "C",
    answer: "borne",
    isSealedOnly: true,
    run: (means) =>
      sessions(
        means,
        1,
        (session) => {
          const stream = session.next()
          session.write(
            Streams.headers(stream, Streams.request()),
            Streams.data(stream, Streams.open(echo(means), means.target.peers[0]?.name))
          )
        },
        () => ({
          onData: (_, bytes) => {
            if (bytes.indexOf(accepted) === 0) means.complain("a caller was believed to be another host")
          }
        })
      )
  },
  {
    name: "handshakes-begun",
    says: "300 connections that begin TLS and go no further",
    by: "O",
    answer: "closed",
    isSealedOnly: true,
    seconds: 9,
    run: async (means) => {
      // A record of a handshake that says that more of it comes.
      const begun = Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3])
      let open = 0
      while (!means.isOver()) {
        for (; open < 300; open++) {
          const socket = means.tcp(means.target.victim.flowPort)
          socket.write(begun)
          socket.on("close", () => {
            open -= 1
          })
        }
        await means.sleep(200)
      }
    }
  },
  {
    name: "handshakes-nameless",
    says: "200 handshakes a second without a certificate",
    by: "O",
    answer: "closed",
    isSealedOnly: true,
    run: (means) => means.pace(200, () => handshake(means))
  },
  {
    name: "handshakes-foreign",
    says: "200 handshakes a second with a certificate of another authority",
    by: "O",
    answer: "closed",
    isSealedOnly: true,
    run: (means) => {
      const { foreign } = means.target
      const shown = foreign === undefined ? {} : { cert: foreign.certificate, key: foreign.key }
      return means.pace(200, () => handshake(means, shown))
    }
  },
  {
    name: "handshakes-resumed",
    says: "200 handshakes a second for odd names, which go on with a session of TLS that another certificate has begun",
    by: "C",
    answer: "borne",
    isSealedOnly: true,
    run: async (means) => {
      const { tls: own } = means.target
      if (own === undefined) return
      const shown = { cert: own.certificate, key: own.key }
      const found: Array<Buffer> = []
      const first = means.secure(ownAddress, { ...shown, servername: "victim" })
      first.on("session", (session: Buffer) => found.push(session))
      await means.sleep(500)
      first.destroy()
      await means.pace(200, (count) => {
        const servername = oddNames[count % oddNames.length] ?? ""
        const session = found[count % Math.max(1, found.length)]
        const socket = means.secure(ownAddress, { servername, ...(session === undefined ? shown : { session }) })
        socket.on("secureConnect", () => {
          if (socket.isSessionReused()) means.complain("a session of TLS was resumed")
        })
        setTimeout(() => socket.destroy(), 1_000)
      })
    }
  },
  {
    name: "handshakes-plain",
    says: "200 connections a second that speak HTTP/2 without TLS, or HTTP/1.1",
    by: "O",
    answer: "closed",
    isSealedOnly: true,
    run: (means) =>
      means.pace(200, (count) => {
        const socket = means.tcp(means.target.victim.flowPort)
        socket.write(count % 2 === 0 ? Streams.preface() : Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
        setTimeout(() => socket.destroy(), 2_000)
      })
  },
  {
    name: "handshakes-garbage",
    says: "200 connections a second with broken records of TLS, or another protocol within it",
    by: "O",
    answer: "closed",
    isSealedOnly: true,
    run: (means) => {
      const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
      const noise = publicKey.export({ type: "spki", format: "der" })
      return means.pace(200, (count) => {
        if (count % 2 === 0) return handshake(means, { ALPNProtocols: ["http/1.1"], servername: "UPPER.case" })
        const socket = means.tcp(means.target.victim.flowPort)
        socket.write(Buffer.concat([Buffer.from([22, 3, 1, 0, noise.length]), noise]))
        setTimeout(() => socket.destroy(), 2_000)
      })
    }
  }
]
