// Results that wait for a moderator, by the keyboard: S sees one large, Y says yes, N says no, arrows go to the next.

const large = document.querySelector(".ctl-large");

export function begin() {
  document.addEventListener("keydown", key);
  document.addEventListener("click", (event) => {
    const see = event.target.closest(".ctl-see");
    if (!see || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    show(see);
  });
  document.addEventListener("submit", decide);
}

const cards = () => [...document.querySelectorAll("[data-review] > article")];

function key(event) {
  const card = event.target.closest?.("[data-review] > article");
  if (!card || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, video, audio")) return;
  const every = cards(), at = every.indexOf(card);
  const forward = getComputedStyle(card).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
  const step = { ArrowDown: 1, ArrowUp: -1, ArrowRight: forward === "ArrowRight" ? 1 : -1, ArrowLeft: forward === "ArrowLeft" ? 1 : -1 }[event.key];
  if (step && event.target === card) {
    event.preventDefault();
    every[at + step]?.focus();
    return;
  }
  const wanted = card.querySelector(`[data-key="${event.key.toLowerCase()}"]`);
  if (!wanted) return;
  event.preventDefault();
  if (wanted.matches(".ctl-see")) show(wanted);
  else wanted.form.requestSubmit(wanted);
}

function show(see) {
  const picture = document.createElement("img"), small = see.querySelector("img");
  picture.src = see.href;
  picture.alt = small.alt;
  large.querySelector(":scope > div").replaceChildren(picture);
  see.closest("article").focus(); // what has the focus now has it again when the dialog closes
  large.showModal();
}

// A decision is answered in place, and the next result has the focus.
async function decide(event) {
  const form = event.target, card = form.closest("[data-review] > article");
  if (!card) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy")) return;
  form.setAttribute("aria-busy", "true");
  const at = cards().indexOf(card), given = new URLSearchParams(new FormData(form, event.submitter));
  let told;
  try {
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body: given });
    if (!answer.ok) throw new Error(answer.status);
    told = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    form.removeAttribute("aria-busy");
    HTMLFormElement.prototype.submit.call(withAct(form, event.submitter)); // the browser says what is wrong
    return;
  }
  for (const part of document.querySelectorAll(".ctl-section > section")) {
    const fresh = told.querySelector(`.ctl-section > [aria-labelledby="${part.getAttribute("aria-labelledby")}"]`);
    if (fresh) part.replaceWith(fresh);
  }
  document.querySelector(".ctl-toc")?.replaceWith(told.querySelector(".ctl-toc"));
  const every = cards(), next = every[Math.min(at, every.length - 1)];
  (next ?? document.querySelector("[id^=said-]"))?.focus();
}

function withAct(form, button) {
  const act = document.createElement("input");
  Object.assign(act, { type: "hidden", name: button.name, value: button.value });
  form.append(act);
  return form;
}
