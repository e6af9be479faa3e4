// Keeps the first screen as things are: it asks for its parts while somebody can see them, and never otherwise.

const EVERY = 4000; // milliseconds between an answer and the next question

let room, wanted = true, busy = false, timer = 0;

export function keep(element) {
  room = element;
  const toggle = room.querySelector("#ctl-live");
  toggle.closest("label").hidden = false;
  toggle.addEventListener("change", () => {
    wanted = toggle.checked;
    plan(0);
  });
  document.addEventListener("visibilitychange", () => plan(0));
  room.addEventListener("submit", press);
  plan(EVERY);
}

function plan(after) {
  clearTimeout(timer);
  if (wanted && !document.hidden && !busy) timer = setTimeout(look, after);
}

async function look() {
  busy = true;
  try {
    const answer = await fetch(room.dataset.live);
    if (!answer.ok) throw new Error(answer.status);
    const told = parsed(await answer.text());
    if (wanted) put(told); // it may have been stopped meanwhile
    lost(false);
  } catch {
    lost(true);
  }
  busy = false;
  plan(EVERY);
}

// A press is answered in place, by the page that would be shown without this.
async function press(event) {
  const form = event.target, button = event.submitter;
  if (form.method !== "post" || busy === form) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy")) return;
  form.setAttribute("aria-busy", "true");
  const given = new URLSearchParams(new FormData(form, button));
  busy = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: given });
    if (!answer.ok) throw new Error(answer.status);
    const told = parsed(await answer.text());
    put(told);
    say(told);
    lost(false);
  } catch {
    lost(true);
  }
  form.removeAttribute("aria-busy");
  busy = false;
  plan(EVERY);
}

const parsed = (text) => new DOMParser().parseFromString(text, "text/html");

function say(told) {
  for (const old of room.querySelectorAll("[id^=said-]")) old.remove();
  const said = told.querySelector("[id^=said-]");
  if (!said) return;
  const section = document.getElementById(said.id.slice("said-".length)).closest("section");
  section.querySelector("h2").after(said);
  said.focus();
}

// Put in what has changed. What is open stays open, and what has the focus keeps it.
function put(told) {
  for (const part of room.querySelectorAll("[data-part]")) {
    const fresh = told.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!fresh) continue;
    for (const each of part.querySelectorAll("details[open]")) fresh.querySelector(`[id="${each.id}"]`)?.setAttribute("open", "");
    if (fresh.innerHTML === part.innerHTML) continue;
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    if (focused?.matches("input, select, textarea")) continue; // somebody is typing here
    const scroll = [...part.querySelectorAll("[tabindex='0']")].map((each) => each.scrollTop);
    part.replaceChildren(...fresh.childNodes);
    part.querySelectorAll("[tabindex='0']").forEach((each, number) => (each.scrollTop = scroll[number] ?? 0));
    if (focused?.id) document.getElementById(focused.id)?.focus({ preventScroll: true });
    else if (focused) [...part.querySelectorAll(focused.localName)].find((each) => each.textContent === focused.textContent)?.focus({ preventScroll: true });
  }
}

function lost(is) {
  const told = room.querySelector(".ctl-lost");
  const words = is ? told.dataset.words : "";
  if (told.textContent !== words) told.textContent = words;
}
