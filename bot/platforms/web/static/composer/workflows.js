// The workflows that can be run here, those that the visitor used last, and the picture of each.

import { ask, boot, icon, make } from "../dom.js";

const KEPT = "darkroom.workflows";
const RECENT = 6;
const PLACEHOLDER = "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5h.01";

export class Workflows {
  constructor() {
    this.results = new Map(); // the newest picture that each has made for this visitor
  }

  get all() {
    return boot.workflows;
  }

  get able() {
    return boot.workflows.filter((workflow) => !workflow.lacks);
  }

  get(name) {
    return boot.workflows.find((workflow) => workflow.name === name);
  }

  /** A workflow with its form, which the page has not at first where there are many. */
  async whole(workflow) {
    if (!workflow.fields) Object.assign(workflow, await ask("GET", `workflows/${encodeURIComponent(workflow.name)}`));
    return workflow;
  }

  /** The one to begin with: the one that was used last. */
  get first() {
    return this.recent[0] ?? this.able[0];
  }

  get recent() {
    return kept().map((name) => this.able.find((workflow) => workflow.name === name)).filter(Boolean);
  }

  used(name) {
    const names = [name, ...kept().filter((each) => each !== name)].slice(0, RECENT);
    try {
      localStorage.setItem(KEPT, JSON.stringify(names));
    } catch {
      // a browser that keeps nothing starts with the first
    }
  }

  /** The author's picture, else the newest result, else a placeholder. */
  picture(workflow, size) {
    const own = workflow.picture ? `cards/${encodeURIComponent(workflow.name)}` : this.results.get(workflow.name);
    if (!own) return make("span", { class: "picture none" }, icon(PLACEHOLDER));
    return make("img", { class: "picture", src: own, alt: "", width: size, height: size, loading: "lazy", decoding: "async" });
  }

  /** Notice what a run has made. */
  made(view) {
    const picture = view.files.find(({ kind }) => kind === "image");
    if (picture && !this.results.has(view.workflow)) this.results.set(view.workflow, picture.url);
  }

  /** The workflows that take a result, those first that the author of its own has chosen. */
  takers(after, kind) {
    const chosen = this.get(after)?.next ?? [];
    const place = ({ name }) => (chosen.includes(name) ? chosen.indexOf(name) : chosen.length);
    const kinds = kind === "video" && boot.films ? [kind, "image"] : [kind];
    return this.able.filter(({ takes }) => kinds.some((each) => takes.includes(each))).sort((one, other) => place(one) - place(other));
  }
}

/** The field of a workflow that takes a file of this kind: of a video, the last picture can be taken. */
export function taker(workflow, kind) {
  const field = (wanted) => workflow.fields.find((each) => each.kind === wanted);
  return field(kind) ?? (boot.films && kind === "video" ? field("image") : undefined);
}

function kept() {
  try {
    const names = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(names) ? names : [];
  } catch {
    return [];
  }
}
