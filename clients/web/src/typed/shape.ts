/**
 * Shapes: what a program knows of its types, so that typed JSON comes back as values of them.
 *
 * @module
 */

import { isObject, type Json, type JsonObject } from "../core/json.ts";
import { readDate } from "./date.ts";
import { fault, under, whole } from "./fault.ts";
import { escaped, type Form, formOf, mismatch, namesOf, unescaped } from "./form.ts";
import {
  dateOf,
  memberOf,
  membersOf,
  numberOf,
  place,
  read,
  type TypedValue,
  write,
} from "./value.ts";

/** How values of one type are stored, and restored. */
export interface Shape<T> {
  /**
   * The value as typed JSON.
   *
   * @throws IcecoreError `invalid` with code `typed` where JSON has no form for it; its object is the JSON pointer of the place.
   */
  store(value: T): Json;
  /**
   * The value that typed JSON stands for.
   *
   * @throws IcecoreError `invalid` with code `typed` where it is of another type: its message says what was expected, its object is the JSON pointer
   * of the place.
   */
  restore(json: Json): T;
  /** As {@link Shape.store} within a value: `undefined` for what is left out. For shapes of your own. */
  write(value: T): Json | undefined;
  /** As {@link Shape.restore} within a value; `undefined` for what is missing. For shapes of your own. */
  read(json: Json | undefined): T;
}

/** The type of the values of a shape: `type Task = Restored<typeof Task>`. */
export type Restored<S> = S extends Shape<infer T> ? T : never;

/** The fields of a class by name. */
export interface Fields {
  readonly [name: string]: Shape<unknown>;
}

type OptionalNames<F> = {
  [K in keyof F]: undefined extends Restored<F[K]> ? K : never;
}[keyof F];

/** The values of an object with these fields: those of an {@link optional} shape may be missing. */
export type FieldsOf<F> = {
  [K in Exclude<keyof F, OptionalNames<F>>]: Restored<F[K]>;
} & { [K in OptionalNames<F>]?: Restored<F[K]> };

/** A class whose instances a shape restores. */
export interface ClassOf<T> {
  /** What they inherit from. The constructor is not run. */
  readonly prototype: T;
}

function shapeOf<T>(
  writeValue: (value: T) => Json | undefined,
  readValue: (json: Json | undefined) => T,
): Shape<T> {
  return {
    write: writeValue,
    read: readValue,
    store: (value) => whole(() => writeValue(value) ?? null),
    restore: (json) => whole(() => readValue(json)),
  };
}

function plain<T extends Json>(what: string, is: (json: Json) => json is T): Shape<T> {
  return shapeOf<T>(
    (value) => value,
    (json = null) => (is(json) ? json : mismatch(what, json)),
  );
}

/** Text. */
export const text: Shape<string> = plain("text", (json) => typeof json === "string");

/** True or false. */
export const flag: Shape<boolean> = plain("true or false", (json) => typeof json === "boolean");

/** A number that JavaScript holds: an integer from 2^53 on is none. */
export const number: Shape<number> = shapeOf(numberOf, (json = null) =>
  typeof json === "number" ? json : mismatch("a number below 2^53", json),
);

/** An integer of up to 64 bits: a `bigint` from 2^53 on. */
export const integer: Shape<number | bigint> = shapeOf(numberOf, (json = null) =>
  typeof json === "bigint" || Number.isSafeInteger(json)
    ? (json as number | bigint)
    : mismatch("an integer", json),
);

/** A point in time, to the millisecond. */
export const date: Shape<Date> = shapeOf(dateOf, (json = null) => {
  const form = formOfAny(json);
  if (form?.is !== "date") return mismatch("a date", json);
  return under("$date", () => readDate(form.text));
});

/** Whatever typed JSON can say, without knowing its types. */
export const anything: Shape<TypedValue> = shapeOf(write, (json = null) => read(json));

/** A value that may be missing: `undefined`. Null counts as missing, for an update that merges null removes. */
export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return shapeOf<T | undefined>(
    (value) => (value === undefined ? undefined : shape.write(value)),
    (json) => (json === undefined || json === null ? undefined : shape.read(json)),
  );
}

/** A list. */
export function list<T>(shape: Shape<T>): Shape<readonly T[]> {
  return shapeOf<readonly T[]>(
    (items) => items.map((item, i) => under(i, () => shape.write(item) ?? null)),
    (json = null) =>
      Array.isArray(json)
        ? json.map((item: Json, i) => under(i, () => shape.read(item)))
        : mismatch("a list", json),
  );
}

/** A map by text: an object without a class. A name may be `__proto__`: read members by `Object.hasOwn`. */
export function map<T>(shape: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return shapeOf<Readonly<Record<string, T>>>(
    (members) => membersOf(members, (value) => shape.write(value) ?? null),
    (json = null) => {
      if (!isObject(json) || formOf(json).is !== "map") return mismatch("a map", json);
      const members: Record<string, T> = {};
      for (const name of namesOf(json)) {
        place(
          members,
          unescaped(name),
          under(name, () => shape.read(json[name])),
        );
      }
      return members;
    },
  );
}

/** A shape that is looked up when it is used: of a type that holds values of itself. */
export function lazy<T>(shape: () => Shape<T>): Shape<T> {
  return shapeOf<T>(
    (value) => shape().write(value),
    (json) => shape().read(json),
  );
}

/**
 * Objects of a class: with these fields, under the name that the class has in the JSON. Members that are no fields are passed over. With `of`,
 * they are restored as instances of that class, whose constructor is not run.
 */
export function shape<F extends Fields>(name: string, fields: F): Shape<FieldsOf<F>>;
export function shape<F extends Fields, T extends FieldsOf<F>>(
  name: string,
  fields: F,
  of: ClassOf<T>,
): Shape<T>;
export function shape<F extends Fields>(
  name: string,
  fields: F,
  of?: ClassOf<object>,
): Shape<FieldsOf<F>> {
  return shapeOf<FieldsOf<F>>(
    (value) => {
      const json: Record<string, Json> = { $type: name };
      for (const [field, { write: written }] of Object.entries(fields)) {
        const key = escaped(field);
        const found = under(key, () => written((value as JsonObject)[field]));
        if (found !== undefined) place(json, key, found);
      }
      return json;
    },
    (json = null) => {
      const form = formOfAny(json);
      if (form?.is !== "object" || form.type !== name || !isObject(json)) {
        return mismatch(`an object of type \`${name}\``, json);
      }
      const restored: Record<string, unknown> = Object.create(of?.prototype ?? Object.prototype);
      for (const [field, { read: from }] of Object.entries(fields)) {
        const key = escaped(field);
        const found = Object.hasOwn(json, key) ? json[key] : undefined;
        const value = found === undefined ? missing(field, from) : under(key, () => from(found));
        if (value !== undefined) place(restored, field, value);
      }
      return restored as FieldsOf<F>;
    },
  );
}

/** What a field is that is missing. */
function missing(field: string, from: (json: undefined) => unknown): unknown {
  try {
    return from(undefined);
  } catch {
    throw fault(`missing field \`${field}\``);
  }
}

/** An enum whose members carry nothing: they are their names. */
export function enumOf<const N extends string>(type: string, ...names: readonly N[]): Shape<N> {
  return shapeOf<N>(
    (name) => memberOf(type, known(names, name), undefined),
    (json = null) => {
      const { name, value = null } = memberIn(type, json);
      if (value !== null) return mismatch(`nothing as the value of the member \`${name}\``, value);
      return under("name", () => known(names, name));
    },
  );
}

/** The members of an enum that carry something, as values: `{ name: "Circle", value: 2 }`. */
export type MembersOf<F> = {
  [K in keyof F & string]: { readonly name: K; readonly value: Restored<F[K]> };
}[keyof F & string];

/** An enum whose members carry something: of each the shape of its value. {@link optional} is for those that may carry nothing. */
export function membersOfEnum<F extends Fields>(type: string, members: F): Shape<MembersOf<F>> {
  const names = Object.keys(members);
  const shapeOfMember = (name: string): Shape<unknown> => members[known(names, name)] ?? anything;
  return shapeOf<MembersOf<F>>(
    ({ name, value }) => {
      const { write: written } = shapeOfMember(name);
      return memberOf(
        type,
        name,
        under("value", () => written(value)),
      );
    },
    (json = null) => {
      const { name, value } = memberIn(type, json);
      const { read: from } = under("name", () => shapeOfMember(name));
      // A merge drops null: so a member that lost its value had null.
      return { name, value: under("value", () => from(value ?? null)) } as MembersOf<F>;
    },
  );
}

function known<N extends string>(names: readonly N[], name: string): N {
  const found = names.find((one) => one === name);
  if (found !== undefined) return found;
  throw fault(`expected one of \`${names.join("`, `")}\`, found \`${name}\``);
}

function formOfAny(json: Json): Form | undefined {
  return isObject(json) ? formOf(json) : undefined;
}

function memberIn(type: string, json: Json): { readonly name: string; readonly value?: Json } {
  const form = formOfAny(json);
  if (form?.is === "enum" && form.type === type) return form;
  return mismatch(`a member of the enum \`${type}\``, json);
}
