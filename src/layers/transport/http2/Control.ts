/** Control: bounds PING and SETTINGS of the other side of a session, each of which this side has to answer. */
import type * as http2 from "node:http2"
import * as Conduct from "../../../protocol/flow/Conduct.ts"

export const pestering: Conduct.Fault = {
  reason: "control",
  why: `more than ${Conduct.controlPerSecond} PING and SETTINGS a second`
}

/** Calls `pestered` at each frame that is one too many: from within the session's reader, which may not destroy it. */
export const watch = (
  session: http2.Http2Session,
  conduct: Conduct.Conduct,
  now: () => number,
  pestered: () => void
): void => {
  const { socket } = session
  session.on("ping", () => {
    if (!Conduct.ping(conduct, socket.bytesWritten, now())) pestered()
  })
  session.on("remoteSettings", () => {
    if (!Conduct.settings(conduct, now())) pestered()
  })
}
