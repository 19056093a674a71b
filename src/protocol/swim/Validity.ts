/**
 * Checks names, addresses, versions and incarnations that a message claims.
 * Source: memberlist-wire.md, sections 10.3 and 18 (3 to 5); faults.md, U16 and U18.
 */
import type { Alive } from "../memberlist/Message.ts"
import type { Config } from "./Config.ts"
import type { DropReason } from "./Output.ts"

const utf8 = new TextEncoder()

/** Whether a name has 1 to `bytesMax` bytes of UTF-8. */
export const isNameSized = (name: string, bytesMax: number): boolean =>
  name.length > 0 && name.length <= bytesMax && (name.length * 3 <= bytesMax || utf8.encode(name).length <= bytesMax)

/** Whether a name is short enough, printable, composed (NFC), and free of the slash between name and address. */
export const isName = (name: string, bytesMax: number): boolean =>
  isNameSized(name, bytesMax) && !/[\p{Cc}/]/u.test(name) && name.isWellFormed() && name.normalize("NFC") === name

/** Whether `bytes` is a unicast address that can be dialled. */
export const isAddress = (bytes: Uint8Array): boolean => {
  if (bytes.length === 4) return isIpv4(bytes)
  if (bytes.length !== 16) return false
  const isMapped = bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0)
  return isMapped ? isIpv4(bytes.subarray(12)) : bytes[0] !== 0xff && bytes.some((byte) => byte !== 0)
}

// Not 0.0.0.0, multicast (224 to 239) or broadcast.
const isIpv4 = (bytes: Uint8Array): boolean => {
  const first = bytes[0] ?? 0
  return bytes.some((byte) => byte !== 0) && (first < 224 || first > 239) && bytes.some((byte) => byte !== 255)
}

/** Whether each side accepts the current versions of the other, of protocol and delegate. */
export const isCompatible = (ours: Uint8Array, theirs: Uint8Array): boolean => {
  const [ourMin = 0, ourMax = 0, ourNow = 0, ourDelegateMin = 0, ourDelegateMax = 0, ourDelegate = 0] = ours
  const [min = 0, max = 0, now = 0, delegateMin = 0, delegateMax = 0, delegate = 0] = theirs
  return (
    theirs.length === 6 &&
    min > 0 &&
    min <= max &&
    isWithin(now, ourMin, ourMax) &&
    isWithin(ourNow, min, max) &&
    isWithin(delegate, ourDelegateMin, ourDelegateMax) &&
    isWithin(ourDelegate, delegateMin, delegateMax)
  )
}

/** Describes the application versions of a member. */
export const delegateText = (name: string, versions: Uint8Array): string => {
  const [, , , min = 0, max = 0, now = 0] = versions
  return `"${name}" speaks version ${now} of the application, and allows ${min} to ${max}`
}

const isWithin = (value: number, min: number, max: number): boolean => value >= min && value <= max

/** Returns why an `alive` is refused, about any host; names are checked only when they are new. */
export const faultOf = (message: Alive, config: Config): DropReason | undefined => {
  if (!isAddress(message.address)) return "invalidAddress"
  if (message.meta.length > config.limits.metaBytesMax) return "metaTooLarge"
  if (!isCompatible(config.versions, message.versions)) return "incompatible"
  return undefined
}

/** The last incarnation: accusations at it are refused, since the refutation would wrap. */
export const incarnationLast = 2 ** 32 - 1

/** Whether an incarnation is out of reach of the known one: forged, or impossible to refute. */
export const isJump = (claimed: number, known: number, jumpMax: number): boolean =>
  claimed - known > jumpMax || claimed >= incarnationLast
