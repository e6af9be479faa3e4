// A visitor's presets: each fills a form in, and can be renamed, shared and deleted.

import { ask, dialog, make, say, word } from "../dom.js";

const SURE = 5000; // milliseconds in which a second press deletes

export class Presets {
  /** `use` fills a form in with a preset; `changed` is called when the visitor's own defaults are others. */
  constructor({ use, changed }) {
    Object.assign(this, { use, changed });
    this.list = make("ul", { class: "presets" });
    this.told = make("p", { class: "about", role: "status" });
  }

  /** Show them in a sheet over the page. */
  async open() {
    this.told.textContent = "";
    this.list.replaceChildren(); // rows from before would be replaced under the visitor's hands
    this.sheet = dialog(word("presets"), "shelf", this.list, this.told, this.coded());
    await this.load();
  }

  async load() {
    await this.tried(async () => this.draw(await ask("GET", "presets")));
  }

  /** Do something with a preset. Returns true if it was done. */
  async act(act, values) {
    return this.tried(async () => {
      const body = new FormData();
      for (const [name, value] of Object.entries({ act, ...values })) body.append(name, value);
      const { text, presets } = await ask("POST", "presets", body);
      this.draw(presets);
      this.told.textContent = text;
      say(text);
      if (act === "default" || act === "nodefault" || act === "delete") this.changed();
    });
  }

  async tried(work) {
    try {
      await work();
      return true;
    } catch (fault) {
      say(word("failed", { reason: fault.message }));
      return false;
    }
  }

  draw(presets) {
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.act : undefined;
    this.list.replaceChildren(...presets.map((preset) => this.row(preset)));
    if (!presets.length) this.list.append(make("li", { class: "about" }, word("no_presets")));
    if (focused) this.list.querySelector(`[data-act="${CSS.escape(focused)}"]`)?.focus();
  }

  row(preset) {
    const { number, name, line, shared, usual } = preset;
    const button = (label, onclick) =>
      make("button", { type: "button", class: "button", "data-act": `${label} ${number}`, "aria-label": `${word(label)}: ${name}`, onclick }, word(label));
    const plain = (act, label = act) => button(label, () => this.act(act, { name }));
    const standing = usual ? plain("nodefault", "not_by_default") : plain("default", "by_default");
    const row = make("li", {}, make("span", {}, line));
    const erase = button("delete", () => {
      if (erase.dataset.sure) return this.act("delete", { name });
      erase.dataset.sure = "yes";
      erase.textContent = word("sure");
      setTimeout(() => (delete erase.dataset.sure, (erase.textContent = word("delete"))), SURE);
    });
    const rename = button("rename", () => rename.replaceWith(named(word("new_name"), name, (text) => this.act("rename", { name, new: text }))));
    const fill = button("fill_in", () => this.tried(async () => {
      const filled = await ask("GET", `presets/${number}`);
      this.sheet.close();
      this.use(filled);
    }));
    row.append(make("div", { class: "buttons" }, fill, rename, plain(shared ? "unshare" : "share"), standing, erase));
    return row;
  }

  /** Where the code of another person's preset is put. */
  coded() {
    return named(word("code"), "", async (text, input) => (await this.act("copy", { code: text })) && (input.value = ""), word("copy_preset"), false);
  }
}

/** A line to type a text in; `done` gets it. */
export function named(label, value, done, send = word("save"), focus = true) {
  const input = make("input", { value, maxlength: 60, required: true, autocomplete: "off" });
  const submit = (event) => {
    event.preventDefault();
    if (input.value.trim()) done(input.value, input);
  };
  const form = make("form", { class: "named", onsubmit: submit }, make("label", {}, make("span", {}, label), input), make("button", { class: "button" }, send));
  if (focus) queueMicrotask(() => input.focus());
  return form;
}
