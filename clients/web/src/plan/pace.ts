/**
 * How often to poll.
 *
 * @module
 */

/** How often polls are made, in milliseconds. */
export interface Pace {
  /** While a person sees the page and something happens. */
  readonly activeMs: number;
  /** While a person sees the page and nothing has happened for {@link Pace.activeForMs}. */
  readonly idleMs: number;
  /** While nobody sees the page. */
  readonly hiddenMs: number;
  /** How long it counts as active after something happened. */
  readonly activeForMs: number;
}

/** The pace unless an app says otherwise. */
export const PACE: Pace = {
  activeMs: 5_000,
  idleMs: 30_000,
  hiddenMs: 300_000,
  activeForMs: 120_000,
};
