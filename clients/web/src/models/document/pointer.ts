/**
 * JSON pointers (RFC 6901) to members of objects, and ways to them.
 *
 * @module
 */

/** What is wrong with the form of a pointer; words of the format. */
export type PointerFault = "pointer-empty" | "pointer-without-slash" | "pointer-escape";

/** What is wrong with the form of a pointer; `undefined` where nothing is. */
export function pointerFault(pointer: string): PointerFault | undefined {
  if (pointer === "") return "pointer-empty";
  if (!pointer.startsWith("/")) return "pointer-without-slash";
  return /~(?![01])/.test(pointer) ? "pointer-escape" : undefined;
}

/** The keys of a pointer from the root on; at least one. */
export function keysOf(pointer: string): string[] {
  const keys: string[] = [];
  // Three times as fast as `split`.
  for (let from = 1, to = 0; to >= 0; from = to + 1) {
    to = pointer.indexOf("/", from);
    keys.push(pointer.slice(from, to < 0 ? undefined : to));
  }
  return pointer.includes("~")
    ? keys.map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"))
    : keys;
}

/** The pointer with these keys. */
export function pointerOf(keys: readonly (string | number)[]): string {
  let pointer = "";
  for (const key of keys) pointer += `/${escaped(String(key))}`;
  return pointer;
}

function escaped(key: string): string {
  return /[~/]/.test(key) ? key.replaceAll("~", "~0").replaceAll("/", "~1") : key;
}

/** The first so many keys of a pointer, as they stand in it. */
export function prefix(pointer: string, keys: number): string {
  let end = 0;
  for (let n = 0; n < keys; n += 1) end = pointer.indexOf("/", end + 1);
  return end < 0 ? pointer : pointer.slice(0, end);
}
