/**
 * How far the device's clock is from the server's, learnt from answers.
 *
 * @module
 */

/** The server's clock, as far as it is known. */
export interface ServerTime {
  /** Milliseconds to add to the device's clock; `undefined` before any answer told the time. */
  offsetMs(): number | undefined;
  /**
   * Takes in an answer: the server named `server`, cut to `resolution` milliseconds, between the device's times `sent` and `received`.
   */
  observe(server: number, resolution: number, sent: number, received: number): void;
}

/**
 * Each answer bounds the difference from both sides, and all of them together narrow it. An answer that contradicts the others shows that
 * a clock has jumped: then only it counts. A clock that may be right is left alone; one that cannot be is corrected to the middle of the
 * bounds, which is by half a round trip where one exact answer is all there is.
 */
export function serverTime(): ServerTime {
  let low = -Infinity;
  let high = Infinity;
  return {
    offsetMs() {
      if (high === Infinity) {
        return undefined;
      }
      return low <= 0 && high >= 0 ? 0 : Math.round((low + high) / 2);
    },
    observe(server, resolution, sent, received) {
      // A device's clock that was set back meanwhile bounds nothing.
      if (received < sent || !Number.isSafeInteger(server)) {
        return;
      }
      const least = server - received;
      const most = server + resolution - sent;
      const fits = least <= high && most >= low;
      low = fits ? Math.max(low, least) : least;
      high = fits ? Math.min(high, most) : most;
    },
  };
}
