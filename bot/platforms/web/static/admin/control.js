// The control room: what is on its screens works without this; this makes them live, and quick.

const live = document.querySelector("[data-live]");
if (live) import("./live.js").then((module) => module.keep(live));
