/**
 * A sum by which is told what a disk has spoilt.
 *
 * @module
 */

/** A sum of 32 bits. Another byte anywhere makes another sum; whoever wants to can find bytes with the same one. */
export function sumOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const words = bytes.length & ~3;
  let sum = bytes.length;
  for (let at = 0; at < words; at += 4) sum = mixed(sum, view.getInt32(at));
  for (let at = words; at < bytes.length; at += 1) sum = mixed(sum, view.getUint8(at));
  return sum;
}

/** Can be undone, so that what differs once differs at the end. */
function mixed(sum: number, word: number): number {
  const product = Math.imul(sum ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
}
