// The stream of server-sent events. It begins with everything; after a break it goes on where it was.

import { say, unsay, word } from "./dom.js";

const SHORTEST = 500; // milliseconds before it is tried again where the browser does not do so by itself
const LONGEST = 8000;
const HIDDEN = 30000; // milliseconds after which a hidden tab gives its connection back: a browser has few

/** Tell `runs` all that the server says; `workflows` is called when others can run. */
export function listen(runs, workflows) {
  let pause = SHORTEST;
  let lost = false;
  let source = null;
  let heard = "";

  /** Open a stream: after what was heard last, or with everything. */
  function open(after = heard) {
    source?.close();
    source = new EventSource(`stream?${new URLSearchParams({ count: runs.count, after })}`);
    on("state", (data) => runs.all(data.runs, data.more));
    on("run", (data) => {
      runs.put(data);
      dispatchEvent(new CustomEvent("darkroom-run", { detail: data }));
    });
    on("status", (data) => runs.status(data));
    on("gone", (data) => {
      runs.remove(data.id);
      dispatchEvent(new CustomEvent("darkroom-gone", { detail: data }));
    });
    on("workflows", workflows);
    source.onopen = found;
    source.onerror = broken;
  }

  function on(name, take) {
    source.addEventListener(name, (event) => {
      heard = event.lastEventId;
      take(JSON.parse(event.data));
    });
  }

  function found() {
    pause = SHORTEST;
    if (!lost) return;
    lost = false;
    document.body.classList.remove("lost");
    unsay();
    say(word("back"));
    workflows();
  }

  function broken() {
    if (!lost) say(word("lost"), { stays: true });
    lost = true;
    document.body.classList.add("lost");
    if (source.readyState !== EventSource.CLOSED) return; // the browser comes back by itself
    setTimeout(again, pause);
    pause = Math.min(pause * 2, LONGEST);
  }

  /** If the page needs its token again, it asks for it when it is loaded again. */
  async function again() {
    const answer = await fetch("workflows").catch(() => null);
    if (answer?.status === 401) location.reload();
    else open();
  }

  runs.reopen = () => open("");
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
