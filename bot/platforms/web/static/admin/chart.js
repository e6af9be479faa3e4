// A chart whose values are told where one points, and walked through with the arrows.

export function read(figure) {
  const marks = [...figure.querySelectorAll(".ctl-mark")], readout = figure.querySelector(".ctl-readout");
  const columns = marks.filter((mark) => mark.firstElementChild.nextElementSibling.getAttribute("y") === marks[0].firstElementChild.nextElementSibling.getAttribute("y")).length;
  const tell = (mark) => {
    if (mark) readout.textContent = mark.getAttribute("aria-label");
  };
  for (const kind of ["pointerover", "focusin"]) figure.addEventListener(kind, (event) => tell(event.target.closest?.(".ctl-mark")));
  tell(figure.querySelector(".ctl-mark:is(:focus, :hover)")); // it was pointed at before this was here
  figure.addEventListener("keydown", (event) => {
    const at = marks.indexOf(event.target.closest?.(".ctl-mark"));
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -at, End: marks.length - 1 - at }[event.key];
    const next = at < 0 || step === undefined ? null : marks[at + step];
    if (!next) return;
    event.preventDefault();
    marks[at].setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  });
}
