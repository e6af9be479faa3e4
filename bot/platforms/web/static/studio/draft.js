// A draft: what it is, the fields of its form beside the inputs of its graph, the form as members see it, and publishing.

import { ask, make, say, word } from "../dom.js";
import { Cards } from "./cards.js";
import { Graph } from "./graph.js";
import { NewGraph } from "./new_graph.js";
import { Preview } from "./preview.js";
import { place, sure } from "./studio.js";

const PAUSE = 400; // milliseconds without a change after which it is saved

export async function show(main, id) {
  const draft = new Draft(await ask("GET", `studio/drafts/${id}`));
  main.replaceChildren(draft.element);
  return draft;
}

class Draft {
  constructor(view) {
    this.view = view;
    this.url = `studio/drafts/${view.id}`;
    const edited = () => this.edited();
    this.title = make("input", { id: "studio-title", maxlength: 100, autocomplete: "off", dir: "auto", oninput: edited });
    this.description = make("textarea", { id: "studio-description", rows: 2, maxlength: 2000, dir: "auto", oninput: edited });
    this.cards = new Cards(edited, (name, target) => this.kind(name, target));
    this.graph = new Graph((input, is) => (is ? this.cards.add(input) : this.cards.drop(input.target)));
    this.preview = new Preview(() => this.tried());
    this.given = new NewGraph(this);
    this.about = make("div", { class: "studio-about" });
    this.missing = make("section", { class: "studio-panel", "aria-labelledby": "studio-missing" });
    this.faults = make("div", { class: "studio-mistakes", role: "status" });
    this.old = make("div", { class: "studio-old", role: "status" });
    this.kept = make("p", { class: "studio-kept", role: "status" });
    this.publishing = make("section", { class: "studio-panel studio-publish", "aria-labelledby": "studio-publish" });
    this.element = this.arranged();
    this.left = new AbortController();
    addEventListener("beforeunload", (event) => (this.pause || this.fault) && event.preventDefault(), { signal: this.left.signal });
    this.fill(view);
    this.offer();
  }

  arranged() {
    const facts = panel("studio_about", labelled("studio_name", this.title), labelled("studio_description", this.description), this.about);
    const left = make("div", { class: "studio-column" }, facts, this.missing, panel("studio_fields", make("p", { class: "about" }, word("studio_fields_about")), this.cards.element));
    const middle = make("div", { class: "studio-column" }, panel("studio_graph_new", this.given.element), panel("studio_graph", this.graph.element));
    const right = make("div", { class: "studio-column studio-side" }, this.faults, panel("studio_preview", this.preview.element), this.preview.result, this.publishing);
    const back = make("p", { class: "studio-bar" }, make("a", { href: "#" }, word("studio_home")), this.kept);
    return make("div", {}, back, this.old, make("div", { class: "studio-desk" }, left, middle, right));
  }

  /** Show a draft whole, as it was read. */
  fill(view) {
    this.title.value = view.title;
    this.description.value = view.description;
    this.cards.fill(view.fields);
    this.take(view);
  }

  /** Show what the server says of the draft as it is now; what is being typed stays. */
  take(view) {
    this.view = view;
    this.edition = view.edition;
    document.title = `${view.title} · ${word("studio_title")}`;
    this.graph.show(view.nodes, this.cards.targets);
    this.given.show(view, this.cards);
    this.preview.show(view.preview);
    const lines = [word("studio_nodes_count", { count: view.count }), view.results.length ? word("studio_results", { names: view.results.join(", ") }) : "", view.models.length ? word("studio_models", { names: view.models.join(", ") }) : "", view.paid.length ? word("studio_paid", { names: view.paid.join(", ") }) : ""];
    this.about.replaceChildren(make("ul", {}, ...lines.filter(Boolean).map((line) => row(line))));
    this.missing.replaceChildren(make("h2", { id: "studio-missing" }, word("studio_missing")), ...lacking(view));
    const mistakes = view.faults.map((each) => row(make("b", {}, [each.file, place(each)].filter(Boolean).join(", ")), ` ${each.reason}`));
    this.faults.replaceChildren(...(mistakes.length ? [make("h2", {}, word("studio_mistakes")), make("ul", {}, ...mistakes), make("p", {}, word("studio_preview_faults"))] : []));
    for (const card of this.cards.all) card.blame(view.faults.find((each) => each.field === card.name)?.reason ?? "");
    if (this.stale) return;
    if (view.old !== Boolean(this.old.children.length)) this.tellOld(view.old);
  }

  tellOld(is) {
    if (!is) return this.old.replaceChildren();
    const load = sure(make("button", { type: "button", class: "button" }, word("studio_load")), word("studio_load_sure"), () => this.reload());
    this.old.replaceChildren(make("p", {}, word("studio_old", { title: this.view.base_title })), load);
  }

  /** Find out what is no longer as it is shown: the draft itself, by another tab, or the files that it changes. */
  async outdated() {
    const now = await ask("GET", this.url);
    if (now.edition === this.edition) return this.tellOld(true);
    this.stale = true;
    const load = sure(make("button", { type: "button", class: "button" }, word("studio_load_draft")), word("studio_load_sure"), async () => {
      const view = await ask("GET", this.url);
      clearTimeout(this.pause);
      this.pause = 0;
      this.stale = this.fault = null;
      this.old.replaceChildren();
      this.fill(view);
      this.kept.textContent = "";
      say(word("studio_loaded_draft"));
    });
    this.old.replaceChildren(make("p", {}, word("studio_elsewhere")), load);
  }

  async reload() {
    clearTimeout(this.pause);
    this.pause = 0;
    const view = await ask("POST", `${this.url}/reload`);
    history.replaceState(null, "", `#draft/${view.id}`);
    this.url = `studio/drafts/${view.id}`;
    this.fill(view);
    say(word("studio_loaded"));
  }

  kind(name, target) {
    const field = this.view.preview?.fields.find((each) => each.name === name);
    if (field) return field.kind;
    for (const node of this.view.nodes) for (const input of node.inputs) if (input.target === target) return input.kind;
    return "text";
  }

  edited() {
    clearTimeout(this.pause);
    this.kept.textContent = word("studio_keeping");
    this.graph.mark(this.cards.targets);
    this.pause = setTimeout(() => this.save(), PAUSE);
  }

  /** Save one after the other; only the last answer is shown, and only if nothing was changed meanwhile. */
  save() {
    clearTimeout(this.pause);
    this.pause = 0;
    this.saving = (this.saving ?? Promise.resolve()).then(async () => {
      const known = this.cards.sent();
      const body = JSON.stringify({ title: this.title.value.trim(), description: this.description.value.trim(), fields: this.cards.said, edition: this.edition });
      try {
        const view = await ask("POST", this.url, body);
        known();
        this.edition = view.edition;
        this.kept.textContent = word("studio_kept");
        this.fault = null;
        if (!this.pause) this.take(view);
      } catch (fault) {
        this.fault = fault;
        this.kept.textContent = fault.message;
        await this.blamed(fault);
      }
    });
    return this.saving;
  }

  /** Wait until the server has all that was typed. Throws where it will not take it. */
  async ready() {
    if (this.pause) this.save();
    await this.saving;
    if (this.fault) throw this.fault;
  }

  /** Have the draft as it is shown tried; returns the workflow as which it runs. */
  async tried() {
    await this.ready();
    try {
      return (await ask("POST", `${this.url}/try`, JSON.stringify({ edition: this.edition }))).workflow;
    } catch (fault) {
      await this.blamed(fault);
      throw fault;
    }
  }

  async blamed(fault) {
    if (fault.faults?.some(({ field }) => field === "old")) await this.outdated().catch(() => {});
  }

  async leave() {
    this.left.abort();
    this.cards.leave();
    this.preview.leave();
    if (this.pause) this.save();
    await this.saving;
    if (this.fault) say(this.fault.message);
  }

  /** Draw what publishes it, and for whom. */
  async offer() {
    const { view } = this;
    const told = make("p", { class: "fault", role: "alert" });
    const button = make("button", { class: "main" }, word(view.base ? "studio_publish_changes" : "studio_publish"));
    const name = make("input", { id: "studio-publish-name", maxlength: 60, autocomplete: "off", required: true });
    name.value = view.title;
    const where = make("select", { id: "studio-publish-where" }, make("option", { value: "" }, word("studio_publish_trial")));
    const choices = view.base ? [make("p", { class: "about" }, word("studio_publish_about", { title: view.base_title }))] : [labelled("studio_publish_name", name), labelled("studio_publish_where", where)];
    const send = async (event) => {
      event.preventDefault();
      told.textContent = "";
      try {
        await this.ready();
        const answer = await ask("POST", `${this.url}/publish`, JSON.stringify({ name: name.value, where: where.value, edition: this.edition }));
        location.hash = "";
        say(answer.told);
      } catch (fault) {
        told.textContent = fault.message;
        await this.blamed(fault);
      }
    };
    this.publishing.replaceChildren(make("h2", { id: "studio-publish" }, word("studio_publish")), make("form", { onsubmit: send }, ...choices, told, button));
    const all = await ask("GET", "studio/all").catch(() => null);
    this.given.offer(all?.saved ?? []);
    if (all?.open_everywhere) void this.given.offerElsewhere(all.saved);
    if (view.base || !all?.open_everywhere) return;
    where.append(make("option", { value: "everywhere" }, word("studio_publish_everywhere")), ...all.places.map((each) => make("option", { value: each.id }, each.name)));
  }
}

function lacking(view) {
  const nodes = view.nodes_lacking.map((each) => row(make("b", {}, word("studio_missing_node", { name: each.name })), each.pack ? ` ${word("studio_from_pack", { pack: each.pack })}` : "", link(each)));
  const models = view.models_lacking.map((each) => row(make("b", {}, each.name), [each.size ? ` (${each.size})` : "", each.folder ? ` ${word("studio_folder", { folder: each.folder })}` : ""].join(""), link(each)));
  const words = [view.refused, nodes.length + models.length ? "" : view.lacks].filter(Boolean).map((text) => make("p", { class: "fault", dir: "auto" }, text));
  if (!nodes.length && !models.length && !words.length) return [make("p", { class: "about" }, word("studio_ready"))];
  return [...words, make("ul", { class: "studio-lacks" }, ...nodes, ...models)];
}

function link({ url, name }) {
  if (!/^https?:\/\//.test(url ?? "")) return null;
  return make("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, word("studio_get", { name }));
}

/** A line of a list: its text has a direction of its own, its mark that of the page. */
export function row(...content) {
  return make("li", {}, make("span", { dir: "auto" }, ...content));
}

export function labelled(name, control) {
  return make("div", { class: "studio-labelled" }, make("label", { for: control.id }, word(name)), control);
}

function panel(name, ...content) {
  return make("section", { class: "studio-panel", "aria-labelledby": `${name}-head` }, make("h2", { id: `${name}-head` }, word(name)), ...content);
}
