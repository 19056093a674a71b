/** Bare sockets of Node on a path: what the switch is measured with, and what a host is compared with. */
import * as dgram from "node:dgram"
import * as net from "node:net"
import { Schema } from "effect"
import { sleep } from "../Lines.ts"
import { type Arrived, type Datagrams, type Happened, Order } from "../SocketOrders.ts"
import { obey } from "./Told.ts"

const udpPort = 9001
const tcpPort = 9002

/** The first byte of a connection: what its server does. */
const wishes = { echo: 1, take: 2, both: 3 } as const

const chunk = Buffer.alloc(64 * 1024, 7)

/** Writes until the socket is closed or `isOver`, no more than it takes. */
const pour = (socket: net.Socket, isOver: () => boolean, onOver: () => void): void => {
  const go = () => {
    while (!socket.destroyed && !isOver()) if (!socket.write(chunk)) return
    socket.off("drain", go)
    onOver()
  }
  socket.on("drain", go)
  go()
}

const takeIn = (socket: net.Socket): void => {
  socket.setNoDelay(true).on("error", () => socket.destroy())
  socket.once("data", ([wish, ...rest]) => {
    if (wish === wishes.echo) socket.on("data", (bytes) => socket.write(bytes)).write(Uint8Array.from(rest))
    let isEnded = false
    socket.once("end", () => {
      isEnded = true
    })
    if (wish === wishes.both)
      pour(
        socket,
        () => isEnded,
        () => socket.end()
      )
  })
}

let arrived = 0
const count = (bytes: Uint8Array): void => {
  arrived += bytes.length
}

const serve = async (): Promise<object> => {
  const datagrams = dgram.createSocket("udp4")
  datagrams.on("message", (bytes, { address, port }) => datagrams.send(bytes, port, address))
  datagrams.bind(udpPort)
  net
    .createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("data", count)
      takeIn(socket)
    })
    .listen(tcpPort)
  await sleep(100)
  return {}
}

/** After the last datagram: how long its answer is waited for. */
const lingerMillis = 500

const sendDatagrams = async (to: string, count: number, bytes: number, pauseMillis: number) => {
  const socket = dgram.createSocket("udp4")
  const seen = new Map<number, number>()
  const sentAt: Array<number> = []
  let [duplicates, late, highest] = [0, 0, -1]
  socket.on("message", (message) => {
    const number = message.readUInt32BE()
    if (seen.has(number)) duplicates += 1
    else if (number < highest) late += 1
    highest = Math.max(highest, number)
    if (!seen.has(number)) seen.set(number, performance.now() - (sentAt[number] ?? 0))
  })
  for (let number = 0; number < count; number++) {
    const message = Buffer.alloc(bytes)
    message.writeUInt32BE(number)
    sentAt.push(performance.now())
    socket.send(message, udpPort, to)
    await sleep(pauseMillis)
  }
  await sleep(lingerMillis)
  socket.close()
  const answer: typeof Datagrams.Type = {
    received: seen.size,
    numbers: [...seen.keys()].sort((a, b) => a - b),
    duplicates,
    late,
    roundTripsMillis: [...seen.values()]
  }
  return answer
}

const opened = (to: string, patienceMillis: number): Promise<net.Socket> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(tcpPort, to)
    const timer = setTimeout(() => socket.destroy(new Error("no connection in time")), patienceMillis)
    socket.setNoDelay(true).once("error", reject)
    socket.once("connect", () => {
      clearTimeout(timer)
      socket.off("error", reject).on("error", () => socket.destroy())
      resolve(socket)
    })
  })

const stream = async (to: string, millis: number, bothWays: boolean): Promise<object> => {
  const socket = await opened(to, 60_000)
  socket.on("data", count)
  const end = performance.now() + millis
  socket.write(Uint8Array.of(bothWays ? wishes.both : wishes.take))
  pour(
    socket,
    () => performance.now() > end,
    () => undefined
  )
  await sleep(millis)
  socket.resetAndDestroy()
  return {}
}

const held = new Map<string, net.Socket>()

const happened = async (promise: Promise<unknown>): Promise<typeof Happened.Type> => {
  const began = performance.now()
  const detail = await promise.then(
    () => undefined,
    (cause) => String(cause)
  )
  return { isSo: detail === undefined, detail: detail ?? "", millis: performance.now() - began }
}

const hold = async (to: string, name: string, patienceMillis: number): Promise<void> => {
  const socket = await opened(to, patienceMillis)
  socket.write(Uint8Array.of(wishes.echo))
  held.set(name, socket)
}

const echo = (name: string, patienceMillis: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = held.get(name)
    if (socket === undefined) return reject(new Error(`there is no connection ${name}`))
    const timer = setTimeout(() => reject(new Error("no echo in time")), patienceMillis)
    socket.once("data", () => {
      clearTimeout(timer)
      resolve()
    })
    socket.write(Uint8Array.of(9))
  })

const decode = Schema.decodeUnknownSync(Order)

obey(async (told) => {
  const order = decode(told)
  switch (order.do) {
    case "serve":
      return serve()
    case "datagrams":
      return sendDatagrams(order.to, order.count, order.bytes, order.pauseMillis)
    case "stream":
      return stream(order.to, order.millis, order.bothWays)
    case "arrived": {
      const answer: typeof Arrived.Type = { bytes: arrived, millis: performance.now() }
      return answer
    }
    case "hold":
      return happened(hold(order.to, order.name, order.patienceMillis))
    case "echo":
      return happened(echo(order.name, order.patienceMillis))
  }
})
