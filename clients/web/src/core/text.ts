/**
 * The text of JSON itself: parts of it, kept as they are. All of these take a text that is known to be JSON; of another one they give
 * something or other, and end.
 *
 * @module
 */

/** A member of an object, as text. */
export interface MemberText {
  /** Its name, unescaped. May hold half of a surrogate pair. */
  readonly name: string;
  /** The text of its value. */
  readonly text: string;
}

/** The place after the text that begins at `start`, with its closing quote. */
export function textEnd(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let slashes = 0;
    while (json.charCodeAt(end - 1 - slashes) === 0x5c) slashes += 1;
    if (slashes % 2 === 0) return end + 1;
  }
  return json.length;
}

/** Calls `found` with each part of a list or an object, in order: its value, and the quoted name of a member. */
function eachPart(json: string, found: (text: string, quoted: string) => void): void {
  let depth = 0;
  let start = 0;
  let quoted = "";
  const part = (end: number): void => {
    const text = json.slice(start, end).trim();
    if (text !== "") found(text, quoted);
    start = end + 1;
  };
  for (let at = 0; at < json.length; at += 1) {
    const unit = json.charCodeAt(at);
    if (unit === 0x22) {
      at = textEnd(json, at) - 1;
    } else if ((unit | 0x20) === 0x7b) {
      depth += 1;
      if (depth === 1) start = at + 1;
    } else if ((unit | 0x20) === 0x7d) {
      if (depth === 1) part(at);
      depth -= 1;
    } else if (unit === 0x2c && depth === 1) {
      part(at);
    } else if (unit === 0x3a && depth === 1) {
      quoted = json.slice(start, at).trim();
      start = at + 1;
    }
  }
}

/** The texts of a list's items, each as it stands. */
export function elementTexts(list: string): string[] {
  const texts: string[] = [];
  eachPart(list, (text) => texts.push(text));
  return texts;
}

/** The members of an object, each as it stands, in the order of the text; one that stands twice comes twice. */
export function memberTexts(object: string): MemberText[] {
  const members: MemberText[] = [];
  eachPart(object, (text, quoted) => {
    const name: unknown = quoted.includes("\\") ? JSON.parse(quoted) : quoted.slice(1, -1);
    members.push({ name: String(name), text });
  });
  return members;
}

/** The text of an object's member, as it stands; of the last one where it stands twice. */
export function memberText(object: string, name: string): string | undefined {
  return memberTexts(object).findLast((member) => member.name === name)?.text;
}

/** Whether one of these members stands twice in an object. */
export function standsTwice(object: string, names: readonly string[]): boolean {
  const members = memberTexts(object);
  return names.some((name) => members.filter((member) => member.name === name).length > 1);
}

/** A blank for each line feed and carriage return: between tokens, where alone JSON may have them, it says the same. */
export function onOneLine(json: string): string {
  return json.replace(/[\n\r]/g, " ");
}
