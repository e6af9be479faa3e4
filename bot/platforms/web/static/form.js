// The form of one workflow: drawn from its fields, sent as it stands, with every fault beside its field.

import { ask, make, say, word } from "./dom.js";
import { draw } from "./fields.js";

export class Form {
  constructor(element) {
    this.element = element;
    this.workflow = null;
    this.fields = new Map();
    document.addEventListener("paste", (event) => this.take(event.clipboardData, event));
    for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => this.dropped(event));
  }

  /** Draw a workflow's form; what was typed into fields of the same name stays, unless `given` says otherwise. */
  show(workflow, given = null) {
    const kept = given ?? this.kept();
    this.workflow = workflow;
    this.fields = new Map(workflow.fields.map((field) => [field.name, draw(field, () => this.blame(field.name, ""))]));
    this.button = make("button", { type: "submit", class: "main" }, word("run"));
    const form = make("form", { novalidate: true, onsubmit: (event) => this.send(event) });
    const drawn = (more) => workflow.fields.filter((each) => each.more === more).map((each) => this.fields.get(each.name).element);
    const rare = drawn(true);
    const folded = rare.length ? make("details", { class: "more" }, make("summary", {}, word("more")), ...rare) : null;
    form.append(...drawn(false), ...(folded ? [folded] : []), this.fault(), this.button);
    this.news = make("p", { class: "warning", role: "status" });
    this.element.replaceChildren(
      make("h2", { tabindex: "-1" }, workflow.title),
      this.news,
      make("p", { class: "about" }, workflow.description),
      ...(workflow.price ? [make("p", { class: "about" }, workflow.price)] : []),
      form,
    );
    this.fill(kept, given !== null);
  }

  /** Say above the form what has changed since the run that it is filled in from. */
  tell(text) {
    this.news.textContent = text;
  }

  clear(text) {
    this.workflow = null;
    this.element.replaceChildren(make("p", { class: "empty" }, text));
  }

  focus(name) {
    const target = name ? this.fields.get(name)?.control : this.element.querySelector("h2");
    const folded = target?.closest("details");
    if (folded) folded.open = true;
    target?.focus();
    this.element.scrollIntoView({ block: "nearest" });
  }

  put(name, file) {
    this.fields.get(name)?.set(file);
    this.blame(name, "");
  }

  fault() {
    this.common = make("p", { class: "fault", role: "alert" });
    return this.common;
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

  /** Put files that were pasted or dropped into the first field that takes one of their kind. */
  take(transfer, event) {
    const file = [...(transfer?.files ?? [])][0];
    if (!file) return;
    const media = [...this.fields.values()].filter((field) => field.media && field.accepts(file));
    const field = media.find((each) => !each.file) ?? media[0];
    if (!field) return;
    event.preventDefault();
    field.set(file);
  }

  dropped(event) {
    if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
    event.preventDefault(); // else the browser would leave the page for the file
    if (event.type === "drop" && !event.target.closest?.(".drop")) this.take(event.dataTransfer, event);
  }

  async send(event) {
    event.preventDefault();
    if (this.button.getAttribute("aria-disabled") === "true") return;
    const body = new FormData();
    for (const [name, field] of this.fields) {
      const value = field.value();
      for (const each of [value].flat()) {
        if (each instanceof File) body.append(name, each, each.name || "file");
        else body.append(name, each);
      }
    }
    this.busy(true);
    for (const name of this.fields.keys()) this.blame(name, "");
    this.common.textContent = "";
    try {
      await ask("POST", `workflows/${encodeURIComponent(this.workflow.name)}/runs`, body);
      say(word("state_waiting"));
      reveal(document.getElementById("conversation"));
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

/** The answer is further down than the form on a small screen, and further up where a visitor has scrolled down. */
function reveal(element) {
  const { top } = element.getBoundingClientRect();
  if (top > -innerHeight * 0.1 && top < innerHeight * 0.6) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
}

/** With a capital letter, but where it begins with the name of the file that it is about. */
function sentence(text, value) {
  if (value instanceof File && text.startsWith(value.name)) return text;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
