/** Whether the two sides of an Open speak the same contract. */
import { toHex } from "../../protocol/Fingerprint.ts"
import * as Frame from "../../protocol/flow/Frame.ts"
import { type Contract, serves } from "../../services/Contract.ts"

/** Returns the answer to an Open that asks for another codec or contract; undefined when the endpoint serves it. */
export const refusal = <In, Out, E>(contract: Contract<In, Out, E>, open: Frame.Open): Frame.Rejected | undefined => {
  if (open.codec !== "" && open.codec !== contract.codec)
    return Frame.rejected("Incompatible", `codec "${open.codec}" asked for, "${contract.codec}" spoken`)
  if (serves(contract, open.contract)) return undefined
  const [asked, spoken] = [toHex(open.contract), toHex(contract.fingerprint)]
  return Frame.rejected("Incompatible", `contract ${asked} asked for, ${contract.codec} ${spoken} spoken`)
}
