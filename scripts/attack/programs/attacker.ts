/** An attacker in a process of its own, or one that uses the processor as that did and sends nothing. */
import { Schema } from "effect"
import { obey, tell } from "../../../test/net/programs/Told.ts"
import type { Run } from "../Attack.ts"
import { attacks } from "../attacks.ts"
import * as Means from "../Means.ts"
import { AttackerOrder, type Spent, sliceMillis, type Target } from "../Orders.ts"

const usedMicros = (): number => {
  const { system, user } = process.cpuUsage()
  return user + system
}

/** An attacker whose own sockets fail goes on. */
for (const event of ["uncaughtException", "unhandledRejection"])
  process.on(event, (cause) => tell({ crash: String(cause instanceof Error ? cause.stack : cause).slice(0, 500) }))

const prepare = async (target: Target): Promise<(seconds: number) => Promise<Spent>> => {
  const chosen = attacks.find(({ name }) => name === target.attack)
  if (chosen === undefined) throw new Error(`there is no attack ${target.attack}`)
  const run = (await chosen.prepare?.(target)) ?? chosen.run
  return (seconds) => attack(run, target, seconds)
}

const attack = async (run: Run, target: Target, seconds: number): Promise<Spent> => {
  const pace: Array<number> = []
  const notes: Array<string> = []
  const complaints: Array<string> = []
  const spent = {
    ...{ pace, notes, complaints, sentBytes: 0, receivedBytes: 0, datagramBytesSent: 0, datagramBytesReceived: 0 },
    ...{ connections: 0, closed: 0, streamsRefused: 0, streamsEnded: 0 }
  }
  const began = usedMicros()
  const beganAt = performance.now()
  const count = () => {
    const used = usedMicros() - began
    // A slice that was missed has what it ends with.
    while (pace.length * sliceMillis < performance.now() - beganAt) pace.push(used)
  }
  const slices = setInterval(count, sliceMillis)
  await Promise.race([
    run(Means.make(target, seconds, spent)),
    new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  ])
  clearInterval(slices)
  count()
  return spent
}

const burn = async (pace: ReadonlyArray<number>): Promise<object> => {
  const began = usedMicros()
  let sum = 0
  for (const micros of pace) {
    const end = performance.now() + sliceMillis
    while (usedMicros() - began < micros && performance.now() < end) for (let i = 0; i < 20_000; i++) sum += i
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, end - performance.now())))
  }
  return { sum }
}

const decode = Schema.decodeUnknownSync(AttackerOrder)
let attackFor = async (_seconds: number): Promise<Spent> => {
  throw new Error("nothing is prepared")
}

obey(async (told) => {
  const order = decode(told)
  switch (order.do) {
    case "wait":
      return {}
    case "prepare":
      attackFor = await prepare(order.target)
      return {}
    case "attack":
      return attackFor(order.seconds)
    case "burn":
      return burn(order.pace)
  }
})
tell({ up: true })
