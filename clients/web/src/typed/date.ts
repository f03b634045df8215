/**
 * Points in time as typed JSON has them: RFC 3339, to the millisecond, of the years 0000 to 9999.
 *
 * @module
 */

import { fault } from "./fault.ts";

const FORM = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;
const MINUTE = 60_000;

/** The date of a text in any zone; what is finer than a millisecond is cut. Throws a fault. */
export function readDate(text: string): Date {
  const found = FORM.exec(text);
  const [year, month, day, hour, minute, second] = (found?.slice(1, 7) ?? []).map(Number);
  const date = new Date(0);
  if (found && year !== undefined && month !== undefined && day !== undefined) {
    date.setUTCFullYear(year, month - 1, day);
    const isDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
    const millis = Number((found[7] ?? "").padEnd(3, "0").slice(0, 3));
    date.setUTCHours(hour ?? 0, minute ?? 0, second ?? 0, millis);
    const [zoneHours, zoneMinutes] = [Number(found[9] ?? 0), Number(found[10] ?? 0)];
    const sign = found[8] === "-" ? -1 : 1;
    const isTime = (hour ?? 24) < 24 && (minute ?? 60) < 60 && (second ?? 60) < 60;
    if (isDay && isTime && zoneHours < 24 && zoneMinutes < 60) {
      date.setTime(date.getTime() - sign * (60 * zoneHours + zoneMinutes) * MINUTE);
      return checkDate(date);
    }
  }
  throw fault(`${JSON.stringify(text)} is not an RFC 3339 time`);
}

/** A date, if it can be written: in UTC, its year has four digits. Throws a fault. */
export function checkDate(date: Date): Date {
  const year = date.getUTCFullYear();
  if (year >= 0 && year <= 9999) return date;
  throw fault(`${date.getTime()} ms is not a date of the years 0000 to 9999`);
}
