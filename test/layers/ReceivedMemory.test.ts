import { describe, expect, it } from "@effect/vitest"
import * as ReceivedMemory from "../../src/layers/ReceivedMemory.ts"

const wordBytes = 8

/** Bytes of garbage that so much of what came has left. */
const left = (receivedBytes: number, messages: number): number => {
  ReceivedMemory.garbage.last = []
  ReceivedMemory.balance(receivedBytes, messages)
  return ReceivedMemory.garbage.last.length * wordBytes
}

describe("memory of received bytes", () => {
  it("is balanced by garbage: two copies of a part of a large message", () => {
    expect(left(16_384, 0)).toBe(2 * 16_384)
  })

  it("counts what messages leave on the heap themselves", () => {
    expect(left(16_384, 8)).toBe(2 * 16_384 - 8 * 1024)
  })

  it.each([
    ["small messages", 16_384, 160],
    ["a short message", 1_000, 1],
    ["nothing", 0, 0]
  ])("leaves none for %s", (_, receivedBytes, messages) => {
    expect(left(receivedBytes, messages)).toBe(0)
  })
})
