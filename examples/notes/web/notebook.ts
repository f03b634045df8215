/**
 * The classes: what the app would be without any sync. It knows of no update, no JSON and no page.
 */

/** How far a note is. There is one instance of `Open`, and one of `Started`: what is restored is that very one. */
export class Status {
  /** To be done. */
  static readonly Open: Status = new Status("Open");
  /** Begun. */
  static readonly Started: Status = new Status("Started");
  /** Done, and when. */
  static done(at: Date): Status {
    return new Status("Done", at);
  }

  readonly name: "Open" | "Started" | "Done";
  readonly at: Date | undefined;

  private constructor(name: Status["name"], at?: Date) {
    this.name = name;
    this.at = at;
  }
}

/** What a note says. */
export interface NoteFields {
  /** No two notes should have the same. */
  readonly title: string;
  readonly text: string;
  /** When it is due; null for never. */
  readonly due: Date | null;
  readonly status: Status;
}

/** A note. It never changes: a changed one is another. */
export class Note implements NoteFields {
  readonly title: string;
  readonly text: string;
  readonly due: Date | null;
  readonly status: Status;

  constructor({ title, text, due, status }: NoteFields) {
    this.title = title;
    this.text = text;
    this.due = due;
    this.status = status;
  }

  with(change: Partial<NoteFields>): Note {
    return new Note({ ...this, ...change });
  }
}

/** That a method does not allow what it was called with. Nothing has changed then. */
export class Refused extends Error {}

/** All notes, by id. Each method takes one argument, and either does all that it says or nothing. */
export class Notebook {
  /** Whoever adds a note chooses its id: `constructor` is one like any other, so look by {@link Notebook.note}. */
  notes: Readonly<Record<string, Note>> = {};

  add({ id, note }: { readonly id: string; readonly note: Note }): void {
    checkTitle(note.title);
    if (this.note(id)) throw new Refused(`there is a note ${id} already`);
    this.#put(id, note);
  }

  rename({ id, title }: { readonly id: string; readonly title: string }): void {
    checkTitle(title);
    this.#put(id, this.#known(id).with({ title }));
  }

  write({ id, text }: { readonly id: string; readonly text: string }): void {
    this.#put(id, this.#known(id).with({ text }));
  }

  postpone({ id, due }: { readonly id: string; readonly due: Date | null }): void {
    this.#put(id, this.#known(id).with({ due }));
  }

  mark({ id, status }: { readonly id: string; readonly status: Status }): void {
    this.#put(id, this.#known(id).with({ status }));
  }

  remove(id: string): void {
    this.#known(id);
    const { [id]: _, ...notes } = this.notes;
    this.notes = notes;
  }

  /** The note of this id, where there is one. */
  note(id: string): Note | undefined {
    return Object.hasOwn(this.notes, id) ? this.notes[id] : undefined;
  }

  #known(id: string): Note {
    const note = this.note(id);
    if (note === undefined) throw new Refused(`there is no note ${id}`);
    return note;
  }

  #put(id: string, note: Note): void {
    this.notes = { ...this.notes, [id]: note };
  }
}

function checkTitle(title: string): void {
  if (/^\p{White_Space}*$/u.test(title)) throw new Refused("a note needs a title");
}
