/** What every host of a trial exposes. */
import { Codec, Endpoint } from "../../src/index.ts"

/** Sends back what comes. */
export const echoOf = (host: string) => Endpoint.make(`echo.${host}`, { input: Codec.bytes, output: Codec.bytes })

/** Takes JSON, and sends back the first letter of its kind. */
export const jsonOf = (host: string) => Endpoint.make(`json.${host}`, { input: Codec.json, output: Codec.bytes })

/** Reads nothing, ever. */
export const deafOf = (host: string) => Endpoint.make(`deaf.${host}`, { input: Codec.bytes, output: Codec.bytes })
