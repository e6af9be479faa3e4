// The studio's first view: what an author can open, in which way; the others follow the address.

import { ask, boot, icon, make, say, word } from "../dom.js";

const main = document.getElementById("studio");
const FILE = "M6 3h8l4 4v14H6zM14 3v4h4M12 11v6M9 14h6";
const ways = { draft: () => import("./draft.js"), versions: () => import("./versions.js") };
let shown = null; // what is shown now: its `leave` is called before it goes

/** Show what the address says. */
async function follow() {
  const [kind, id] = location.hash.slice(1).split("/");
  document.title = word("studio_title");
  await shown?.leave?.();
  shown = null;
  try {
    if (kind in ways && id) shown = await (await ways[kind]()).show(main, decodeURIComponent(id));
    else await home();
  } catch (fault) {
    main.replaceChildren(make("p", { class: "note fault", role: "alert" }, fault.message), make("p", {}, make("a", { href: "#" }, word("studio_home"))));
  }
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

async function home() {
  const all = await ask("GET", "studio/all");
  const drafts = all.drafts.map((each) => row(each, each.words ? word("studio_changes_of", { title: each.words }) : "", [opens(each, () => go(`draft/${each.id}`)), discards(each)]));
  const workflows = all.workflows.map((each) => row(each, each.words, [opens(each, () => made("workflow", each.id)), make("a", { class: "button", href: `#versions/${encodeURIComponent(each.id)}`, "aria-label": word("studio_versions", { title: each.title }) }, word("studio_versions_short"))]));
  const saved = all.saved.map((each) => row(each, each.words, [opens(each, () => made("saved", each.id))]));
  const faults = all.faults.map((each) => make("li", {}, make("div", {}, make("b", { dir: "auto" }, each.file), make("small", {}, place(each)), make("span", { dir: "auto" }, each.reason))));
  main.replaceChildren(
    make("div", { class: "studio-home" },
      make("div", { class: "studio-column" }, panel("studio_new", dropping("studio-file", (body) => opening(ask("POST", "studio/files", body)), make("span", {}, word("studio_drop")), make("small", {}, word("studio_formats")))), drafts.length ? list("studio_drafts", drafts) : null, panel("studio_library", library())),
      make("div", { class: "studio-column" }, faults.length ? list("studio_faults", faults) : null, list("studio_workflows", workflows), list("studio_saved", saved, word("studio_saved_about"), all.open_everywhere ? elsewhere() : null))),
  );
}

/** The field and the line of a mistake, as far as they are known. */
export function place({ field, line }) {
  return [field, line ? word("studio_line", { line }) : ""].filter(Boolean).join(", ");
}

function panel(name, ...content) {
  return make("section", { class: "studio-panel", "aria-labelledby": name }, make("h2", { id: name }, word(name)), ...content.filter(Boolean));
}

function list(name, rows, about = "", more = null) {
  return panel(name, about ? make("p", { class: "about" }, about) : null, rows.length ? make("ul", { class: "studio-rows" }, ...rows) : make("p", { class: "about" }, word("studio_none")), more);
}

/** What is saved outside the folder that is watched: the servers are asked when it is opened. */
function elsewhere() {
  const found = make("ul", { class: "studio-rows" });
  const told = make("p", { class: "about", role: "status" });
  const view = make("details", {}, make("summary", {}, word("studio_other_folders")), make("p", { class: "about" }, word("studio_other_about")), told, found);
  view.addEventListener("toggle", async () => {
    if (!view.open) return;
    try {
      const answer = await ask("GET", "studio/elsewhere");
      found.replaceChildren(...answer.found.map((each) => row(each, each.words, [opens(each, () => made("elsewhere", each.id))])));
      told.textContent = answer.found.length ? "" : word("studio_other_none");
    } catch (fault) {
      found.replaceChildren();
      told.textContent = fault.message;
    }
  });
  return view;
}

function row(each, words, buttons) {
  return make("li", {}, make("div", {}, make("b", { dir: "auto" }, each.title), words ? make("small", { dir: "auto" }, words) : null), make("div", { class: "buttons" }, ...buttons));
}

function opens(each, onclick) {
  return make("button", { type: "button", class: "button", "aria-label": word("studio_open", { title: each.title }), onclick }, word("studio_edit"));
}

function discards(each) {
  const button = make("button", { type: "button", class: "button", "aria-label": word("studio_discard", { title: each.title }) }, word("delete"));
  return sure(button, word("studio_discard_sure"), async () => {
    await ask("DELETE", `studio/drafts/${each.id}`);
    await home();
  });
}

/** A button that does what cannot be undone when it is pressed once more. */
export function sure(button, question, act) {
  const label = button.getAttribute("aria-label");
  const text = button.textContent;
  const calm = () => {
    delete button.dataset.sure;
    button.textContent = text;
    if (label) button.setAttribute("aria-label", label);
  };
  button.addEventListener("blur", calm);
  button.addEventListener("click", () => {
    if ("sure" in button.dataset) return act().catch((fault) => say(fault.message));
    button.dataset.sure = "";
    button.textContent = question;
    button.setAttribute("aria-label", question);
  });
  return button;
}

function go(address) {
  location.hash = address;
}

async function made(kind, id) {
  await opening(ask("POST", "studio/drafts", JSON.stringify({ kind, id })));
}

async function opening(answer) {
  try {
    go(`draft/${(await answer).id}`);
    say("");
  } catch (fault) {
    say(fault.message);
    return fault.message;
  }
  return "";
}

/** A place for a file, which `send` takes as a form; its sentence is shown where the server will not have it. */
export function dropping(id, send, ...words) {
  const told = make("p", { class: "fault", role: "alert" });
  const view = make("span", { class: "view" }, icon(FILE), ...words);
  const input = make("input", { type: "file", class: "unseen", id, onchange: () => give(input.files[0]) });
  const zone = make("label", { class: "drop studio-drop", for: id }, input, view);
  const give = async (file) => {
    if (!file) return;
    told.textContent = "";
    if (file.size > boot.upload) return (told.textContent = word("too_large", { name: file.name, most: boot.upload / 1e6 }));
    say(word("studio_reading", { name: file.name }));
    const body = new FormData();
    body.append("file", file, file.name);
    told.textContent = await send(body);
    input.value = "";
  };
  zone.addEventListener("dragover", (event) => (event.preventDefault(), zone.classList.add("over")));
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    give(event.dataTransfer.files[0]);
  });
  return make("div", {}, zone, told);
}

function library() {
  const found = make("ul", { class: "studio-rows" });
  const told = make("p", { class: "about", role: "status" });
  const words = make("input", { type: "search", name: "words", maxlength: 100, autocomplete: "off", "aria-label": word("studio_find") });
  words.placeholder = word("studio_find");
  const search = async (event) => {
    event.preventDefault();
    try {
      const answer = await ask("GET", `studio/library?${new URLSearchParams({ words: words.value })}`);
      told.textContent = word("studio_found", { count: answer.found.length });
      found.replaceChildren(...answer.found.map((each) => row(each, each.words, [opens(each, () => made("template", each.id))])));
    } catch (fault) {
      told.textContent = fault.message;
    }
  };
  return make("div", { class: "studio-library" }, make("form", { class: "studio-search", onsubmit: search }, words, make("button", { class: "button" }, word("studio_search"))), told, found);
}

for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault()); // else the browser leaves the page for the file
addEventListener("hashchange", follow);
follow();
