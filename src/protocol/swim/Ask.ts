/** Pings strangers; see `Strangers`. Only the pinged host can answer: the sequence number is random. */
import * as Buckets from "../Buckets.ts"
import { answersTcpPings } from "./Member.ts"
import { ownSource } from "./Packets.ts"
import { arm, drawSeq, dropped, type Turn } from "./State.ts"
import * as Strangers from "./Strangers.ts"

/** Pause before strangers are pinged that exceeded the rate limit. */
const tickMillis = 50

const ask = (turn: Turn, stranger: Strangers.Stranger): void => {
  const { config, strangers } = turn.state
  const { probeTimeoutMillis, tcpPings } = config.settings
  const seq = drawSeq(turn)
  const to = Strangers.placeOf(stranger)
  const { node, versions } = stranger.message
  stranger.tries += 1
  strangers.asked.set(seq, stranger)
  arm(turn, probeTimeoutMillis, { _tag: "StrangerDue", seq })
  // Bare: piggybacked updates are for members.
  const ping = config.encode({ _tag: "Ping", seq, node, ...ownSource(turn.state) })
  turn.outputs.push({ _tag: "Send", to, parts: [ping], crc: false })
  const mayAnswer = stranger.tries > 1 && tcpPings && answersTcpPings({ versions })
  if (mayAnswer && Strangers.mayDial(strangers, turn.now))
    turn.outputs.push({ _tag: "TcpPing", to, seq, name: node, timeoutMillis: probeTimeoutMillis })
}

/** Pings waiting strangers, as many as the rate limit allows. */
export const askWaiting = (turn: Turn): Turn => {
  const { strangers } = turn.state
  for (;;) {
    const stranger = Strangers.next(strangers, turn.now)
    if (stranger === undefined) break
    ask(turn, stranger)
  }
  if (strangers.waiting.size === 0 || strangers.isDue) return turn
  strangers.isDue = true
  arm(turn, tickMillis, { _tag: "StrangersTick" })
  return turn
}

export const strangersTick = (turn: Turn): Turn => {
  turn.state.strangers.isDue = false
  return askWaiting(turn)
}

/** Names that are not learned from a teller for each that did not answer, within `learnedPerSecondPerSource`. */
export const silentCost = 7

/** Handles a ping without an answer in time: pings the stranger again, or forgets it after the last try. */
export const strangerDue = (turn: Turn, seq: number): Turn => {
  const { learnLimit, strangers } = turn.state
  const stranger = strangers.asked.get(seq)
  strangers.asked.delete(seq)
  if (stranger === undefined || !Strangers.isKept(strangers, stranger)) return turn
  if (stranger.tries < Strangers.triesMax) Strangers.again(strangers, stranger)
  else {
    Strangers.remove(strangers, stranger)
    Buckets.charge(learnLimit, stranger.teller, silentCost)
    dropped(turn, "silentStranger")
  }
  return askWaiting(turn)
}
