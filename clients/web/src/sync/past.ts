/**
 * The past of a space: its segments, read one after the other.
 *
 * @module
 */

import type { Folded } from "../core/fold.ts";
import { until } from "../core/gaps.ts";
import type { Key } from "../core/ids.ts";
import type { Visible } from "../core/order.ts";
import type { OpenedEntry } from "../objects/content.ts";
import type { Segment } from "../objects/segment.ts";
import { foldSegment, initialBase } from "./base.ts";
import { locked } from "./closed.ts";
import { segmentAt } from "./layers.ts";
import type { Looking } from "./look.ts";
import { entriesOf, type Reader } from "./reader.ts";
import type { Recorded } from "./report.ts";

/** Segments that are read ahead. */
const AHEAD = 8;

/** The segments that a reader has folded, from the first. */
async function* segmentsOf<S>(look: Looking<S>, { base, way }: Reader<S>): AsyncGenerator<Segment> {
  const ahead: Promise<Segment>[] = [];
  for (let at = 1; at <= base.generation + AHEAD; at += 1) {
    if (at <= base.generation) {
      const reading = segmentAt(look, way, at).then(({ layer }) => layer);
      // Whoever comes to it is told.
      reading.catch(() => undefined);
      ahead.push(reading);
    }
    const next = at > AHEAD || at > base.generation ? ahead.shift() : undefined;
    if (next) yield await next;
  }
}

const visible = ({ author, seq, key }: OpenedEntry): Visible => ({ author, seq, key, count: 1 });

/**
 * The state after all updates up to a key, from the first segment to the tail. A late update, folded late, is part of every moment after its key.
 *
 * @throws IcecoreError as {@link Looking.remote}; `corrupt` for what cannot be read; `denied` with code `locked`.
 */
export async function stateAt<S>(
  look: Looking<S>,
  reader: Reader<S>,
  key: Key,
): Promise<Folded<S>> {
  const { way } = reader;
  if (way.content.blind) throw locked(way.info.space);
  const take = until(way.info.order, key);
  let base = initialBase(way);
  for await (const segment of segmentsOf(look, reader)) {
    const covered = take(segment.entries.map(visible));
    const entries = segment.entries.filter(({ author, seq }) => covered.has(author, seq));
    const header = { ...segment.header, covered, count: entries.length };
    base = await foldSegment(way, base, { ...segment, header, entries }, look.pause);
  }
  // What is not rolled up yet comes last in canonical order.
  const tail = entriesOf(reader);
  const taken = take(tail.map(visible));
  const folded = base.folded.fork();
  for (const entry of tail) if (taken.has(entry.author, entry.seq)) folded.fold(entry);
  return folded;
}

/**
 * All updates that are known to be stored, in canonical order, whose keys lie in a range.
 *
 * @throws IcecoreError as {@link stateAt}.
 */
export async function logOf<S>(
  look: Looking<S>,
  reader: Reader<S>,
  {
    from = 0,
    to = Number.POSITIVE_INFINITY,
  }: { readonly from?: Key | undefined; readonly to?: Key | undefined },
): Promise<Recorded[]> {
  const { content, info } = reader.way;
  if (content.blind) throw locked(info.space);
  const isIn = ({ key }: { readonly key: Key }) => key >= from && key <= to;
  const found: Recorded[] = [];
  for await (const { entries } of segmentsOf(look, reader)) {
    found.push(...(await content.open(entries.filter(isIn))));
    await look.pause();
  }
  return [...found, ...entriesOf(reader).filter(isIn)];
}
