// The form as members see it, drawn by the composer; it runs the draft for its author alone.

import { ask, make, say, word } from "../dom.js";
import { Form } from "../composer/form.js";
import { Workflows } from "../composer/workflows.js";
import { listen } from "../stream.js";

const ENDED = ["done", "failed", "cancelled"];

class DraftForm extends Form {
  async left(control) {
    if (this.tried) await super.left(control);
  }

  /** Have the draft as it is now tried; the composer sends the values then. */
  async send(event) {
    event.preventDefault();
    if (!this.workflow || this.button.getAttribute("aria-disabled") === "true") return;
    try {
      this.busy(true);
      this.workflow.name = this.tried = await this.prepare();
    } catch (fault) {
      this.explain(fault);
      return;
    } finally {
      this.busy(false);
    }
    await super.send(event);
  }

  busy(is) {
    super.busy(is);
    if (!is) this.button.textContent = word("studio_try");
  }

  show(workflow) {
    super.show(workflow);
    this.button.textContent = word("studio_try");
    this.chosen.disabled = true;
  }
}

export class Preview {
  /** `prepare` has the draft as it is shown tried, and returns the workflow as which it runs. */
  constructor(prepare) {
    this.element = make("div", { class: "studio-preview", hidden: true });
    this.shown = make("div", { class: "studio-shown", "aria-live": "polite" }, make("p", { class: "about" }, word("studio_result_none")));
    this.result = make("section", { class: "studio-panel", "aria-labelledby": "studio-result" }, make("h2", { id: "studio-result" }, word("studio_result")), make("p", { class: "about" }, word("studio_try_about")), this.shown);
    this.form = new DraftForm(this.element, { workflows: new Workflows(), pick: () => {}, tools: [], sent: (id) => this.sent(id) });
    this.form.prepare = prepare;
  }

  show(preview) {
    const key = JSON.stringify(preview);
    if (!preview || key === this.key) return;
    this.form.tried = null;
    if (this.element.contains(document.activeElement)) return; // it is being filled in
    this.key = key;
    this.element.hidden = false;
    this.form.show(preview);
  }

  sent(id) {
    this.id = id;
    this.draw({ state: "waiting", line: word("sending") });
    if (this.stream) return this.runs.reopen();
    this.stream = true;
    const own = (run) => run.id === this.id && this.draw(run);
    this.runs = { count: 5, all: (runs) => runs.forEach(own), put: own, status: (run) => run.id === this.id && this.draw({ ...this.last, ...run }), remove: () => {} };
    listen(this.runs, () => {});
  }

  draw(run) {
    this.last = run;
    const bar = typeof run.fraction === "number" ? make("progress", { max: 1, value: run.fraction, "aria-label": run.line }) : null;
    const waits = !ENDED.includes(run.state) && run.id;
    const cancel = waits ? make("button", { type: "button", class: "button", onclick: () => ask("POST", `runs/${run.id}/cancel`).catch((fault) => say(fault.message)) }, word("cancel")) : null;
    const picture = run.preview ? make("img", { src: run.preview, alt: "" }) : null;
    const texts = (run.texts ?? []).map((text) => make("pre", { dir: "auto", tabindex: 0 }, text));
    const warnings = (run.warnings ?? []).map((text) => make("p", { class: "warning" }, text));
    const line = run.line ? make("p", { class: run.state === "failed" ? "fault" : "about", dir: "auto" }, run.line) : null;
    this.shown.replaceChildren(...[line, bar, picture, ...(run.files ?? []).map(shownFile), ...texts, ...warnings, cancel].filter(Boolean));
  }

  leave() {
    this.id = null;
    this.form.leave();
  }
}

function shownFile(file) {
  const drawn = {
    image: () => make("a", { href: file.url, target: "_blank", rel: "noopener" }, make("img", { src: file.url, alt: file.filename })),
    video: () => make("video", { src: file.url, controls: true, "aria-label": file.filename }),
    audio: () => make("audio", { src: file.url, controls: true, "aria-label": file.filename }),
  }[file.kind];
  return drawn?.() ?? make("a", { href: file.url, download: file.filename }, file.filename);
}
