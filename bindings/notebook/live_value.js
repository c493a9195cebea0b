// The value of a signal, as text.
export default {
  render({ model, el }) {
    const root = document.createElement("div");
    const shown = document.createElement("code");
    shown.className = "eddy-value";
    root.append(shown);
    el.append(root);
    const closing = new AbortController();
    followLife(model, el, root, closing.signal);
    const draw = () => {
      shown.textContent = model.get("text");
      shown.classList.toggle("eddy-value-failed", model.get("failed"));
    };
    model.on("change:text", draw);
    model.on("change:failed", draw);
    draw();
    return () => {
      closing.abort();
      model.off("change:text", draw);
      model.off("change:failed", draw);
    };
  },
};
