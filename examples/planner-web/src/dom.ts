/**
 * Elements without a framework: making them, and keeping a list of them in step with a list of things.
 */

type Attributes = Readonly<
  Record<string, string | number | boolean | undefined | ((event: Event) => void)>
>;
type Child = Node | string | undefined;

/** An element. Attributes that are functions are listeners: `onclick`. Text is always text: nothing that somebody wrote becomes HTML. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** Drawn with strokes, on a square of 24. */
const ICONS = {
  undo: "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "m15 14 5-5-5-5M20 9H10a6 6 0 0 0 0 12h3",
  past: "M3 12a9 9 0 1 0 3-6.7M3 4v5h5M12 8v5l3 2",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 16 0",
  plan: "M5 5h14v15H5zM5 10h14M9 3v4M15 3v4",
  chat: "M4 5h16v11H9l-5 4z",
  send: "M4 12 20 5l-5 15-3-6z",
  plus: "M12 5v14M5 12h14",
  left: "m15 5-7 7 7 7",
  right: "m9 5 7 7-7 7",
  close: "M6 6l12 12M18 6 6 18",
  warn: "M12 4 2.5 20h19zM12 10v4M12 17v.5",
  lock: "M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3",
} as const;

/** A picture for those who see; what it means stands beside it, or in the label of its button. */
export function icon(name: keyof typeof ICONS): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button with a picture and no text to be seen. */
export function iconButton(
  name: keyof typeof ICONS,
  label: string,
  onclick: () => void,
  attributes: Attributes = {},
): HTMLButtonElement {
  return h(
    "button",
    { type: "button", class: "plain", "aria-label": label, title: label, onclick, ...attributes },
    icon(name),
  );
}

/** How a thing of a list is shown. */
interface Shown<T> {
  readonly key: (item: T) => string;
  readonly make: (item: T) => HTMLElement;
  /** Brings an element that was made before up to date. It must not take the focus away from somebody who types in it. */
  readonly update: (element: HTMLElement, item: T) => void;
}

/** Makes the children of an element those of a list. What stays is kept, and with it focus, selection and scrolling. */
export function show<T>(
  parent: HTMLElement,
  items: readonly T[],
  { key, make, update }: Shown<T>,
): void {
  const left = new Map<string, HTMLElement>();
  for (const child of parent.children) {
    if (child instanceof HTMLElement) left.set(child.dataset["key"] ?? "", child);
  }
  let place: Element | null = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    const element = left.get(name) ?? make(item);
    left.delete(name);
    element.dataset["key"] = name;
    update(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  for (const element of left.values()) element.remove();
}

/** The text of an element, set only where it is another one: what is selected stays selected. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** The element of this id. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/** Has a screen reader say something. */
export function announce(text: string): void {
  const announcer = byId("announcer");
  // The same text twice is said twice only if it was away in between.
  announcer.textContent = "";
  setTimeout(() => {
    announcer.textContent = text;
  }, 50);
}

/** A number of things, in words. */
export function count(number: number, one: string, many: string = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/**
 * What somebody types into a field is kept until it is used: a reload, for a new version or by accident, takes none of it. For this window alone, and
 * only as long as it is open.
 */
export function keepDraft(
  field: HTMLInputElement | HTMLTextAreaElement,
  name: string,
): { readonly used: () => void } {
  field.value = sessionStorage.getItem(`draft ${name}`) ?? "";
  field.addEventListener("input", () => sessionStorage.setItem(`draft ${name}`, field.value));
  return {
    used() {
      field.value = "";
      sessionStorage.removeItem(`draft ${name}`);
    },
  };
}

let names = 0;

/** A name for an element that others refer to. */
export function newId(): string {
  names += 1;
  return `e${names}`;
}
