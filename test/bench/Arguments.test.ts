/** The command line of the bench: what is asked for, or one line on what is wrong. */
import { assert, describe, it } from "@effect/vitest"
import { parse } from "../../bench/Arguments.ts"

const known = {
  rows: ["send", "ping-pong", "duplex-1", "duplex-16"],
  candidates: ["grinta, bytes", "grinta, Schema", "ws"],
  leftOut: [{ name: "NATS", why: "nats-server is not installed" }]
}

describe("arguments of the bench", () => {
  it("asks for everything, five times, unless told otherwise", () => {
    assert.deepStrictEqual(parse([], known), {
      rows: [],
      candidates: [],
      repeats: 5,
      json: undefined,
      help: false
    })
  })

  it("takes rows and candidates by name, and a family of candidates by its own", () => {
    const asked = parse(
      ["--only", "send", "--only", "grinta", "--only=ws", "--repeats", "3", "--json", "a.json"],
      known
    )
    assert.deepStrictEqual(asked, {
      rows: ["send"],
      candidates: ["grinta, bytes", "grinta, Schema", "ws"],
      repeats: 3,
      json: "a.json",
      help: false
    })
  })

  it("takes a family of rows by its own name", () => {
    assert.deepInclude(parse(["--only", "duplex"], known), { rows: ["duplex-1", "duplex-16"], candidates: [] })
    assert.deepInclude(parse(["--only", "duplex-1"], known), { rows: ["duplex-1"] })
  })

  it.each([
    [["--only", "nothing"], /there is no "nothing"; there are send; ping-pong; duplex-1; duplex-16; grinta, bytes/],
    [["--only", "grint"], /there is no "grint"/],
    [["--only", "NATS"], /NATS cannot be measured: nats-server is not installed/],
    [["--repeats", "0"], /--repeats takes a whole number from 1 to 1000, not "0"/],
    [["--repeats", "1.5"], /--repeats/],
    [["--repeats", ""], /--repeats/],
    [["--json"], /--json/],
    [["--loud"], /--loud/],
    [["send"], /send/]
  ])("refuses %j in one line", (argv, says) => {
    const refusal = parse(argv, known)
    assert.isString(refusal)
    assert.match(String(refusal), says)
    assert.notInclude(String(refusal), "\n")
  })
})
