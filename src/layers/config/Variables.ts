/**
 * Variables of the environment that a host reads, each under the option of `Grinta.layer` that it stands for, with its
 * kind and its default. docs/settings.md has the same table.
 */
import * as DirectoryLimits from "../../protocol/names/DirectoryLimits.ts"
import * as Seed from "../../protocol/Seed.ts"
import * as TransportConfig from "../transport/Config.ts"
import * as Files from "../transport/http2/tls/Files.ts"
import { flag, oneOf, secret, secrets, text, texts, time, type Variable, whole } from "./Variable.ts"

const { ownBytesMax, recordsBytesMax } = DirectoryLimits.defaults
const { host, port } = TransportConfig.defaults

export const variables = {
  name: text("GRINTA_NAME"),
  stateFile: text("GRINTA_STATE_FILE"),
  fabric: text("GRINTA_FABRIC"),
  seeds: texts("GRINTA_SEEDS"),
  "listen.host": text("GRINTA_HOST", host),
  "listen.gossipPort": whole("GRINTA_GOSSIP_PORT", Seed.portDefault),
  "listen.flowPort": whole("GRINTA_FLOW_PORT", port),
  advertise: text("GRINTA_ADVERTISE"),
  healthPort: whole("GRINTA_HEALTH_PORT", undefined),
  locality: text("GRINTA_LOCALITY"),
  profile: oneOf("GRINTA_PROFILE", ["lan", "wan", "local"], "lan"),
  delegateVersion: whole("GRINTA_DELEGATE_VERSION", 0),
  keys: secrets("GRINTA_KEYS"),
  keysFile: text("GRINTA_KEYS_FILE"),
  "names.ownBytesMax": whole("GRINTA_NAMES_BYTES", ownBytesMax),
  "names.recordsBytesMax": whole("GRINTA_FABRIC_NAMES_BYTES", recordsBytesMax),
  "tls.certificate": secret(Files.variables.certificate),
  "tls.key": secret(Files.variables.key),
  "tls.authorities": secret(Files.variables.authorities),
  "tls.revoked": secret("GRINTA_TLS_REVOKED"),
  "tls.sessionAge": time("GRINTA_TLS_SESSION_AGE", undefined),
  "tls.boundNames": flag("GRINTA_TLS_BOUND_NAMES", false),
  "tls.verifyIncoming": flag("GRINTA_TLS_VERIFY_INCOMING", true),
  "tls.verifyOutgoing": flag("GRINTA_TLS_VERIFY_OUTGOING", true),
  filesInterval: time("GRINTA_FILES_INTERVAL", "1 minute"),
  insecure: flag("GRINTA_INSECURE", false),
  anyRuntime: flag("GRINTA_ANY_RUNTIME", false)
} as const

export const names: ReadonlyArray<Variable<unknown>["name"]> = Object.values(variables).map(({ name }) => name)
