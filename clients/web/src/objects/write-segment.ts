/**
 * Writing segments.
 *
 * @module
 */

import { Covered } from "../core/covered.ts";
import { rejectedJson, touchedJson } from "../core/summary-text.ts";
import { IcecoreError } from "../errors.ts";
import type { Packed } from "./layer.ts";
import { FORMAT_VERSION } from "./members.ts";
import { packLayer } from "./pack.ts";
import type { Platform } from "./platform.ts";
import type { BaseHeader, Segment, SegmentHeader } from "./segment.ts";

/**
 * Packs a segment.
 *
 * @throws IcecoreError `internal` where the header does not fit the entries; as {@link packLayer}.
 */
export async function writeSegment(
  segment: Omit<Segment, "digest">,
  platform: Platform,
): Promise<Packed> {
  const { header, baseState, entries } = segment;
  const ids = new Covered(entries);
  if (
    ids.toText() !== header.covered.toText() ||
    header.count !== entries.length ||
    ids.count !== entries.length ||
    (header.base === undefined) !== (baseState === undefined)
  ) {
    throw new IcecoreError("internal", "bug", "a segment's header does not fit its entries");
  }
  const places = new Map(header.covered.authors().map((author, place) => [author, place]));
  const lines = [writeHeader(header)];
  if (baseState !== undefined) lines.push(baseState);
  for (const { author, seq, key, update } of entries) {
    lines.push(`{"author":${places.get(author)},"seq":${seq},"key":${key},"update":${update}}`);
  }
  return packLayer(lines, platform);
}

function writeHeader(header: SegmentHeader): string {
  const { previous, base } = header;
  let text = `{"v":${FORMAT_VERSION},"segment":${header.segment},"space":"${header.space}","epoch":"${header.epoch}"`;
  text += `,"through":${header.through},"rolled_at":${header.rolledAt},"full_at":${header.fullAt}`;
  text += `,"model_version":${header.modelVersion}`;
  if (header.blind) text += ',"blind":true';
  if (previous !== undefined) text += `,"previous":"${previous}"`;
  text += `,"count":${header.count},"covered":${header.covered.toText()}`;
  if (!header.carried.isEmpty) text += `,"carried":${header.carried.toText()}`;
  return `${text}${base ? `,"base":${writeBase(base)}` : ""}}`;
}

function writeBase({ modelVersion, count, epoch, rejected, touched, sealed }: BaseHeader): string {
  const key = sealed === undefined ? "" : `,"sealed":${sealed}`;
  return `{"model_version":${modelVersion},"count":${count},"epoch":"${epoch}","rejected":${rejectedJson(rejected)},"touched":${touchedJson(touched)}${key}}`;
}
