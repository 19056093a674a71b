/** Ends a command without a word when the reader of its output has gone, as `head` does. */
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0)
  throw error
})
