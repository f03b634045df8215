/**
 * Whether a time that was saved or stored lies long enough back, and when a snapshot is due. Times are milliseconds since 1970 UTC.
 *
 * @module
 */

/**
 * Whether something is due again, `every` so often, that was last done at `since`. A time in the future counts as due: the clock was
 * wrong then, or is now, and to do it once more costs little.
 */
export function isDue(now: number, since: number, every: number): boolean {
  return since > now || now - since >= every;
}

/**
 * Whether what was stored at `since` is old. What is stored at this moment may seem to be from a little ahead; a time further ahead than
 * `retention` was written by a wrong clock, and counts as old.
 */
export function isOld(now: number, since: number, retention: number): boolean {
  return now - since >= retention || since - now > retention;
}

const SMALL_BYTES = 65_536;
const MEDIUM_BYTES = 4_194_304;

/**
 * Whether a snapshot is due, `segments` segments of `bytes` bytes after one of `snapshotBytes`; `undefined` for none yet. Sizes are those of
 * the stored objects.
 */
export function isSnapshotDue(
  snapshotBytes: number | undefined,
  bytes: number,
  segments: number,
): boolean {
  if (snapshotBytes === undefined) return true;
  return (
    segments > 0 &&
    (snapshotBytes <= SMALL_BYTES ||
      bytes > snapshotBytes / 4 ||
      segments >= 64 ||
      (segments >= 2 && snapshotBytes <= MEDIUM_BYTES))
  );
}
