// The first setup: says that something is being checked, and waits for the bot that comes after this page.

const PAUSE = 400; // milliseconds between two looks for the bot
const LONG = 75; // looks after which the terminal may know more

for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", (event) => {
    if (form.getAttribute("aria-busy") === "true") event.preventDefault();
    form.setAttribute("aria-busy", "true");
    event.submitter?.setAttribute("aria-disabled", "true");
  });
}

for (const form of document.querySelectorAll("form[data-ends]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void end(form, event.submitter);
  });
}

addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form")) free(form);
});

const others = document.querySelector("input[name='others'][value='yes']");
if (others !== null) {
  const group = others.closest("form").querySelector(".setup-token");
  const follow = () => { group.hidden = !others.checked; };
  others.closest("form").addEventListener("change", follow);
  follow();
}

async function end(form, button) {
  const told = document.getElementById("setup-end");
  told.className = "about";
  told.textContent = form.dataset.ends;
  let fault = "";
  try {
    const answer = await fetch(form.action, { method: "POST", redirect: "manual" });
    if (answer.type === "opaqueredirect") return location.reload(); // the page says why
    if (!answer.ok) fault = await answer.text();
  } catch {
    fault = form.dataset.gone;
  }
  if (fault) {
    told.className = "note fault";
    told.textContent = fault;
    told.focus();
    free(form);
    return;
  }
  for (let look = 1; !(await isThere()); look += 1) {
    if (look === LONG) told.textContent = form.dataset.long;
    await new Promise((go) => setTimeout(go, PAUSE));
  }
  location.assign("./");
}

async function isThere() {
  try {
    return (await fetch("healthz", { cache: "no-store" })).ok;
  } catch {
    return false; // nothing listens there just now
  }
}

function free(form) {
  form.removeAttribute("aria-busy");
  for (const each of form.querySelectorAll("[aria-disabled]")) each.removeAttribute("aria-disabled");
}
