// The nodes of the graph with the inputs that a field could set: each is ticked to be in the form.

import { make, word } from "../dom.js";

const OPEN = 12; // nodes up to which all are open at first

export class Graph {
  /** `ticked` is called with an input, and whether it shall be in the form. */
  constructor(ticked) {
    this.ticked = ticked;
    this.find = make("input", { type: "search", id: "studio-graph-find", autocomplete: "off", "aria-label": word("studio_graph_find"), oninput: () => this.filter() });
    this.find.placeholder = word("studio_graph_find");
    this.list = make("div", { class: "studio-nodes" });
    this.only = make("input", { type: "checkbox", id: "studio-graph-only", onchange: () => this.filter() });
    this.fresh = make("div", { class: "studio-input", hidden: true }, this.only, make("label", { for: "studio-graph-only" }, word("studio_graph_only")));
    this.none = make("p", { class: "about", role: "status" });
    this.element = make("div", { class: "studio-graph" }, this.find, this.fresh, this.none, this.list);
    this.nodes = [];
    this.boxes = new Map();
    this.targets = new Set();
  }

  show(nodes, targets) {
    this.targets = targets;
    const key = JSON.stringify(nodes);
    if (key !== this.key) {
      this.key = key;
      this.boxes.clear();
      this.nodes = nodes.map((node) => this.node(node, nodes.length <= OPEN || node.inputs.some((input) => input.is_new)));
      this.list.replaceChildren(...this.nodes.map(({ element }) => element));
      this.fresh.hidden = !nodes.some((node) => node.inputs.some((input) => input.is_new));
      if (this.fresh.hidden) this.only.checked = false;
      this.filter();
    }
    this.mark(targets);
  }

  mark(targets) {
    this.targets = targets;
    for (const [target, box] of this.boxes) box.checked = targets.has(target);
    for (const { node, badge } of this.nodes) badge.textContent = node.inputs.filter(({ target }) => targets.has(target)).length || "";
  }

  node(node, open) {
    const badge = make("span", { class: "pill" });
    const body = make("div", { class: "studio-inputs" });
    const draw = () => element.open && !body.children.length && body.append(...node.inputs.map((input) => this.input(input)));
    const element = make("details", { ontoggle: draw }, make("summary", {}, make("b", { dir: "auto" }, node.title), node.title === node.class_type ? null : make("small", {}, node.class_type), badge), body);
    element.open = open;
    draw();
    return { node, element, badge, draw };
  }

  input(input) {
    const id = `studio-input-${this.boxes.size}`;
    const box = make("input", { type: "checkbox", id, onchange: () => this.ticked(input, box.checked) });
    box.checked = this.targets.has(input.target);
    this.boxes.set(input.target, box);
    const isNear = (bound) => bound !== null && Math.abs(bound) < Number.MAX_SAFE_INTEGER; // beyond it no number is exact here
    const bounded = isNear(input.least) && isNear(input.most) && ["integer", "number"].includes(input.kind);
    const facts = [input.is_new ? word("studio_graph_is_new") : "", input.kind, bounded ? word("studio_takes", { low: input.least, high: input.most }) : "", input.choices.length ? word("studio_offers", { names: input.choices.slice(0, 4).join(", ") }) : ""].filter(Boolean).join(" · ");
    return make("div", { class: `studio-input${input.is_new ? " is-new" : ""}` }, box, make("label", { for: id }, make("span", { dir: "auto" }, input.input), make("code", { dir: "auto" }, input.value)), make("small", {}, facts));
  }

  filter() {
    const words = this.find.value.trim().toLowerCase();
    let shown = 0;
    for (const { node, element } of this.nodes) {
      const wanted = !this.only.checked || node.inputs.some((input) => input.is_new);
      const fits = wanted && (!words || [node.title, node.class_type, ...node.inputs.flatMap(({ input, value }) => [input, value])].some((text) => text.toLowerCase().includes(words)));
      element.hidden = !fits;
      if (fits) shown++;
      if (fits && words) element.open = true;
    }
    this.list.classList.toggle("only-new", this.only.checked);
    this.none.textContent = shown || !this.nodes.length ? "" : word("studio_graph_none");
  }
}
