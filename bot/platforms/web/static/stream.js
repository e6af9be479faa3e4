// The stream of server-sent events. It begins with everything each time, so that a break loses nothing.

import { say, word } from "./dom.js";

const SHORTEST = 500; // milliseconds before it is tried again
const LONGEST = 8000;
const HIDDEN = 30000; // milliseconds after which a tab that nobody sees gives its connection back: a browser has few

/** Tell `runs` all that the server says; `workflows` is called when others can run. */
export function listen(runs, workflows) {
  let pause = SHORTEST;
  let lost = false;
  let source = null;

  function open() {
    source?.close();
    source = new EventSource(runs.count ? `stream?count=${runs.count}` : "stream");
    on("state", (data) => {
      pause = SHORTEST;
      if (lost) say(word("back"));
      if (lost) workflows();
      lost = false;
      document.body.classList.remove("lost");
      runs.all(data.runs, data.more);
    });
    on("run", (data) => runs.put(data));
    on("status", (data) => runs.status(data));
    on("gone", (data) => runs.remove(data.id));
    on("workflows", workflows);
    source.onerror = broken;
  }

  function on(name, take) {
    source.addEventListener(name, (event) => take(JSON.parse(event.data)));
  }

  function broken() {
    source.close();
    if (!lost) say(word("lost"), { stays: true });
    lost = true;
    document.body.classList.add("lost");
    setTimeout(again, pause);
    pause = Math.min(pause * 2, LONGEST);
  }

  /** A door that was closed meanwhile shows itself when the page is loaded anew. */
  async function again() {
    const answer = await fetch("workflows").catch(() => null);
    if (answer?.status === 401) location.reload();
    else open();
  }

  runs.reopen = open;
  let rest = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(rest);
    if (document.hidden) rest = setTimeout(() => source.close(), HIDDEN);
    else if (source.readyState === EventSource.CLOSED && !lost) open();
  });
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}
