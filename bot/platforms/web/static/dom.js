// The words of the page, how its elements are made, and how it speaks: to the visitor, and to the server.

export const boot = JSON.parse(document.getElementById("boot").textContent);

/** A word by its name, with its gaps filled in. */
export function word(name, gaps = {}) {
  return boot.words[name].replace(/\{(\w+)\}/g, (whole, gap) => (gap in gaps ? String(gaps[gap]) : whole));
}

/** An element: `on…` are listeners, booleans are switches, and what is null is left out. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A picture that was drawn by hand: `d` is its path. */
export function icon(d) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", d);
  svg.append(path);
  return svg;
}

const sheets = new Map();

/** Load a stylesheet of the page that is not needed at first, once. */
export function styled(path) {
  if (!sheets.has(path)) {
    const link = make("link", { rel: "stylesheet", href: new URL(path, import.meta.url).href });
    sheets.set(path, new Promise((done) => (link.onload = link.onerror = done)));
    document.head.append(link);
  }
  return sheets.get(path);
}

/** A sheet over the page, which Escape closes; `content` is drawn once its styles are there. */
export function dialog(label, kind, ...content) {
  const close = make("button", { type: "button", class: "icon close", "aria-label": word("close"), onclick: () => sheet.close() }, icon("M6 6l12 12M18 6L6 18"));
  const sheet = make("dialog", { class: `sheet ${kind}`, "aria-label": label }, make("div", { class: "sheet-head" }, make("h2", {}, label), close), ...content);
  sheet.addEventListener("close", () => sheet.remove());
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close()); // beside it
  document.body.append(sheet);
  sheet.showModal();
  return sheet;
}

const said = document.getElementById("said");
const SHOWN = 6000; // milliseconds
let hush = 0;
let standing = "";

/** Say something for a moment, to be seen and to be heard; what `stays` comes back after it, until it is no longer so. */
export function say(text, { stays = false } = {}) {
  clearTimeout(hush);
  if (stays) standing = text;
  said.textContent = text;
  if (!stays) hush = setTimeout(() => (said.textContent = standing), SHOWN);
}

/** What was said to stay is no longer so. */
export function unsay() {
  standing = "";
}

/** Copy a text. Where a browser does not let pages do that, it is selected instead. */
export async function copy(text, element) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    getSelection().selectAllChildren(element);
    if (!document.execCommand("copy")) return;
  }
  say(word("copied"));
}

/** Ask the server for something; its sentence is thrown where it will not. */
export async function ask(method, url, body) {
  let answer;
  try {
    answer = await fetch(url, { method, body, headers: { Accept: "application/json" } });
  } catch {
    throw new Error(word("unreachable"));
  }
  if (answer.status === 401) {
    location.reload();
    throw new Error(word("unreachable"));
  }
  const text = await answer.text();
  let data = {};
  try {
    data = JSON.parse(text);
  } catch {
    data = { error: text };
  }
  if (!answer.ok) throw Object.assign(new Error(data.error || answer.statusText), { faults: data.faults ?? [] });
  return data;
}
