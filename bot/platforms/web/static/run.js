// One run: a message that turns from its place in line, through a bar and a preview, into the result.

import { ask, copy, make, say, word } from "./dom.js";
import { named } from "./presets.js";
import { view as viewer } from "./viewer.js";

export const UNDER_WAY = ["waiting", "running", "delivering", "held", "paused"];
export const SURE = 5000; // milliseconds in which a second press deletes

export class Run {
  constructor(view, actions, tag = "li") {
    this.actions = actions;
    this.element = make(tag, { "data-run": view.id });
    this.show(view, true);
  }

  /** Show a run whole. `quiet`: it did not just now come to its end while the visitor watched. */
  show(view, quiet) {
    if (this.view && JSON.stringify(this.view) === JSON.stringify(view)) return;
    const developed = !quiet && this.view && this.view.state !== "done" && view.state === "done";
    const focused = this.element.contains(document.activeElement) ? document.activeElement.dataset.act : undefined;
    const held = focused === undefined && this.element.contains(document.activeElement);
    this.view = view;
    this.pill = make("span", { class: "pill" });
    this.line = make("p", { class: "now" });
    this.develops = make("div", { class: "develops" });
    this.article = make("article", { tabindex: "-1", class: developed ? "fresh" : null });
    this.article.append(this.heading(view), ...this.asked(), this.develops, ...this.results(), this.line, ...this.warnings(), this.details(), this.buttons());
    this.element.replaceChildren(this.article);
    this.status(view);
    if (focused) (this.element.querySelector(`[data-act="${focused}"]`) ?? this.article).focus();
    else if (held) this.article.focus();
  }

  heading(view) {
    const { time, when } = clocked(view.asked);
    this.article.setAttribute("aria-label", word("asked", { title: view.title, time: when }));
    return make("div", { class: "head" }, make("h3", {}, view.title), make("time", { datetime: time.toISOString() }, when), this.pill);
  }

  /** Show what changes while it is under way. */
  status({ state, line, fraction, preview }) {
    Object.assign(this.view, { state, line, fraction, preview });
    this.article.dataset.state = state;
    this.pill.textContent = word(`state_${state}`);
    this.line.textContent = line;
    this.line.classList.toggle("fault", state === "failed");
    this.line.hidden = !line;
    const running = state === "running" || state === "delivering";
    this.develops.hidden = !running;
    if (!running) return this.develops.replaceChildren();
    this.progress(fraction);
    this.glimpse(preview);
  }

  progress(fraction) {
    if (!this.develops.contains(this.bar)) {
      this.fill = make("span");
      const name = word("progress", { title: this.view.title });
      const values = { role: "progressbar", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100 };
      this.bar = make("div", { class: "bar", ...values }, this.fill);
      this.develops.append(this.bar);
    }
    this.bar.classList.toggle("unknown", fraction === null);
    if (fraction === null) return this.bar.removeAttribute("aria-valuenow");
    const percent = Math.round(fraction * 100);
    this.bar.setAttribute("aria-valuenow", percent);
    this.fill.style.inlineSize = `${percent}%`;
  }

  /** The newest preview, once the one before has arrived: however slow the line, it is never behind. */
  glimpse(url) {
    if (!url) return;
    this.wanted = url;
    if (this.loading) return;
    const image = new Image();
    this.loading = true;
    const done = (good) => {
      this.loading = false;
      if (good && this.develops.isConnected && !this.develops.hidden) this.see(image.src);
      if (this.wanted !== url) this.glimpse(this.wanted);
    };
    image.onload = () => done(true);
    image.onerror = () => done(false);
    image.src = url;
  }

  see(source) {
    let image = this.develops.querySelector("img");
    if (!image) {
      image = make("img", { class: "preview", alt: word("preview", { title: this.view.title }) });
      this.develops.append(image);
    }
    image.src = source;
  }

  asked() {
    const { inputs, said } = this.view;
    if (!inputs.length && !said) return [];
    const given = inputs.map((file) => {
      if (file.kind !== "image") return make("span", { class: "chip" }, file.filename);
      const label = word("given", { name: file.filename });
      const image = make("img", { src: file.url, alt: label, loading: "lazy", decoding: "async" });
      return make("button", { type: "button", class: "given", onclick: () => viewer(file) }, image);
    });
    return [make("div", { class: "asked" }, ...given, said ? make("p", {}, said) : null)];
  }

  /** Everything that was asked, whole: the words to copy, and the settings. It stays open where it was. */
  details() {
    const { words, settings } = this.view;
    const blocks = words.map(([name, text]) => {
      const button = make("button", { type: "button", class: "button copy", "data-act": `copy ${name}`, onclick: () => copy(text, shown) }, word("copy"));
      const shown = make("pre", { tabindex: "0" }, text);
      return make("div", {}, make("div", { class: "head" }, make("span", {}, name), button), shown);
    });
    const rest = settings.length ? make("pre", { tabindex: "0" }, settings.join("\n")) : null;
    const whole = make("details", { open: this.open, ontoggle: () => (this.open = whole.open) });
    whole.append(make("summary", { "data-act": "details" }, word("details")), ...blocks, ...(rest ? [rest] : []));
    return whole;
  }

  results() {
    const { files, texts } = this.view;
    const shown = files.map((file) => this.result(file));
    const group = make("div", { class: files.length > 1 ? "prints many" : "prints" }, ...shown);
    return [...(files.length ? [group] : []), ...texts.map((text) => make("pre", { tabindex: "0" }, text))];
  }

  result(file) {
    const label = word("result", { title: this.view.title, said: this.view.said || file.filename });
    const shown = {
      image: () =>
        make(
          "button",
          { type: "button", class: "print", "data-act": `open ${file.ref}`, "aria-label": word("open", { name: file.filename }), onclick: () => viewer(file, label) },
          make("img", { src: file.url, alt: label, loading: "lazy", decoding: "async" }),
        ),
      video: () => make("video", { src: file.url, controls: true, loop: true, preload: "metadata", playsinline: true, "aria-label": label }),
      audio: () => make("audio", { src: file.url, controls: true, preload: "metadata", "aria-label": label }),
    }[file.kind];
    const name = file.filename;
    const links = make("div", { class: "links" }, make("a", { href: `${file.url}?download`, download: name, class: "button", "data-act": `save ${file.ref}` }, word("download")));
    if (shown) links.append(this.button("use", () => this.uses(file, links)));
    else links.prepend(make("span", { class: "chip" }, name));
    return make("div", { class: "result" }, shown?.(), links);
  }

  /** Ask which workflow a result is used in, where there are several. */
  uses(file, links) {
    const asked = links.parentElement.querySelector(".uses");
    if (asked) return asked.remove();
    const takers = this.actions.takers(this.view.workflow, file.kind);
    if (takers.length < 2) return this.actions.use(file, takers[0]);
    const use = (workflow) => {
      row.remove();
      this.actions.use(file, workflow);
    };
    const buttons = takers.map((each) => make("button", { type: "button", class: "button", onclick: () => use(each) }, each.title));
    const row = make("div", { class: "links uses", role: "group", "aria-label": word("use_in") }, make("span", {}, word("use_in")), ...buttons);
    links.after(row);
    buttons[0].focus();
  }

  warnings() {
    return this.view.warnings.map((text) => make("p", { class: "warning" }, text));
  }

  buttons() {
    const { state } = this.view;
    const row = make("div", { class: "buttons" });
    if (UNDER_WAY.includes(state)) {
      const cancel = this.button("cancel", () => this.cancel(cancel));
      if (this.view.cancelling) held(cancel);
      row.append(cancel);
      return row;
    }
    row.append(
      this.button("again", () => this.again()),
      this.button("change", () => this.actions.change(this.view)),
      this.button("keep", () => this.keep(row)),
      this.button("delete", (event) => this.erase(event.currentTarget)),
    );
    return row;
  }

  /** Ask for the name under which its values are kept. */
  keep(row) {
    row.parentElement.querySelector(".named")?.remove();
    const form = named(word("preset_name"), "", async (name) => {
      if (await this.actions.keep(this.view, name)) form.remove();
    });
    row.after(form);
  }

  /** The new run is the first of all, which may be out of sight. */
  async again() {
    if (await this.ask("POST", `runs/${this.view.id}/again`)) say(word("state_waiting"));
  }

  /** It may take the server a moment to let go. */
  async cancel(button) {
    if (button.getAttribute("aria-disabled") || !(await this.ask("POST", `runs/${this.view.id}/cancel`))) return;
    this.view.cancelling = true;
    held(button);
  }

  button(act, onclick) {
    return make("button", { type: "button", class: `button ${act}`, "data-act": act, onclick }, word(act));
  }

  /** Deleting takes two presses, so that a slip does no harm. */
  erase(button) {
    if (button.dataset.sure) return this.ask("DELETE", `runs/${this.view.id}`);
    button.dataset.sure = "yes";
    button.textContent = word("sure");
    setTimeout(() => {
      delete button.dataset.sure;
      button.textContent = word("delete");
    }, SURE);
  }

  async ask(method, url) {
    try {
      await ask(method, url);
      return true;
    } catch (fault) {
      say(word("failed", { reason: fault.message }));
      return false;
    }
  }
}

/** A moment, and how people write it: the time of today, else with its day. */
export function clocked(seconds) {
  const time = new Date(seconds * 1000);
  const clock = time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const today = time.toDateString() === new Date().toDateString();
  return { time, when: today ? clock : `${time.toLocaleDateString([], { day: "numeric", month: "short" })}, ${clock}` };
}

export function held(button) {
  button.setAttribute("aria-disabled", "true");
  button.textContent = word("cancelling");
}
