// The value of a signal, as text.
export default {
  render({ model, el }) {
    const shown = document.createElement("code");
    shown.className = "eddy-value";
    el.append(shown);
    const draw = () => {
      shown.textContent = model.get("text");
      shown.classList.toggle("eddy-value-failed", model.get("failed"));
    };
    model.on("change:text", draw);
    model.on("change:failed", draw);
    draw();
    return () => {
      model.off("change:text", draw);
      model.off("change:failed", draw);
    };
  },
};
