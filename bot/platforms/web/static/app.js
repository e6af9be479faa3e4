// Puts the page together: the composer sends a request, and the stream tells what becomes of it.

import { ask, boot, dialog, icon, make, say, word } from "./dom.js";
import { Form } from "./composer/form.js";
import { taker, Workflows } from "./composer/workflows.js";
import { Runs } from "./results/runs.js";
import { listen } from "./stream.js";

const BOOKMARKS = "M8 7h9v14l-4.5-3.5L8 21zM5 17V4h9";
const READ = "M4 7V4h4M16 4h4v3M20 17v3h-4M8 20H4v-3M7 10h10M7 14h6";

const workflows = new Workflows();
const reading = make("input", { type: "file", class: "unseen", accept: "image/*", id: "read", onchange: () => read(reading) });
const tools = [
  make("label", { class: "icon", title: word("read_settings") }, icon(READ), make("span", { class: "unseen" }, word("read_settings")), reading),
  tool("presets", BOOKMARKS, async () => (await presets()).open()),
];
const form = new Form(document.getElementById("form"), { workflows, pick, tools, sent });
const takers = (after, kind) => workflows.takers(after, kind);
const keep = async (run, name) => (await presets()).act("keep", { run: run.id, name });
const runs = new Runs(document.getElementById("runs"), { workflows, change, use, takers, keep, choose });
let shelf = null;
export const acts = { change, use, takers }; // what may be done with a result, for the large view

/** Follow the addresses of the gallery; its scripts come with the first of them. */
async function gallery() {
  (await import("./gallery/route.js")).follow();
}

function tool(name, path, onclick) {
  return make("button", { type: "button", class: "icon", "aria-label": word(name), title: word(name), "aria-haspopup": "dialog", onclick }, icon(path));
}

/** The visitor's presets, which are loaded when they are needed first. */
async function presets() {
  const { Presets } = await import("./composer/presets.js");
  return (shelf ??= new Presets({ use: fillIn, changed: () => refresh(true) }));
}

async function pick() {
  const { picked } = await import("./composer/picker.js");
  const workflow = await picked(workflows, form.workflow);
  if (workflow) await choose(workflow);
}

/** Open the form of a workflow. Returns false if it cannot be had. */
async function choose(workflow, given = null) {
  try {
    form.show(await workflows.whole(workflow), given);
  } catch (fault) {
    say(fault.message);
    return false;
  }
  workflows.used(workflow.name);
  form.focus();
  return true;
}

function sent(id, workflow) {
  workflows.used(workflow.name);
  runs.expect(id);
}

/** Fill the form in as a run was. */
async function change(run) {
  const workflow = workflows.get(run.workflow);
  if (!workflow) return say(word("nowhere"));
  if (!(await choose(workflow, { values: run.values, files: run.inputs }))) return;
  const told = ({ text }) => form.workflow === workflow && form.tell(text);
  ask("GET", `runs/${run.id}/changes`).then(told, (fault) => say(fault.message));
}

/** Fill the form in with a preset; files that are there already stay. */
async function fillIn({ workflow: name, values, news }) {
  const workflow = workflows.get(name);
  if (!workflow) return say(word("nowhere"));
  if (!(await choose(workflow))) return;
  form.fill({ values, files: [] }, false);
  form.tell(news);
}

/** Fill a form in with the settings of a picture: the one that is open where it takes them, else the best. */
async function read(input) {
  const [file] = input.files;
  if (!file) return;
  const body = new FormData();
  body.append("picture", file);
  input.value = "";
  try {
    const { forms } = await ask("POST", "settings", body);
    const filled = forms.find((each) => each.workflow === form.workflow?.name) ?? forms[0];
    if (!filled || !workflows.get(filled.workflow)) return say(word("no_takers"));
    await fillIn(filled);
    say(word("settings_read", { title: workflows.get(filled.workflow).title }));
  } catch (fault) {
    say(fault.message);
  }
}

/** Put a result into the form of a workflow. */
async function use(file, workflow) {
  if (!workflow) return say(word("nowhere"));
  if (workflow.name !== form.workflow?.name && !(await choose(workflow))) return;
  const field = taker(form.workflow, file.kind);
  form.put(field.name, file);
  form.focus(field.name);
  say(word("put_into", { field: field.title, title: workflow.title }));
}

/** Look at the workflows as they are now, and with `whole` draw the form that is open again. */
async function refresh(whole = false) {
  boot.workflows = await ask("GET", "workflows");
  const workflow = workflows.get(form.workflow?.name);
  runs.look();
  if (!workflow || workflow.lacks) await start();
  else if (whole) form.show(await workflows.whole(workflow));
}

async function start() {
  const { first } = workflows;
  if (!first) return form.clear(word("no_workflows"));
  form.show(await workflows.whole(first));
}

/** The visitor's other accounts, which few ask for. */
async function accounts() {
  const { Accounts } = await import("./accounts.js");
  const joined = new Accounts();
  const erase = async () => (await import("./erase.js")).erase();
  const own = make("a", { href: "my-data", class: "button" }, word("own_data"));
  const less = make("button", { type: "button", class: "button grave", "aria-haspopup": "dialog", onclick: erase }, word("delete_data"));
  dialog(word("accounts"), "accounts", ...joined.content, make("div", { class: "buttons" }, own, less));
  await joined.load();
}

const PERSON = "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5";
document.querySelector(".tools").append(tool("accounts", PERSON, accounts));
const note = document.getElementById("note");
note.textContent = boot.note;
note.hidden = !boot.note;
start().catch((fault) => say(fault.message));
if (location.hash.startsWith("#gallery")) gallery();
else addEventListener("hashchange", gallery, { once: true });
listen(runs, () => refresh().catch((fault) => say(fault.message)));
