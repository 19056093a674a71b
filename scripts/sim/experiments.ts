/** All experiments, in the order of the report. */
import * as Busy from "./experiments/Busy.ts"
import * as Bytes from "./experiments/Bytes.ts"
import * as Chitchat from "./experiments/Chitchat.ts"
import * as Convergence from "./experiments/Convergence.ts"
import * as Cuts from "./experiments/Cuts.ts"
import * as Detection from "./experiments/Detection.ts"
import * as Front from "./experiments/Front.ts"
import * as Heal from "./experiments/Heal.ts"
import * as Infection from "./experiments/Infection.ts"
import * as Interval from "./experiments/Interval.ts"
import * as Large from "./experiments/Large.ts"
import * as Load from "./experiments/Load.ts"
import * as NamesBurst from "./experiments/NamesBurst.ts"
import * as NamesGone from "./experiments/NamesGone.ts"
import * as NamesHeal from "./experiments/NamesHeal.ts"
import * as NamesLoad from "./experiments/NamesLoad.ts"
import * as NamesRivals from "./experiments/NamesRivals.ts"
import * as NamesSpeed from "./experiments/NamesSpeed.ts"
import * as Rounds from "./experiments/Rounds.ts"
import * as Threshold from "./experiments/Threshold.ts"
import * as Timeouts from "./experiments/Timeouts.ts"
import * as Tradeoff from "./experiments/Tradeoff.ts"
import type { Experiment } from "./Report.ts"

export const experiments: ReadonlyArray<Experiment> = [
  Detection.experiment,
  Rounds.experiment,
  Infection.experiment,
  Large.experiment,
  Load.experiment,
  Timeouts.experiment,
  Threshold.swim,
  Threshold.lifeguard,
  Interval.experiment,
  Bytes.experiment,
  Front.experiment,
  Convergence.experiment,
  Chitchat.experiment,
  Load.own,
  Busy.experiment,
  Heal.experiment,
  Cuts.experiment,
  Tradeoff.experiment,
  NamesBurst.experiment,
  NamesSpeed.experiment,
  NamesLoad.experiment,
  NamesGone.experiment,
  NamesHeal.experiment,
  NamesRivals.experiment
]
