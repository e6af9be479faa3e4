// The workflows, as cards with a picture of what each does: radio buttons, so that arrow keys work.

import { icon, make, word } from "./dom.js";

const PLACEHOLDER = "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5h.01";

export class Cards {
  constructor(element, choose) {
    this.element = element;
    this.choose = choose;
    this.workflows = [];
  }

  get(name) {
    return this.workflows.find((workflow) => workflow.name === name);
  }

  select(name) {
    const radio = [...this.element.querySelectorAll("input")].find((each) => each.value === name);
    if (radio) radio.checked = true;
  }

  draw(workflows) {
    this.workflows = workflows;
    const cards = (able) => workflows.filter((each) => !each.lacks === able).map((workflow) => this.card(workflow));
    const rows = [make("div", { class: "row" }, ...cards(true)), make("div", { class: "row unable" }, ...cards(false))];
    this.element.replaceChildren(...rows.filter((row) => row.children.length));
  }

  card(workflow) {
    const able = !workflow.lacks;
    const radio = make("input", {
      type: "radio",
      name: "workflow",
      value: workflow.name,
      class: "unseen",
      disabled: !able,
      onchange: () => this.choose(workflow),
    });
    const text = make("span", { class: "text" }, make("b", {}, workflow.title));
    if (workflow.group) text.append(make("small", {}, workflow.group));
    text.append(make("span", {}, workflow.description));
    if (!able) {
      const reason = `${word("cannot")}. ${workflow.lacks}`;
      text.append(make("span", { class: "lacks", title: reason }, reason));
    }
    if (!able && !workflow.picture) return make("label", { class: "card unable" }, radio, text);
    return make("label", { class: able ? "card" : "card unable" }, radio, this.picture(workflow), text);
  }

  picture(workflow) {
    if (!workflow.picture) return make("span", { class: "picture none" }, icon(PLACEHOLDER));
    const url = `cards/${encodeURIComponent(workflow.name)}`;
    return make("img", { class: "picture", src: url, alt: "", width: 320, height: 240, decoding: "async" });
  }
}
