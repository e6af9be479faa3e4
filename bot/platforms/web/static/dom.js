// The words of the page, and how its elements are made.

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

const said = document.getElementById("said");
let hush = 0;

/** Say something, to be seen and to be heard. */
export function say(text, { stays = false } = {}) {
  clearTimeout(hush);
  said.textContent = text;
  if (!stays) hush = setTimeout(() => (said.textContent = ""), 6000);
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
