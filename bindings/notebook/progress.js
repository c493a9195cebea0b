// A bar that says how far something is. What is over needs no kernel any more.
export default {
  render({ model, el }) {
    el.innerHTML =
      '<div><div class="eddy-progress"><span></span><div class="eddy-track"><div></div></div><span></span></div></div>';
    const root = el.firstElementChild;
    const [label, track, text] = root.firstElementChild.children;
    const closing = new AbortController();
    followLife(model, el, root, closing.signal);
    const draw = () => {
      const part = model.get("part");
      const going = model.get("state") === "going";
      label.textContent = model.get("label");
      text.textContent = model.get("text");
      track.firstElementChild.style.width = `${part < 0 ? 100 : part * 100}%`;
      track.className = `eddy-track eddy-${model.get("state")}${part < 0 && going ? " eddy-unknown" : ""}`;
      root.classList.toggle("eddy-over", !going);
    };
    const names = ["label", "text", "part", "state"].map((name) => `change:${name}`);
    for (const name of names) model.on(name, draw);
    draw();
    return () => {
      closing.abort();
      names.forEach((name) => model.off(name, draw));
    };
  },
};
