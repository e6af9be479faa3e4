// The composer: the form of one workflow, drawn from its fields, sent as it stands, with every fault beside its field.

import { ask, icon, make, say, word } from "../dom.js";
import { draw } from "./fields.js";
import { Sheet } from "./sheet.js";
import { size } from "./size.js";

const CHEVRON = "M7 10l5 5 5-5";
const TOUCHED = matchMedia("(pointer: coarse)");

export class Form {
  /** `pick` opens the choice of workflows, `tools` are buttons beside it, and `sent` is told the id of a new run. */
  constructor(element, { workflows, pick, tools, sent }) {
    Object.assign(this, { element, workflows, sent });
    this.workflow = null;
    this.fields = new Map();
    this.sheet = new Sheet(element);
    this.chosen = make("button", { type: "button", class: "chosen", "aria-haspopup": "dialog", onclick: pick });
    this.head = make("div", { class: "head" }, make("h2", {}, this.chosen), ...tools);
    this.gone = new AbortController();
    const { signal } = this.gone;
    document.addEventListener("paste", (event) => this.take(event.clipboardData, event), { signal });
    for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => this.dropped(event), { signal });
    element.addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && this.send(event));
    element.addEventListener("focusout", (event) => this.left(event.target));
  }

  /** No longer take what is pasted or dropped on the page. */
  leave() {
    this.gone.abort();
  }

  /** Draw a workflow's form; what was typed into fields of the same name stays, unless `given` says otherwise. */
  show(workflow, given = null) {
    const kept = given ?? this.kept();
    this.workflow = workflow;
    this.fields = new Map(workflow.fields.map((field) => [field.name, draw(field, () => this.blame(field.name, ""))]));
    this.button = make("button", { type: "submit", class: "main", title: "Ctrl+Enter" }, word("run"));
    this.news = make("p", { class: "warning", role: "status" });
    this.common = make("p", { class: "fault", role: "alert" });
    this.chosen.replaceChildren(this.workflows.picture(workflow, 40), make("span", { class: "title", dir: "auto" }, workflow.title), icon(CHEVRON));
    const { lead, rest, count } = this.arranged(workflow);
    const about = [workflow.description, workflow.price].filter(Boolean).map((text) => make("p", { class: "about", dir: "auto" }, text));
    const body = make("div", { class: "body" }, this.news, ...about, lead, rest);
    const foot = make("div", { class: "foot" }, rest.children.length ? this.sheet.button : null, count, this.button);
    this.form = make("form", { novalidate: true, onsubmit: (event) => this.send(event) }, body, this.common, foot);
    this.element.replaceChildren(this.head, this.form);
    this.fill(kept, given !== null);
  }

  /** The fields in their order: the main text and the files, then the others, and those that few people change. */
  arranged(workflow) {
    const drawn = (each) => this.fields.get(each.name).element;
    const leads = ({ name, kind, required }) => name === workflow.main || (this.fields.get(name).media && (required || kind === "image"));
    const first = workflow.fields.filter(leads).sort((one, other) => (other.name === workflow.main) - (one.name === workflow.main));
    const number = workflow.fields.find((each) => each.count);
    const sides = workflow.size ? [workflow.size.width, workflow.size.height] : [];
    const others = workflow.fields.filter((each) => !first.includes(each) && each !== number && !sides.includes(each.name));
    const sized = sides.length ? [size(workflow.size, this.fields, "shape", (names) => names.forEach((name) => this.blame(name, "")))] : [];
    const rare = others.filter((each) => each.more).map(drawn);
    const more = rare.length ? [make("details", { class: "more" }, make("summary", {}, word("more")), ...rare)] : [];
    const rest = make("div", { class: "rest", id: "rest" }, ...sized, ...others.filter((each) => !each.more).map(drawn), ...more);
    const lead = make("div", { class: "lead" }, ...first.map(drawn));
    return { lead, rest, count: number ? drawn(number) : null };
  }

  /** Say above the form what has changed since the run that it is filled in from. */
  tell(text) {
    this.news.textContent = text;
  }

  clear(text) {
    this.workflow = null;
    this.element.replaceChildren(make("p", { class: "none" }, text));
  }

  focus(name) {
    const field = this.fields.get(name ?? (TOUCHED.matches ? "" : this.workflow?.main)); // a finger wants no keyboard yet
    const target = field?.control ?? this.chosen;
    this.sheet.show(target);
    if (field?.focus) field.focus();
    else target?.focus();
    target?.scrollIntoView({ block: "nearest" });
  }

  put(name, file) {
    this.fields.get(name)?.set(file);
    this.blame(name, "");
  }

  kept() {
    const files = [...this.fields].filter(([, field]) => field.file).map(([field, each]) => ({ ...each.file, field }));
    return { values: {}, files };
  }

  fill({ values, files }, whole) {
    for (const [name, field] of this.fields) {
      const file = files.find((each) => each.field === name && each.kind === field.kind);
      if (file) field.set(file);
      else if (name in values) field.set(values[name]);
      else if (whole && !field.media) field.set("");
    }
  }

  /** Put files that were pasted or dropped into the first fields that take them, or all into one that takes several. */
  take(transfer, event) {
    const files = [...(transfer?.files ?? [])];
    while (files.length) {
      const media = [...this.fields.values()].filter((field) => field.media && field.accepts(files[0]));
      const field = media.find((each) => !each.file) ?? media[0];
      const taken = files.splice(0, field?.field.several ? files.length : 1);
      if (!field) continue;
      event.preventDefault();
      field.take(taken);
    }
  }

  dropped(event) {
    if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
    event.preventDefault(); // else the browser would leave the page for the file
    if (event.type === "drop" && !event.target.closest?.(".drop")) this.take(event.dataTransfer, event);
  }

  /** Have the server look at a value that was typed, once its field is left. */
  async left(control) {
    const [name, field] = [...this.fields].find(([, each]) => each.control === control) ?? [];
    const value = field && !field.media ? String(field.value()) : "";
    if (!value.trim() || value === field.looked) return;
    field.looked = value;
    const body = new FormData();
    body.append(name, value);
    const { faults } = await ask("POST", `workflows/${encodeURIComponent(this.workflow.name)}/check`, body).catch((fault) => fault);
    const fault = faults?.find((each) => each.field === name);
    if (fault && String(field.value()) === value) this.blame(name, sentence(fault.reason, value));
  }

  async send(event) {
    event.preventDefault();
    if (!this.workflow || this.button.getAttribute("aria-disabled") === "true") return;
    const body = new FormData();
    for (const [name, field] of this.fields) {
      const value = field.value();
      for (const each of [value].flat()) {
        if (each instanceof File) body.append(name, each, each.name || "file");
        else body.append(name, each);
      }
      for (const [layer, part] of field.layers?.() ?? []) body.append(`${name}.${layer}`, part);
    }
    this.busy(true);
    for (const name of this.fields.keys()) this.blame(name, "");
    this.common.textContent = "";
    try {
      const { id } = await ask("POST", `workflows/${encodeURIComponent(this.workflow.name)}/runs`, body);
      this.sheet.open(false);
      this.sent(id, this.workflow);
    } catch (fault) {
      this.explain(fault);
    } finally {
      this.busy(false);
    }
  }

  explain(fault) {
    const known = (fault.faults ?? []).filter((each) => this.fields.has(each.field));
    for (const each of known) this.blame(each.field, sentence(each.reason, this.fields.get(each.field).value()));
    if (known.length) this.focus(known[0].field);
    else this.common.textContent = word("failed", { reason: fault.message });
  }

  blame(name, reason) {
    this.fields.get(name)?.blame(reason);
  }

  busy(is) {
    this.button.setAttribute("aria-disabled", String(is));
    this.button.textContent = word(is ? "sending" : "run");
  }
}

/** With a capital letter, but where it begins with the name of the file that it is about. */
function sentence(text, value) {
  if (value instanceof File && text.startsWith(value.name)) return text;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
