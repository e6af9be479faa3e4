// A new graph for a draft: what an author changed in ComfyUI, given once more. Tells what became of the form.

import { ask, make, say, word } from "../dom.js";
import { dropping, sure } from "./studio.js";

export class NewGraph {
  /** `draft` is what gets the graph. */
  constructor(draft) {
    this.draft = draft;
    this.report = make("div", { class: "studio-report", tabindex: -1 });
    this.saved = make("div", { class: "studio-saved" });
    const zone = dropping("studio-graph-file", (body) => this.give("POST", "/graph/file", body), make("span", {}, word("studio_graph_drop")));
    this.element = make("div", { class: "studio-new-graph" }, make("p", { class: "about" }, word("studio_graph_about")), zone, this.saved, this.report);
  }

  /** Offer what people saved in a ComfyUI, and `elsewhere` outside the folder that is watched. */
  offer(saved, elsewhere = []) {
    if (!saved.length && !elsewhere.length) return;
    const told = make("p", { class: "fault", role: "alert" });
    const choice = make("select", { id: "studio-graph-saved", required: true }, make("option", { value: "" }, word("studio_graph_choose")), ...saved.map((each) => option(each, "saved")), elsewhere.length ? make("optgroup", { label: word("studio_other_folders") }, ...elsewhere.map((each) => option(each, "elsewhere"))) : "");
    const take = async (event) => {
      event.preventDefault();
      told.textContent = await this.give("POST", "/graph", JSON.stringify({ kind: choice.selectedOptions[0].dataset.kind, id: choice.value }));
    };
    this.saved.replaceChildren(make("label", { for: choice.id }, word("studio_saved")), make("form", { class: "studio-search", onsubmit: take }, choice, make("button", { class: "button" }, word("studio_graph_take"))), told);
  }

  /** Offer other folders too, as soon as the servers have said what is there. */
  async offerElsewhere(saved) {
    const { found } = await ask("GET", "studio/elsewhere").catch(() => ({ found: [] }));
    if (found.length && !this.saved.contains(document.activeElement)) this.offer(saved, found);
  }

  /** Have the server give the draft a graph. Returns its sentence where it will not. */
  async give(method, path, body) {
    try {
      await this.draft.ready();
      this.draft.fill(await ask(method, this.draft.url + path, body));
    } catch (fault) {
      say("");
      return fault.message;
    }
    const { replaced } = this.draft.view;
    say(replaced ? word("studio_graph_given", { name: replaced.name }) : word("studio_graph_returned"));
    this.report.focus();
    return "";
  }

  show({ replaced, lost, fields }, cards) {
    const key = JSON.stringify([replaced, lost, fields.map(({ name, settings }) => [name, settings.title])]);
    if (key === this.key) return;
    this.key = key;
    const titles = new Map(cards.all.map((card) => [card.name, card.title]));
    const rows = lost.map((each) => this.lost(each, titles.get(each.field) ?? each.field, cards));
    const lines = [];
    for (const each of (replaced?.moved ?? []).filter(({ field }) => titles.has(field))) {
      const gaps = { title: titles.get(each.field), was: each.was_class || each.was, now: each.now_class || each.now, target: each.now };
      lines.push(word(each.was_class ? "studio_graph_doubt" : "studio_graph_moved", gaps));
    }
    if (replaced?.results.length) lines.push(word("studio_graph_results", { names: replaced.results.join(", ") }));
    if (replaced?.fresh) lines.push(word("studio_graph_fresh", { count: replaced.fresh }));
    if (replaced && !rows.length && !lines.length) lines.push(word("studio_graph_fits"));
    const back = replaced ? sure(make("button", { type: "button", class: "button" }, word("studio_graph_back")), word("studio_graph_back_sure"), async () => say((await this.give("DELETE", "/graph")) || word("studio_graph_returned"))) : null;
    this.report.replaceChildren(
      ...(replaced ? [make("h3", {}, make("bdi", {}, word("studio_graph_now", { name: replaced.name })))] : []),
      ...(rows.length ? [make("p", { class: "fault" }, word("studio_graph_lost")), make("ul", { class: "studio-rows" }, ...rows)] : []),
      ...(lines.length ? [make("ul", { class: "studio-told" }, ...lines.map((line) => make("li", {}, make("span", { dir: "auto" }, line))))] : []),
      ...(back ? [back] : []),
    );
  }

  /** A field whose input is gone: it can set another one, or go. */
  lost({ field, target, others }, title, cards) {
    const label = word("studio_graph_instead", { title });
    const choice = make("select", { "aria-label": label }, make("option", { value: "" }, label), ...others.map((each) => make("option", { value: each }, each)));
    choice.addEventListener("change", () => choice.value && cards.retarget(field, target, choice.value));
    const gone = make("button", { type: "button", class: "button", "aria-label": word("studio_remove", { title }), onclick: () => cards.lose(field, target) }, word("studio_graph_remove"));
    const about = make("div", {}, make("b", { dir: "auto" }, title), make("small", { dir: "auto" }, word("studio_graph_gone", { target })));
    return make("li", {}, about, make("div", { class: "buttons" }, others.length ? choice : null, gone));
  }
}

function option({ id, title, words }, kind) {
  return make("option", { value: id, "data-kind": kind }, words ? `${title} (${words})` : title);
}
