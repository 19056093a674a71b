/** The command line of the lab: what is asked for, or one line on what is wrong. */
import { assert, describe, it } from "vitest"
import { isAsked, parse } from "../../scripts/net/Arguments.ts"

const drawn = 7

describe("arguments of the lab", () => {
  it("has a default for all but the command", () => {
    assert.deepStrictEqual(parse(["chaos"], drawn), {
      command: "chaos",
      seconds: 6,
      minutes: 10,
      repeats: 15,
      hosts: 7,
      seed: drawn,
      flows: 32,
      rate: 1,
      roundTripMillis: 100,
      loss: 0,
      only: []
    })
  })

  it("takes what it is told", () => {
    const argv = [
      "soak",
      "--minutes=0.5",
      "--rate",
      "0",
      "--rtt",
      "600",
      "--loss",
      "0.02",
      "--flows",
      "4",
      "--seed",
      "1"
    ]
    assert.deepInclude(parse(argv, drawn), {
      ...{ command: "soak", minutes: 0.5, rate: 0, roundTripMillis: 600 },
      ...{ loss: 0.02, flows: 4, seed: 1 }
    })
  })

  it("helps", () => {
    assert.strictEqual(parse(["--help"], drawn), "help")
  })

  it("picks rows by a part of their name", () => {
    assert.isTrue(isAsked({ only: [] }, "20 Mbit/s, 50 ms"))
    assert.isTrue(isAsked({ only: ["no limit", "50 ms"] }, "20 Mbit/s, 50 ms"))
    assert.isFalse(isAsked({ only: ["150 ms"] }, "20 Mbit/s, 50 ms"))
  })

  it.each([
    [[], /say one of paths, faults, chaos, soak$/],
    [["path"], /say one of .*, not "path"/],
    [["paths", "faults"], /not "paths faults"/],
    [["chaos", "--hosts", "1"], /--hosts takes a whole number from 2 to 16, not "1"/],
    [["chaos", "--hosts", "2.5"], /--hosts/],
    [["chaos", "--minutes", ""], /--minutes/],
    [["soak", "--loss", "0.6"], /--loss takes a number from 0 to 0.5/],
    [["paths", "--seconds", "soon"], /--seconds/],
    [["paths", "--loud"], /--loud/]
  ])("refuses %j in one line", (argv, says) => {
    const refusal = parse(argv, drawn)
    const wrong = typeof refusal === "object" && "wrong" in refusal ? refusal.wrong : ""
    assert.match(wrong, says)
    assert.notInclude(wrong, "\n")
  })
})
