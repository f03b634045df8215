/**
 * The plan: a week to choose a day from, the hours of that day, and what has no time.
 */

import { type App, disc, nameOf, type View } from "./app.ts";
import { conflictsView, tasksIn } from "./conflicts.ts";
import { h, icon, iconButton, keepDraft, newId, setText, show } from "./dom.ts";
import {
  changeTask,
  dateOf,
  dayText,
  HOURS,
  monthName,
  newId as newTaskId,
  shortDay,
  slotText,
  type Task,
  tasksOf,
  weekday,
} from "./model.ts";
import { editTask } from "./task.ts";

const DAY_MS = 86_400_000;

/** The Monday of a day's week. */
function mondayOf(day: string): Date {
  const date = dateOf(day);
  return new Date(date.getTime() - ((date.getDay() + 6) % 7) * DAY_MS);
}

export function planView(app: App): View {
  let day = dayText(new Date());
  const conflicts = conflictsView(app);
  const week = h("div", { class: "days" });
  const heading = h("h2", { class: "day" });
  const hours = h("ol", { class: "hours" });
  const loose = h("ul", { class: "tasks" });
  const looseHeading = h("h3", {}, "Any time");
  const adding = addForm(app, () => day);

  const go = (days: number): void => {
    day =
      days === 0 ? dayText(new Date()) : dayText(new Date(dateOf(day).getTime() + days * DAY_MS));
    render();
  };
  const render = (): void => {
    const tasks = tasksOf(app.space.state);
    const inConflict = new Set(app.space.conflicts.flatMap(tasksIn));
    conflicts.render();
    renderWeek(week, tasks, day, (chosen) => {
      day = chosen;
      render();
    });
    setText(heading, shortDay.format(dateOf(day)));
    const slots = new Set([
      ...HOURS.map((hour) => `${day}T${hour}`),
      ...tasks.flatMap((task) => (task.slot?.startsWith(day) ? [task.slot] : [])),
    ]);
    show(hours, [...slots].sort(), {
      key: (slot) => slot,
      make: (slot) => hourElement(slot, () => adding.at(slot)),
      update: (row, slot) => {
        const mine = tasks.filter((task) => task.slot === slot);
        row.classList.toggle("free", mine.length === 0);
        const list = row.querySelector("ul");
        if (list) showTasks(app, list, mine, inConflict);
      },
    });
    const without = tasks.filter((task) => task.slot === undefined);
    looseHeading.hidden = without.length === 0;
    showTasks(app, loose, without, inConflict);
  };
  const element = h(
    "section",
    { class: "plan", "aria-label": "Plan" },
    conflicts.element,
    h(
      "section",
      { class: "week", "aria-label": "Week" },
      iconButton("left", "Week before", () => go(-7)),
      week,
      iconButton("right", "Week after", () => go(7)),
    ),
    h(
      "div",
      { class: "day-line" },
      heading,
      h("button", { type: "button", onclick: () => go(0) }, "Today"),
    ),
    adding.element,
    h("div", { class: "sheet" }, hours),
    looseHeading,
    loose,
  );
  return { element, render };
}

function renderWeek(
  week: HTMLElement,
  tasks: readonly Task[],
  day: string,
  choose: (day: string) => void,
): void {
  const monday = mondayOf(day).getTime();
  const days = Array.from({ length: 7 }, (_, n) => dayText(new Date(monday + n * DAY_MS)));
  const today = dayText(new Date());
  show(week, days, {
    key: (each) => each,
    make: (each) =>
      h(
        "button",
        { type: "button", class: "day-button", onclick: () => choose(each) },
        h("span", {}, weekday.format(dateOf(each))),
        " ",
        h("strong", {}, String(dateOf(each).getDate())),
        h("span", { class: "unseen" }, ` ${monthName.format(dateOf(each))}`),
      ),
    update: (button, each) => {
      button.setAttribute("aria-pressed", String(each === day));
      if (each === today) button.setAttribute("aria-current", "date");
      button.classList.toggle(
        "busy",
        tasks.some((task) => task.slot?.startsWith(each) && !task.isDone),
      );
    },
  });
}

function hourElement(slot: string, add: () => void): HTMLElement {
  const hour = slot.slice(11);
  return h(
    "li",
    { class: "hour" },
    h("span", { class: "clock" }, hour),
    h("ul", { class: "tasks", "aria-label": `At ${hour}` }),
    h(
      "button",
      { type: "button", class: "add", "aria-label": `Add a task at ${hour}`, onclick: add },
      icon("plus"),
    ),
  );
}

function showTasks(
  app: App,
  list: HTMLElement,
  tasks: readonly Task[],
  inConflict: ReadonlySet<string>,
): void {
  show(list, tasks, {
    key: (task) => task.id,
    make: (task) => taskElement(app, task.id),
    update: (row, task) => {
      row.classList.toggle("done", task.isDone);
      row.classList.toggle("twice", inConflict.has(task.id));
      const [box, title, by] = [
        row.querySelector("input"),
        row.querySelector(".title"),
        row.querySelector(".disc"),
      ];
      if (box) {
        box.checked = task.isDone;
        box.setAttribute("aria-label", `Done: ${task.title}`);
      }
      if (title) {
        setText(title, task.title);
        const twice = inConflict.has(task.id) ? ", planned twice" : "";
        title.setAttribute(
          "aria-label",
          `${task.title}, ${slotText(task.slot)}, by ${nameOf(app, task.by)}${twice}: change`,
        );
      }
      by?.replaceWith(disc(app, task.by));
    },
  });
  list.hidden = tasks.length === 0;
}

function taskElement(app: App, id: string): HTMLElement {
  const now = (): Task | undefined => tasksOf(app.space.state).find((task) => task.id === id);
  const tick = (event: Event): void => {
    const done = (event.target as HTMLInputElement).checked;
    app.change(
      changeTask(id, { done }),
      done ? `Tick off “${now()?.title}”` : `Reopen “${now()?.title}”`,
    );
  };
  const edit = (): void => {
    const task = now();
    if (task) editTask(app, task);
  };
  return h(
    "li",
    { class: "task" },
    h("input", { type: "checkbox", onchange: tick }),
    h("button", { type: "button", class: "title", onclick: edit }),
    h("span", { class: "disc" }),
  );
}

/** The line that adds a task, at an hour of the day that is shown or at any time. */
function addForm(
  app: App,
  day: () => string,
): { readonly element: HTMLElement; readonly at: (slot: string) => void } {
  const [titleId, hourId] = [newId(), newId()];
  const title = h("input", {
    id: titleId,
    type: "text",
    maxlength: 200,
    autocomplete: "off",
    enterkeyhint: "done",
    placeholder: "What is to be done?",
  });
  const draft = keepDraft(title, "task");
  const hour = h(
    "select",
    { id: hourId },
    h("option", { value: "" }, "Any time"),
    ...HOURS.map((each) => h("option", { value: each }, each)),
  );
  const submit = (event: Event): void => {
    event.preventDefault();
    const text = title.value.trim();
    if (text === "") return title.focus();
    const slot = hour.value === "" ? {} : { slot: `${day()}T${hour.value}` };
    app.change(changeTask(newTaskId(), { title: text, by: app.me, ...slot }), `Add “${text}”`);
    draft.used();
    hour.value = "";
    title.focus();
  };
  const element = h(
    "form",
    { class: "line", onsubmit: submit },
    h("label", { for: titleId, class: "unseen" }, "New task"),
    title,
    h("label", { for: hourId, class: "unseen" }, "Time"),
    hour,
    h("button", { type: "submit", class: "main" }, "Add"),
  );
  return {
    element,
    at(slot) {
      hour.value = slot.slice(11);
      title.focus();
    },
  };
}
