/**
 * Teardown: closes the streams of sessions that are over, and their connections after them, a few in each turn of the event
 * loop. Node closes all streams of a connection in the turn in which that closes, and all connections whose peer has gone
 * in one turn: ten thousand streams, or a thousand connections, took a tenth of a second, in which no other flow went on.
 *
 * It uses `_destroy` of a socket, by which streams close what is under them.
 */
import * as http2 from "node:http2"
import type * as net from "node:net"
import { PerTurn } from "../../core/PerTurn.ts"

/** Streams that all sessions close in a turn, and how many of them a connection costs. */
export const closingsPerTurn = 128
export const connectionCost = 8

/** Streams that are closed in one go. */
const streamsAtOnce = 16

type Streams = Pick<Map<http2.Http2Stream, unknown>, "keys">

const inTurn = new PerTurn<net.Socket>(closingsPerTurn)

const perform = (key: net.Socket, act: () => void, cost: number): void => {
  if (inTurn.take(cost)) act()
  else inTurn.later(key, act, cost)
}

const closeAll = (streams: ReadonlyArray<http2.Http2Stream>): void => {
  for (const stream of streams) {
    if (stream.destroyed) continue
    stream.close(http2.constants.NGHTTP2_CANCEL)
    stream.destroy()
  }
}

/** Closes the streams of a connection, the oldest first, and then calls `last`; at once when they are few. */
export const close = (socket: net.Socket, streams: Streams, last: () => void): void => {
  const all = [...streams.keys()]
  for (let from = 0; from < all.length; from += streamsAtOnce) {
    const some = all.slice(from, from + streamsAtOnce)
    perform(socket, () => closeAll(some), some.length)
  }
  perform(socket, last, connectionCost)
}

/** Has a connection close its streams before itself, however it ends. Calls `lose` when it begins to. */
export const watch = (socket: net.Socket, streams: Streams, lose: () => void): void => {
  const { _destroy } = socket
  socket._destroy = (cause, done) => {
    lose()
    close(socket, streams, () => _destroy.call(socket, cause, done))
  }
}
