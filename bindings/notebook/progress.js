// A bar that says how far something is.
export default {
  render({ model, el }) {
    el.innerHTML = '<div class="eddy-progress"><span></span><div class="eddy-track"><div></div></div><span></span></div>';
    const [label, track, text] = el.firstElementChild.children;
    const draw = () => {
      const part = model.get("part");
      label.textContent = model.get("label");
      text.textContent = model.get("text");
      track.firstElementChild.style.width = `${part < 0 ? 100 : part * 100}%`;
      track.className = `eddy-track eddy-${model.get("state")}${part < 0 && model.get("state") === "going" ? " eddy-unknown" : ""}`;
    };
    const names = ["label", "text", "part", "state"].map((name) => `change:${name}`);
    for (const name of names) model.on(name, draw);
    draw();
    return () => names.forEach((name) => model.off(name, draw));
  },
};
