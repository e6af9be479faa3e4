// A visitor's other accounts: a code joins this one with them, after the visitor has read what that means.

import { ask, make, say, word } from "./dom.js";

export class Accounts {
  constructor() {
    this.lines = make("ul", { class: "in-line" });
    this.told = make("div", { class: "about", role: "status" });
    this.code = make("input", { maxlength: 20, required: true, autocomplete: "off", spellcheck: "false", oninput: () => this.ask(false) });
    this.join = make("button", { class: "button" }, word("join"));
    this.part = make("button", { type: "button", class: "button", onclick: () => this.act("end") }, word("part"));
    const send = (event) => {
      event.preventDefault();
      this.send();
    };
    const typed = make("form", { class: "named", onsubmit: send }, make("label", {}, make("span", {}, word("other_code")), this.code), this.join);
    const make_code = make("button", { type: "button", class: "button", onclick: () => this.act("code") }, word("make_code"));
    this.content = [make("p", { class: "about" }, word("accounts_about")), this.lines, make("div", { class: "buttons" }, make_code, this.part), this.told, typed];
  }

  async load() {
    await this.tried(() => ask("GET", "links"));
  }

  /** Ask what a code means, and use it when the visitor presses once more. */
  async send() {
    const code = this.code.value;
    if (!code.trim()) return;
    if (!this.sure) return (await this.act("look", code)) && this.ask(true);
    if (await this.act("join", code)) this.code.value = "";
    this.ask(false);
  }

  ask(sure) {
    this.sure = sure;
    this.join.textContent = word(sure ? "join_sure" : "join");
  }

  async act(act, code = "") {
    const body = new FormData();
    body.append("act", act);
    body.append("code", code);
    return this.tried(() => ask("POST", "links", body));
  }

  async tried(work) {
    try {
      const { text, lines } = await work();
      this.lines.replaceChildren(...lines.map((line) => make("li", {}, line)));
      this.part.hidden = !lines.length;
      this.told.replaceChildren(...text.split("\n").map((line) => make("p", {}, line)));
      return true;
    } catch (fault) {
      this.told.replaceChildren(make("p", { class: "fault" }, fault.message));
      say(fault.message);
      return false;
    }
  }
}
