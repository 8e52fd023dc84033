/* Figures that move (ncssl.plots.motion): a button and a slider under each. Without this script
they stand still, and where the system asks for less motion only the slider moves them. */
(() => {
  "use strict";
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  function bring(figure) {
    const { said, still, seconds, marks } = JSON.parse(figure.querySelector("script").textContent);
    const last = said.length - 1;
    const parts = marks.map((mark, i) => {
      const group = figure.querySelector(`[id$="-move-${i}"]`);
      return { ...mark, group, inner: group.querySelector(mark.words ? "text" : "path") };
    });
    const [button, slider, words] = ["button", "input", "span"].map((name) =>
      document.createElement(name),
    );
    let [at, playing, moved] = [still, false, false];

    /* The figure at a frame, or between two. */
    function show(frame) {
      at = frame;
      const [from, to] = [Math.floor(at), Math.min(Math.floor(at) + 1, last)];
      const between = (values) => values[from] + (at - from) * (values[to] - values[from]);
      for (const { x, y, opacity, words: texts, group, inner } of parts) {
        if (x) group.style.transform = `translate(${between(x)}px, ${between(y)}px)`;
        if (opacity) inner.style.opacity = between(opacity);
        if (texts) inner.textContent = texts[from];
      }
      slider.value = from;
      slider.setAttribute("aria-valuetext", said[from]);
      words.textContent = said[from];
    }

    function pause() {
      playing = false;
      button.textContent = "Play";
    }

    function play() {
      playing = true;
      button.textContent = "Pause";
      if (!moved || at >= last) show(0);
      moved = true;
      let before = null;
      const next = (now) => {
        if (!playing) return;
        if (before !== null) show(Math.min(last, at + ((now - before) / 1000 / seconds) * last));
        before = now;
        if (at < last) requestAnimationFrame(next);
        else pause();
      };
      requestAnimationFrame(next);
    }

    button.type = "button";
    button.addEventListener("click", () => (playing ? pause() : play()));
    Object.assign(slider, { type: "range", min: 0, max: last, step: 1 });
    slider.setAttribute("aria-label", "Frame of the figure");
    slider.addEventListener("input", () => {
      pause();
      moved = true;
      show(Number(slider.value));
    });
    const settle = () => {
      pause();
      button.hidden = calm.matches;
    };
    calm.addEventListener("change", settle);
    settle();
    show(still);
    const controls = document.createElement("p");
    controls.className = "motion-controls";
    controls.append(button, slider, words);
    figure.querySelector(".figure-scroll").after(controls);
  }

  const begin = () => document.querySelectorAll("figure.ncssl-motion").forEach(bring);
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", begin);
  else begin();
})();
