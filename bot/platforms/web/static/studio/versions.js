// The versions of a workflow: what changed, who changed it, and when; and the way back to one.

import { ask, make, say, word } from "../dom.js";
import { sure } from "./studio.js";

export async function show(main, id) {
  const url = `studio/versions/${encodeURIComponent(id)}`;
  const draw = async () => {
    const { title, versions } = await ask("GET", url);
    const label = word("studio_versions", { title });
    document.title = `${label} · ${word("studio_title")}`;
    const newest = versions.find(({ current }) => current)?.version;
    const rows = versions.map((each) => drawn(each, (version) => back(version, newest)));
    main.replaceChildren(make("p", { class: "studio-bar" }, make("a", { href: "#" }, word("studio_home"))), make("section", { class: "studio-panel studio-versions", "aria-labelledby": "studio-versions" }, make("h2", { id: "studio-versions", dir: "auto" }, label), make("ol", { class: "studio-rows" }, ...rows)));
  };
  const back = async (version, newest) => {
    const { told } = await ask("POST", url, JSON.stringify({ version, newest }));
    await draw();
    main.focus();
    say(told);
  };
  await draw();
  return {};
}

function drawn(each, back) {
  const when = new Date(each.at * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const changes = each.changes.length ? make("ul", {}, ...each.changes.map((text) => make("li", { dir: "auto" }, text))) : make("p", { class: "about" }, word("studio_first"));
  const head = make("p", {}, make("b", {}, make("time", { datetime: new Date(each.at * 1000).toISOString() }, when)), " ", make("small", {}, each.who ? word("studio_by", { who: each.who }) : word("studio_by_hand")), each.current ? make("span", { class: "pill" }, word("studio_current")) : null);
  const button = each.current ? null : sure(make("button", { type: "button", class: "button", "aria-label": word("studio_back", { time: when }) }, word("studio_back_short")), word("studio_back_sure"), () => back(each.version));
  return make("li", {}, make("div", {}, head, changes), button ? make("div", { class: "buttons" }, button) : null);
}
