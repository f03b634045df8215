/**
 * The past: the plan as it was at any moment, and single tasks brought back from there.
 */

import { type DocumentState, isIcecoreError, type Recorded } from "icecore";
import { diff, restore } from "icecore/past";
import { type App, notice, wordsOf } from "./app.ts";
import { dialog } from "./dialogs.ts";
import { h, newId, setText, show } from "./dom.ts";
import { moment, slotText, type Task, tasksOf } from "./model.ts";

/** The newest moments; the history has all of them. */
const MOMENTS_MAX = 500;

/** A moment: after the updates that were stored together. */
interface Moment {
  readonly key: number;
  readonly what: string;
}

/** What an update did, for people. */
function whatOf({ update }: Recorded): string {
  try {
    const { kind, data } = JSON.parse(String(update)) as {
      readonly kind?: unknown;
      readonly data?: Record<string, object>;
    };
    if (kind === "append") return "a message";
    if (kind === "delete") return "a task was deleted";
    if (data?.["people"]) return "somebody took a name";
    const [task] = Object.values(data?.["tasks"] ?? {}) as readonly (
      | { readonly title?: string; readonly done?: boolean }
      | undefined
    )[];
    if (task?.title !== undefined) return `“${task.title}”`;
    return task?.done === true ? "a task was done" : "a task was changed";
  } catch {
    return "a change";
  }
}

export async function showPast(app: App): Promise<void> {
  const { space } = app;
  const sliderId = newId();
  const text = h("output", { for: sliderId, class: "moment" }, "The history is being read…");
  const slider = h("input", { id: sliderId, type: "range", min: 0, value: 0, disabled: true });
  const list = h("ul", { class: "tasks past" });
  const ending = new AbortController();
  const element = dialog(
    "Earlier",
    h("div", { class: "field" }, h("label", { for: sliderId }, "Moment"), slider, text),
    list,
  );
  element.addEventListener("close", () => ending.abort());

  let moments: readonly Moment[];
  try {
    const log = await space.log({}, ending.signal);
    moments = [
      ...new Map(log.map((each) => [each.key, { key: each.key, what: whatOf(each) }])).values(),
    ].slice(-MOMENTS_MAX);
  } catch (error) {
    if (!ending.signal.aborted) setText(text, `The history cannot be read now. ${wordsOf(error)}`);
    return;
  }
  const last = moments.length - 1;
  if (last < 0) return setText(text, "Nothing was stored yet.");
  slider.max = String(last);
  slider.value = String(last);
  slider.disabled = false;

  let wanted = 0;
  const look = async (): Promise<void> => {
    const shown = moments[Number(slider.value)];
    if (shown === undefined) return;
    wanted += 1;
    const own = wanted;
    const words = `${moment.format(shown.key)}: ${shown.what}`;
    setText(text, words);
    slider.setAttribute("aria-valuetext", words);
    try {
      const then = await space.at(shown.key, ending.signal);
      // Somebody who drags the slider asks for many; the last one counts.
      if (own === wanted) showThen(app, list, then, shown.key);
    } catch (error) {
      const isOver = isIcecoreError(error) && error.code === "aborted";
      if (!isOver && own === wanted) setText(text, wordsOf(error));
    }
  };
  slider.addEventListener("input", () => void look());
  await look();
}

/** The tasks as they were; those that are otherwise now can be brought back. */
function showThen(app: App, list: HTMLElement, then: DocumentState, key: number): void {
  const changed = new Set(
    diff(then, app.space.state).map(({ path }) => path.split("/")[2] ?? path),
  );
  const isOtherwise = (task: Task): boolean => changed.has(task.id) || changed.has("/tasks");
  const back = async (task: Task): Promise<void> => {
    // By the way of undo: so that this, too, can be taken back.
    const { space, history } = app;
    const label = `Bring back “${task.title}”`;
    const ways = {
      at: space.at.bind(space),
      state: space.state,
      update: (update: Parameters<typeof space.update>[0]) => history.update(update, label),
    };
    const receipt = await restore(ways, `/tasks/${task.id}`, key);
    notice(receipt === undefined ? `“${task.title}” is as it was.` : `“${task.title}” is back.`);
    showThen(app, list, then, key);
  };
  show(list, tasksOf(then), {
    key: (task) => task.id,
    make: () => h("li", { class: "task" }),
    update: (row, task) => {
      row.classList.toggle("done", task.isDone);
      const button = h(
        "button",
        {
          type: "button",
          onclick: () => void back(task).catch((error: unknown) => notice(wordsOf(error))),
        },
        "Bring back",
        h("span", { class: "unseen" }, `: ${task.title}`),
      );
      row.replaceChildren(
        h("span", { class: "title" }, task.title, h("small", {}, ` ${slotText(task.slot)}`)),
        isOtherwise(task) ? button : h("small", {}, "as now"),
      );
    },
  });
  if (list.childElementCount === 0) list.append(h("li", { class: "empty" }, "No tasks then."));
}
