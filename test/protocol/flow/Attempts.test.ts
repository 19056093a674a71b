/** Who is reached for and who is asked, against owners that answer late, never, or not with a flow. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Attempts from "../../../src/protocol/flow/Attempts.ts"

/** What an owner does: when it answers, and what comes of opening a flow to it, if that. */
const Owner = Schema.Struct({
  answersAfter: Schema.Literals([0, 1, 40, 90, 110, 400, "never", "fails"]),
  opening: Schema.Literals(["takes it", "has not seen it", "may have seen it"])
})
const Owners = Schema.Array(Owner).check(Schema.isMaxLength(6))

type Owner = typeof Owner.Type

const patience = 100

interface Event {
  readonly at: number
  readonly what: "reach" | "open" | "taken" | "unseen" | "final" | "exhausted" | "stuck"
  readonly owner: number
}

/** Runs owners to the end, in virtual time, each opening taking 7 ms. */
const play = (owners: ReadonlyArray<Owner>): ReadonlyArray<Event> => {
  const indexed = owners.map((owner, index) => ({ ...owner, index }))
  const attempts = Attempts.make<(typeof indexed)[number], string>(indexed, patience)
  const events: Array<Event> = []
  const due: Array<{ readonly at: number; readonly run: () => void }> = []
  let now = 0
  const pass = (until: number): void => {
    now = until
    for (const one of due.filter(({ at }) => at <= until)) {
      due.splice(due.indexOf(one), 1)
      one.run()
    }
  }
  while (true) {
    const next = Attempts.next(attempts, now)
    if (next._tag === "Exhausted") return [...events, { at: now, what: "exhausted", owner: -1 }]
    if (next._tag === "Wait") {
      const until = Math.min(now + next.millis, ...due.map(({ at }) => at))
      if (!Number.isFinite(until)) return [...events, { at: now, what: "stuck", owner: -1 }]
      pass(until)
      continue
    }
    const { attempt } = next
    const { answersAfter, index, opening } = attempt.owner
    events.push({ at: now, what: next._tag === "Reach" ? "reach" : "open", owner: index })
    if (next._tag === "Reach") {
      if (answersAfter === "fails") Attempts.failed(attempts, attempt, `${index}`)
      else if (answersAfter !== "never") due.push({ at: now + answersAfter, run: () => Attempts.reached(attempt) })
      continue
    }
    pass(now + 7)
    if (opening === "takes it") return [...events, { at: now, what: "taken", owner: index }]
    if (opening === "may have seen it") return [...events, { at: now, what: "final", owner: index }]
    events.push({ at: now, what: "unseen", owner: index })
    Attempts.failed(attempts, attempt, `${index}`)
  }
}

describe("Attempts", () => {
  it.prop(
    "opens one at a time, each owner once, and nobody after one that may have seen the flow",
    [Owners],
    ([owners]) => {
      const events = play(owners)
      const opened = events.filter(({ what }) => what === "open").map(({ owner }) => owner)
      assert.strictEqual(new Set(opened).size, opened.length)
      events.forEach(({ owner, what }, at) => {
        if (what !== "open") return
        const after = events[at + 1]
        assert.strictEqual(after?.owner, owner, "the end of an opening comes before anything else")
        if (owners[owner]?.opening !== "has not seen it") assert.strictEqual(at + 2, events.length)
      })
    }
  )

  it.prop("opens only whom it has reached, unless there is no other", [Owners], ([owners]) => {
    const events = play(owners)
    events.forEach(({ at, owner, what }, index) => {
      if (what !== "open") return
      const begun = events.find((event) => event.what === "reach" && event.owner === owner)
      if (begun !== undefined) {
        const { answersAfter } = owners[owner] ?? { answersAfter: "never" }
        assert.isTrue(typeof answersAfter === "number" && begun.at + answersAfter <= at)
        return
      }
      const failed = events.slice(0, index).filter((event) => event.what === "unseen").length
      const unreached = owners.filter(({ answersAfter }, other) => answersAfter === "fails" && other !== owner).length
      assert.strictEqual(failed + unreached, owners.length - 1)
    })
  })

  it.prop(
    "begins them in order, each at most the patience after the one before, and never sooner without cause",
    [Owners],
    ([owners]) => {
      const events = play(owners)
      const begun = events.filter(({ what }) => what === "reach")
      assert.deepStrictEqual(
        begun.map(({ owner }) => owner),
        begun.map((_, index) => index)
      )
      begun.forEach(({ at }, index) => {
        const before = begun[index - 1]
        const isFailed =
          before === undefined ||
          owners[before.owner]?.answersAfter === "fails" ||
          events.some((event) => event.what === "unseen" && event.owner === before.owner && event.at <= at)
        if (!isFailed) assert.isAtLeast(at, before.at + patience)
      })
    }
  )

  it.prop("a silent owner costs its patience and no more", [Owners], ([owners]) => {
    const events = play(owners)
    const first = owners.findIndex(({ answersAfter }) => typeof answersAfter === "number")
    const { answersAfter } = owners[first] ?? {}
    if (typeof answersAfter !== "number") return
    const opened = events.find(({ what }) => what === "open")
    assert.isDefined(opened)
    assert.isAtMost(opened?.at ?? 0, first * patience + answersAfter)
  })

  it.prop("gives up only when all have failed, and tells of all that were begun", [Owners], ([owners]) => {
    const last = play(owners).at(-1)
    const isFailing = owners.every(
      ({ answersAfter, opening }) => answersAfter === "fails" || opening === "has not seen it"
    )
    if (last?.what === "exhausted") assert.isTrue(isFailing)
    if (last?.what === "stuck") assert.isTrue(owners.some(({ answersAfter }) => answersAfter === "never"))
  })

  it("tells whom it has begun, and who has not answered", () => {
    const attempts = Attempts.make<string, string>(["a", "b", "c"], patience)
    const first = Attempts.next(attempts, 0)
    assert.strictEqual(first._tag, "Reach")
    assert.deepStrictEqual(Attempts.next(attempts, 30), { _tag: "Wait", millis: 70 })
    assert.strictEqual(Attempts.next(attempts, 100)._tag, "Reach")
    assert.deepStrictEqual(
      Attempts.begun(attempts).map(({ owner }) => owner),
      ["a", "b"]
    )
    assert.deepStrictEqual(
      Attempts.silent(attempts, 100).map(({ owner }) => owner),
      ["a"]
    )
    const second = attempts.all[1]
    if (second !== undefined) Attempts.reached(second)
    const opening = Attempts.next(attempts, 101)
    assert.strictEqual(opening._tag === "Open" ? opening.attempt.owner : opening._tag, "b")
    assert.deepStrictEqual(
      Attempts.silent(attempts, 101).map(({ owner }) => owner),
      ["a"]
    )
  })
})
