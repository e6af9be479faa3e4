// The page of a link that a chat has handed out: it is opened, drawn on and sent by the one browser that opened it.

import { ask, boot, make } from "../dom.js";
import { edit, load } from "./editor.js";

const told = document.getElementById("told");
const ways = document.getElementById("ways");
const here = location.pathname.replace(/\/$/, "");
let words = null;
let earlier = null;

async function start() {
  try {
    words = await load();
    told.textContent = words.opening;
    await draw(await opened("open"));
  } catch (fault) {
    told.textContent = fault.message;
  }
}

async function draw(task) {
  ways.replaceChildren();
  told.textContent = `${task.title}: ${task.filename}`;
  const drawn = await edit({
    source: `${here}/plain`,
    whole: `${here}/whole`,
    name: task.filename,
    mask: true,
    sends: true,
    earlier,
    done: send,
  });
  if (drawn) {
    told.textContent = words.taken;
    return;
  }
  const again = make("button", { type: "button", class: "main", onclick: () => draw(task) }, words.open_again);
  ways.replaceChildren(again);
  again.focus();
}

async function send({ mask, crop }) {
  const body = new FormData();
  if (mask) body.append("mask", mask, "mask.png");
  if (crop) body.append("crop", crop);
  await opened("save", body);
}

/** Ask for a part of the link; its sentence is thrown where it is refused. */
function opened(part, body) {
  return ask("POST", `${here}/${part}`, body);
}

if (boot) start();
