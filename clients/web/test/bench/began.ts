/** Imported first of all: when the script began. */

/** By the page's clock. */
export const began: number = performance.now();
