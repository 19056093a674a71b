/** What is wrong, in one line: the first of an error. */
export const lineOf = (error: unknown): string =>
  error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)
