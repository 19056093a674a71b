/** The command line of the lab: what is asked for, or one line on what is wrong. */
import { assert, describe, it } from "vitest"
import { isAsked, parse } from "../../scripts/net/Arguments.ts"

const drawn = 7

describe("arguments of the lab", () => {
  it("has a default for all but the command", () => {
    assert.deepStrictEqual(parse(["soak"], drawn), {
      command: "soak",
      seconds: 6,
      minutes: 30,
      repeats: 15,
      seed: drawn,
      flows: 32,
      connects: 0,
      plot: undefined,
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
    [[], /say one of paths, faults, soak$/],
    [["path"], /say one of .*, not "path"/],
    [["paths", "faults"], /not "paths faults"/],
    [["soak", "--flows", "0"], /--flows takes a whole number from 1 to 1000, not "0"/],
    [["soak", "--flows", "2.5"], /--flows/],
    [["soak", "--connects", "-1"], /--connects/],
    [["soak", "--plot", "soak.png"], /--plot takes a file name that ends in .svg, not "soak.png"/],
    [["soak", "--minutes", ""], /--minutes/],
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
