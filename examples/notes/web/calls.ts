/**
 * Methods as updates: a call is a kind (the method's name) and data (its one argument, as typed JSON), and back. The methods are listed once.
 */

import { type AnyUpdate, canonical, type Json, type Rejected, reject } from "icecore";
import {
  date,
  enumOf,
  map,
  membersOfEnum,
  optional,
  type Restored,
  type Shape,
  shape,
  text,
} from "icecore/typed";
import { Note, Notebook, Refused, Status } from "./notebook.ts";

/** A value that may be null; Rust writes `None` so, where {@link optional} leaves it out. */
function nullable<T>(inner: Shape<T>): Shape<T | null> {
  const found = optional(inner);
  return {
    store: (value) => (value === null ? null : inner.store(value)),
    restore: (json) => found.restore(json) ?? null,
    write: (value) => (value === null ? null : inner.write(value)),
    read: (json) => found.read(json) ?? null,
  };
}

/** The shape of another type that says the same. */
function mapped<A, B>(inner: Shape<A>, to: (value: A) => B, from: (value: B) => A): Shape<B> {
  return {
    store: (value) => inner.store(from(value)),
    restore: (json) => to(inner.restore(json)),
    write: (value) => inner.write(from(value)),
    read: (json) => to(inner.read(json)),
  };
}

/** What never changes is stored once, and restored once: with it a notebook of a thousand notes costs little at each update. */
function remembered<T extends object>(inner: Shape<T>): Shape<T> {
  const written = new WeakMap<T, Json>();
  const values = new WeakMap<object, T>();
  return {
    ...inner,
    write(value) {
      const json = written.get(value) ?? inner.write(value);
      if (typeof json === "object" && json !== null) {
        written.set(value, json);
        values.set(json, value);
      }
      return json;
    },
    read: (json) =>
      (typeof json === "object" && json !== null ? values.get(json) : undefined) ??
      inner.read(json),
  };
}

/** An enum without members: nothing is one. */
const nothing = optional(enumOf("nothing"));
const status: Shape<Status> = mapped(
  membersOfEnum("Status", { Open: nothing, Started: nothing, Done: date }),
  (member) => (member.name === "Done" ? Status.done(member.value) : Status[member.name]),
  ({ name, at }) => (name === "Done" ? { name, value: at as Date } : { name, value: undefined }),
);
const fields = { title: text, text, due: nullable(date), status };
const note: Shape<Note> = remembered(shape("Note", fields, Note));

/** The notebook as it is stored. */
export const notebookShape: Shape<Notebook> = mapped(
  shape("Notebook", { notes: map(note) }),
  ({ notes }) => Object.assign(new Notebook(), { notes }),
  ({ notes }) => ({ notes }),
);

/** The methods that change a notebook, each with the shape of its argument. */
export const METHODS = {
  add: shape("Add", { id: text, note }),
  rename: shape("Rename", { id: text, title: text }),
  write: shape("Write", { id: text, text }),
  postpone: shape("Postpone", { id: text, due: nullable(date) }),
  mark: shape("Mark", { id: text, status }),
  remove: text,
} as const;

export type Method = keyof typeof METHODS;

/** A call of one of the methods, with its argument. */
export type Call = {
  [M in Method]: { readonly method: M; readonly argument: Restored<(typeof METHODS)[M]> };
}[Method];

/** The update that a call is. */
export function updateOf({ method, argument }: Call): { kind: Method; data: Json } {
  const stores: Shape<unknown> = METHODS[method];
  return { kind: method, data: stores.store(argument) };
}

/** The call that an update is; why it is none, for a method that there is none of, or an argument of another type. */
export function callOf({ kind, data }: AnyUpdate): Call | Rejected {
  if (!Object.hasOwn(METHODS, kind)) {
    return reject(
      `a notebook has no method \`${kind}\`; it has ${Object.keys(METHODS).join(", ")}`,
    );
  }
  const method = kind as Method;
  try {
    return { method, argument: METHODS[method].restore(data) } as Call;
  } catch (error) {
    return reject(`${kind}: ${error instanceof Error ? error.message : error}`);
  }
}

/** Calls the method. Throws {@link Refused}. */
export function run(notebook: Notebook, { method, argument }: Call): void {
  const does: (argument: never) => void = notebook[method];
  does.call(notebook, argument as never);
}

/** The argument as text: what a digest is made of. */
export function argumentText(call: Call): string {
  return canonical(updateOf(call).data);
}

/** What a call that is not allowed says; anything else is thrown on. */
export function refusal(error: unknown): string {
  if (error instanceof Refused) return error.message;
  throw error;
}

/** The pointers into the state that a call sets, for the rule to know who set what. */
export function touchesOf(call: Call): readonly string[] {
  switch (call.method) {
    case "add":
    case "rename":
      return [titlePath(call.argument.id)];
    case "remove":
      return [titlePath(call.argument)];
    default:
      return [];
  }
}

/** Where a note's title stands in the state: a JSON pointer. */
export function titlePath(id: string): string {
  return `/notebook/notes/${id.replaceAll("~", "~0").replaceAll("/", "~1")}/title`;
}

/** The note whose title stands there. */
export function noteAt(path: string): string {
  return (path.split("/")[3] ?? "").replaceAll("~1", "/").replaceAll("~0", "~");
}
