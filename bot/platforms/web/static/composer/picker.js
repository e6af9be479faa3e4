// The choice of a workflow: searched by words or by eye, with those that were used last first.

import { dialog, make, styled, word } from "../dom.js";

/** Let the visitor choose; the workflow, or null. */
export async function picked(workflows, chosen) {
  await styled("composer/picker.css");
  return new Promise((done) => new Picker(workflows, chosen, done));
}

class Picker {
  constructor(workflows, chosen, done) {
    Object.assign(this, { workflows, chosen, done, active: null });
    this.search = make("input", {
      type: "search", role: "combobox", "aria-expanded": "true", "aria-controls": "workflows", "aria-autocomplete": "list", autocomplete: "off",
      "aria-label": word("find_workflow"), placeholder: word("find_workflow"), dir: "auto", oninput: () => this.draw(), onkeydown: (event) => this.pressed(event),
    });
    this.list = make("div", { id: "workflows", class: "choices", role: "listbox", "aria-label": word("workflows"), tabindex: "-1" });
    this.none = make("p", { class: "none", role: "status" });
    this.sheet = dialog(word("workflows"), "picker", this.search, this.list, this.none);
    this.sheet.addEventListener("close", () => done(this.result ?? null));
    this.draw();
    this.search.focus();
  }

  get options() {
    return [...this.list.querySelectorAll("[role=option]:not([aria-disabled])")];
  }

  draw() {
    const words = this.search.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const found = this.workflows.all.filter(({ title, description, group, name }) => {
      const text = `${title} ${description} ${group} ${name}`.toLocaleLowerCase();
      return words.every((each) => text.includes(each));
    });
    const able = found.filter((each) => !each.lacks);
    const recent = words.length ? [] : this.workflows.recent.slice(0, 4);
    const many = able.length > 8 && recent.length > 1;
    const groups = Map.groupBy ? Map.groupBy(able, ({ group }) => group) : grouped(able);
    const names = [...groups.keys()].sort((one, other) => !one - !other || one.localeCompare(other));
    this.list.replaceChildren(
      ...(many ? [this.group(word("recent"), recent, "recent")] : []),
      ...names.map((name, at) => this.group(name || (names.length > 1 || many ? word("others") : ""), groups.get(name), `group-${at}`)),
      ...[this.group(word("cannot"), found.filter((each) => each.lacks), "unable")].filter(Boolean),
    );
    this.none.textContent = found.length ? "" : word("none_found");
    this.mark(this.options.find((each) => each.getAttribute("aria-selected") === "true") ?? this.options[0]);
  }

  group(title, workflows, id) {
    if (!workflows.length) return null;
    const options = workflows.map((each) => this.option(each, id));
    if (!title) return make("div", { role: "presentation", class: "group" }, ...options);
    return make("div", { role: "group", class: "group", "aria-labelledby": id }, make("h3", { id, role: "presentation" }, title), ...options);
  }

  option(workflow, group) {
    const able = !workflow.lacks;
    const told = able ? workflow.description : workflow.lacks;
    const text = make("span", { class: "text" }, make("b", { dir: "auto" }, workflow.title), make("span", { dir: "auto", title: able ? null : told }, told));
    const selected = able && workflow.name === this.chosen?.name && group !== "recent";
    const attributes = { id: `${group}-${workflow.name}`, role: "option", class: "option", "data-workflow": workflow.name, "aria-selected": String(selected) };
    if (!able) return make("div", { ...attributes, "aria-disabled": "true" }, text);
    return make("div", { ...attributes, onclick: () => this.choose(workflow), onpointermove: (event) => this.mark(event.currentTarget, false) }, this.workflows.picture(workflow, 64), text);
  }

  mark(option, scrolls = true) {
    this.active?.classList.remove("active");
    this.active = option ?? null;
    if (!option) return this.search.removeAttribute("aria-activedescendant");
    option.classList.add("active");
    this.search.setAttribute("aria-activedescendant", option.id);
    if (scrolls) option.scrollIntoView({ block: "nearest" });
  }

  pressed(event) {
    const options = this.options;
    const at = options.indexOf(this.active);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    if (event.key in steps) this.mark(options[Math.min(options.length - 1, Math.max(0, at + steps[event.key]))]);
    else if (event.key === "Enter" && this.active) this.choose(this.workflows.get(this.active.dataset.workflow));
    else return;
    event.preventDefault();
  }

  choose(workflow) {
    this.result = workflow;
    this.sheet.close();
  }
}

function grouped(workflows) {
  const groups = new Map();
  for (const each of workflows) groups.set(each.group, [...(groups.get(each.group) ?? []), each]);
  return groups;
}
