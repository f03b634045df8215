/**
 * Any typed JSON, without knowing its types.
 *
 * @module
 */

import { isObject, type Json, normal, put } from "../core/json.ts";
import { checkDate, readDate } from "./date.ts";
import { fault, under, whole } from "./fault.ts";
import { escaped, type Form, formOf, namesOf, unescaped } from "./form.ts";

/** A member of an enum. */
export class Member {
  /** The enum. */
  readonly type: string;
  /** Which of its members. */
  readonly name: string;
  /** What it carries; `undefined` where it carries nothing. */
  readonly value: TypedValue | undefined;

  constructor(type: string, name: string, value?: TypedValue) {
    this.type = type;
    this.name = name;
    this.value = value;
  }
}

/** An object of a class. */
export class Instance {
  /** The class. */
  readonly type: string;
  /** Its fields. A name may be `__proto__`: read them by `Object.hasOwn`. */
  readonly fields: TypedMap;

  constructor(type: string, fields: TypedMap) {
    this.type = type;
    this.fields = fields;
  }
}

/** An object with a tag of a later version, kept as it was written with all below it. */
export class Unknown {
  /** As it was written. */
  readonly json: Json;

  constructor(json: Json) {
    this.json = json;
  }
}

/** A map without a type. */
export interface TypedMap {
  readonly [name: string]: TypedValue;
}

/** A value of typed JSON. */
export type TypedValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Date
  | Member
  | Instance
  | Unknown
  | readonly TypedValue[]
  | TypedMap;

/**
 * The value that typed JSON stands for: dates as `Date`, the rest of what has a type as {@link Member}, {@link Instance} or {@link Unknown}.
 *
 * @throws IcecoreError `invalid` with code `typed` where a tag is used wrongly; its object is the JSON pointer of the place.
 */
export function restore(json: Json): TypedValue {
  return whole(() => read(json));
}

/**
 * A value as typed JSON: the form to store, of which all comes back. Objects of other classes are taken for maps of their own members.
 *
 * @throws IcecoreError `invalid` with code `typed` where JSON has no form for it: a number that is not finite, an integer of more than 64 bits,
 * a date beyond the years 0000 to 9999.
 */
export function store(value: TypedValue): Json {
  return whole(() => write(value));
}

/**
 * Typed JSON as plain JSON without types, for people and for programs that only show it: a date is its text, a member of an enum its name, an
 * object its fields. Nothing is restored from it.
 *
 * @throws IcecoreError as {@link restore}.
 */
export function info(json: Json): Json {
  return whole(() => shown(read(json)));
}

/** As {@link restore}, within a value. */
export function read(json: Json): TypedValue {
  if (Array.isArray(json)) return json.map((item: Json, i) => under(i, () => read(item)));
  if (!isObject(json)) return json;
  const form: Form = formOf(json);
  if (form.is === "other") return new Unknown(json);
  if (form.is === "date") return under("$date", () => readDate(form.text));
  if (form.is === "enum") {
    const { type, name, value } = form;
    if (value === undefined) return new Member(type, name);
    return new Member(
      type,
      name,
      under("value", () => read(value)),
    );
  }
  const fields: Record<string, TypedValue> = {};
  for (const name of namesOf(json)) {
    if (name !== "$type")
      place(
        fields,
        unescaped(name),
        under(name, () => read(json[name] ?? null)),
      );
  }
  return form.is === "object" ? new Instance(form.type, fields) : fields;
}

/** As {@link store}, within a value. */
export function write(value: TypedValue): Json {
  if (Array.isArray(value)) return value.map((item: TypedValue, i) => under(i, () => write(item)));
  if (typeof value === "number" || typeof value === "bigint") return numberOf(value);
  if (value instanceof Date) return dateOf(value);
  if (value instanceof Unknown) return value.json;
  if (value instanceof Member) {
    const { type, name, value: carried } = value;
    return memberOf(type, name, carried && under("value", () => write(carried)));
  }
  if (value instanceof Instance) return { $type: value.type, ...membersOf(value.fields, write) };
  if (typeof value !== "object" || value === null) return value;
  return membersOf(value as TypedMap, write);
}

/** A number as it is written. */
export function numberOf(value: number | bigint): Json {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw fault(`expected a finite number, found ${value}`);
  }
  const written = normal(value);
  if (typeof value === "bigint" && typeof written === "number" && !Number.isSafeInteger(written)) {
    throw fault("expected an integer of 64 bits");
  }
  return written;
}

/** A date as it is written. */
export function dateOf(date: Date): Json {
  return { $date: checkDate(date).toISOString() };
}

/** A member of an enum as it is written. */
export function memberOf(type: string, name: string, value: Json | undefined): Json {
  return value === undefined ? { $enum: type, name } : { $enum: type, name, value };
}

/** Members as they are written. */
export function membersOf<T>(
  members: { readonly [name: string]: T },
  written: (value: T) => Json,
): Record<string, Json> {
  const json: Record<string, Json> = {};
  for (const [name, value] of Object.entries(members)) {
    put(
      json,
      escaped(name),
      under(escaped(name), () => written(value)),
    );
  }
  return json;
}

/** Sets a member, whatever its name. */
export function place<T>(object: Record<string, T>, name: string, value: T): void {
  const own = { value, writable: true, enumerable: true, configurable: true };
  Object.defineProperty(object, name, own);
}

function shown(value: TypedValue): Json {
  if (Array.isArray(value)) return value.map((item: TypedValue) => shown(item));
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Member) {
    return value.value === undefined ? value.name : own(value.name, shown(value.value));
  }
  if (value instanceof Unknown) return value.json;
  const members = value instanceof Instance ? value.fields : value;
  if (typeof members !== "object" || members === null) return members;
  const json: Record<string, Json> = {};
  for (const [name, member] of Object.entries(members as TypedMap)) put(json, name, shown(member));
  return json;
}

function own(name: string, value: Json): Json {
  const json: Record<string, Json> = {};
  put(json, name, value);
  return json;
}
