// What a visitor sees who has nothing yet: a sentence, and workflows to begin with.

import { make, word } from "../dom.js";

const MOST = 12;

/** Draw it; a press on a workflow chooses it. */
export function welcome(element, { workflows, choose }) {
  const cards = workflows.able.slice(0, MOST).map((workflow) =>
    make("button", { type: "button", class: "starter", onclick: () => choose(workflow) }, workflows.picture(workflow, 320), make("b", { dir: "auto" }, workflow.title), make("span", { dir: "auto" }, workflow.description)),
  );
  element.replaceChildren(make("p", {}, word("empty")), make("div", { class: "starters" }, ...cards));
}
