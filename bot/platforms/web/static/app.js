// Puts the page together: a card chooses a workflow, its form sends a request, and the stream tells what becomes of it.

import { ask, boot, make, say, word } from "./dom.js";
import { Cards } from "./cards.js";
import { Form } from "./form.js";
import { follow } from "./gallery/route.js";
import { Line } from "./line.js";
import { Presets } from "./presets.js";
import { Runs } from "./runs.js";
import { listen } from "./stream.js";

const LAST = "darkroom.workflow";
const form = new Form(document.getElementById("form"));
const cards = new Cards(document.getElementById("cards"), choose);
const presets = new Presets(document.getElementById("presets"), { use: fillIn, changed: () => refresh(true) });
new Line(document.getElementById("in-line"));
joins(document.getElementById("accounts"));
const keep = (run, name) => presets.act("keep", { run: run.id, name });
const runs = new Runs(document.getElementById("runs"), { change, use, takers, keep });

/** The visitor's other accounts, which few ask for: their script is loaded when they do. */
function joins(element) {
  element.append(make("summary", {}, word("accounts")));
  const open = async () => {
    const { Accounts } = await import("./accounts.js");
    const accounts = new Accounts();
    element.append(...accounts.content);
    await accounts.load();
  };
  element.addEventListener("toggle", () => open().catch((fault) => say(fault.message)), { once: true });
}

function choose(workflow) {
  remember(workflow.name);
  form.show(workflow);
}

/** Fill the form in as a run was. */
function change(run) {
  const workflow = cards.get(run.workflow);
  if (!workflow) return say(word("nowhere"));
  cards.select(workflow.name);
  remember(workflow.name);
  form.show(workflow, { values: run.values, files: run.inputs });
  form.focus();
  const told = ({ text }) => form.workflow === workflow && form.tell(text);
  ask("GET", `runs/${run.id}/changes`).then(told, (fault) => say(fault.message));
}

/** Fill the form in with a preset; files that are there already stay. */
function fillIn({ workflow: name, values, news }) {
  const workflow = cards.get(name);
  if (!workflow) return say(word("nowhere"));
  cards.select(name);
  choose(workflow);
  form.fill({ values, files: [] }, false);
  form.tell(news);
  form.focus();
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
    if (!filled || !cards.get(filled.workflow)) return say(word("no_takers"));
    fillIn(filled);
    say(word("settings_read", { title: cards.get(filled.workflow).title }));
  } catch (fault) {
    say(fault.message);
  }
}

/** The field of a workflow that takes a file of this kind: of a video, the last picture can be taken. */
function taker(workflow, kind) {
  const field = (wanted) => workflow.fields.find((each) => each.kind === wanted);
  return field(kind) ?? (boot.films && kind === "video" ? field("image") : undefined);
}

/** The workflows that take a result, those first that the author of its own has chosen. */
function takers(after, kind) {
  const chosen = cards.get(after)?.next ?? [];
  const place = ({ name }) => (chosen.includes(name) ? chosen.indexOf(name) : chosen.length);
  const able = boot.workflows.filter((each) => !each.lacks && taker(each, kind));
  return able.sort((one, other) => place(one) - place(other));
}

/** Put a result into the form of a workflow. */
function use(file, workflow) {
  if (!workflow) return say(word("nowhere"));
  if (workflow.name !== form.workflow?.name) {
    cards.select(workflow.name);
    choose(workflow);
  }
  const field = taker(workflow, file.kind);
  form.put(field.name, file);
  form.focus(field.name);
  say(word("put_into", { field: field.title, title: workflow.title }));
}

/** Draw the workflows as they are now, and with `whole` the form that is open too. */
async function refresh(whole = false) {
  boot.workflows = await ask("GET", "workflows");
  cards.draw(boot.workflows);
  const workflow = cards.get(form.workflow?.name);
  if (workflow && !workflow.lacks) {
    cards.select(workflow.name);
    if (whole) form.show(workflow);
  }
  else start();
}

function start() {
  const able = boot.workflows.filter((workflow) => !workflow.lacks);
  const first = able.find((workflow) => workflow.name === remembered()) ?? able[0];
  if (!first) return form.clear(word("no_workflows"));
  cards.select(first.name);
  form.show(first);
}

function remember(name) {
  try {
    localStorage.setItem(LAST, name);
  } catch {
    // a browser that keeps nothing starts with the first
  }
}

function remembered() {
  try {
    return localStorage.getItem(LAST);
  } catch {
    return null;
  }
}

const reading = document.getElementById("read");
document.getElementById("read-label").textContent = word("read_settings");
reading.addEventListener("change", () => read(reading));
const note = document.getElementById("note");
note.textContent = boot.note;
note.hidden = !boot.note;
cards.draw(boot.workflows);
start();
follow({ change, use, takers });
listen(runs, () => refresh().catch((fault) => say(fault.message)));
