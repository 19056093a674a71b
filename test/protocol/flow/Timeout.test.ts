/** Timeouts as headers say them. */
import { assert, describe, it } from "@effect/vitest"
import * as Timeout from "../../../src/protocol/flow/Timeout.ts"

describe("Timeout", () => {
  it.each([
    ["application/connect+proto", "connect-timeout-ms"],
    ["application/grpc", "grpc-timeout"],
    ["application/grpc-web+proto", "grpc-timeout"],
    ["Application/GRPC+proto", "grpc-timeout"],
    ["", "connect-timeout-ms"]
  ])("a call of %s says it in %s", (type, header) => assert.strictEqual(Timeout.headerOf(type), header))

  it.each([
    ["connect-timeout-ms", "0", 0],
    ["connect-timeout-ms", "9999999999", 9_999_999_999],
    ["grpc-timeout", "0n", 0],
    ["grpc-timeout", "2H", 7_200_000],
    ["grpc-timeout", "3M", 180_000],
    ["grpc-timeout", "4S", 4000],
    ["grpc-timeout", "5m", 5],
    ["grpc-timeout", "500u", 0.5],
    ["grpc-timeout", "5000n", 0.005],
    ["grpc-timeout", "99999999H", 99_999_999 * 3_600_000]
  ] as const)("%s: %s", (header, said, millis) =>
    assert.approximately(Timeout.parse(header, said), millis, millis * 1e-12)
  )

  it.each([
    ...["", "-1", "1.5", "1e3", "abc", " 1", "10000000000", "5m", "1, 2"].map(
      (said) => ["connect-timeout-ms", said] as const
    ),
    ...["", "5", "m", "-1m", "1.5m", "100000000m", "5s", "5 m", "5mm", "1m, 2m"].map(
      (said) => ["grpc-timeout", said] as const
    )
  ])("%s: %s is no time", (header, said) => assert.isNaN(Timeout.parse(header, said)))
})
