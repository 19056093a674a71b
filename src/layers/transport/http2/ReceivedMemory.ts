/**
 * ReceivedMemory: has V8 find the memory of received bytes, which is outside of its heap, dead in time.
 *
 * V8 looks for garbage among its young objects once they fill their part of the heap, up to 32 MiB. Bytes outside do
 * not count there, only for marking all of the heap, after 64 MiB of them (V8: ReportExternalMemoryPressure). Large
 * messages come with few objects, so V8 would mark again and again, for buffers long dead: without the balance a message
 * of 64 KiB costs an endpoint three times the CPU. docs/performance.md has the figures.
 */

/** Copies of a received byte: the buffer of the network, and mostly that in which its message was put together. */
const copies = 2

/** Bytes that a message leaves on the heap, about. */
const objectsBytes = 1024

/** Smallest array that is worth an allocation, in bytes. */
const garbageBytesMin = 1024

/** Place of the garbage: V8 would not allocate an array that is never seen. */
export const garbage: { last: ReadonlyArray<unknown> } = { last: [] }

/** Leaves as much garbage on the heap as came outside of it, so that young objects are collected before 64 MiB came. */
export const balance = (receivedBytes: number, messages: number): void => {
  const missingBytes = copies * receivedBytes - messages * objectsBytes
  if (missingBytes >= garbageBytesMin) garbage.last = new Array(missingBytes >> 3)
}
