/**
 * Typed JSON: dates, enums and classes are stored with their type, and restored as that type, by programs in any language.
 *
 * ```ts
 * import { date, enumOf, optional, type Restored, shape, text } from "icecore/typed";
 *
 * const Status = enumOf("Status", "OPEN", "DONE");
 * const Task = shape("Task", { title: text, due: optional(date), status: Status });
 * type Task = Restored<typeof Task>;
 *
 * const task: Task = { title: "Pack", due: new Date(0), status: "OPEN" };
 * Task.store(task);
 * // {"$type":"Task","title":"Pack","due":{"$date":"1970-01-01T00:00:00.000Z"},"status":{"$enum":"Status","name":"OPEN"}}
 * Task.restore(Task.store(task)); // task again
 * ```
 *
 * @module
 */

export type { Json } from "./core/json.ts";
export {
  anything,
  type ClassOf,
  date,
  enumOf,
  type Fields,
  type FieldsOf,
  flag,
  integer,
  lazy,
  list,
  type MembersOf,
  map,
  membersOfEnum,
  number,
  optional,
  type Restored,
  type Shape,
  shape,
  text,
} from "./typed/shape.ts";
export {
  Instance,
  info,
  Member,
  restore,
  store,
  type TypedMap,
  type TypedValue,
  Unknown,
} from "./typed/value.ts";
