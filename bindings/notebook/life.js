// Life: whether a kernel still follows what the page shows. Where none does it is said, and the values are greyed.
//
//     ipywidgets' class on the element   its comm is gone: kernel restarted, saved notebook opened again    GONE
//     the notebook's session             its kernel died, was shut down, or is another one                  GONE
//     marimo's #App                      no connection to the runtime                                       AWAY
//
// GONE by the session lasts: a kernel that comes after knows nothing of this widget. The page itself stays readable.
const GONE = "not live any more: its kernel has ended or was started anew. Run the cell again.";
const AWAY = "not live: no connection. These are the values that came last.";
const ENDS = ["restarting", "autorestarting", "terminating", "dead"];
const CUT = ["CLOSED", "CLOSING", "CONNECTING"];

// Show a banner on top of `root` while `el` isn't live; return a function that says why it isn't, or "".
export function followLife(model, el, root, signal) {
  const banner = document.createElement("div");
  banner.className = "eddy-life";
  banner.setAttribute("role", "status");
  root.prepend(banner);
  const app = document.querySelector("#App[data-connection-state]");
  let ended = false;
  let why = "";
  const look = () => {
    const gone = ended || el.classList.contains("jupyter-widgets-disconnected");
    why = gone ? GONE : CUT.includes(app?.dataset.connectionState) ? AWAY : "";
    banner.textContent = why;
    banner.hidden = !why;
    root.classList.toggle("eddy-lost", Boolean(why));
  };
  const end = () => {
    ended = true;
    look();
  };
  const seen = new MutationObserver(look);
  seen.observe(el, { attributes: true, attributeFilter: ["class"] });
  if (app) seen.observe(app, { attributes: true, attributeFilter: ["data-connection-state"] });
  signal.addEventListener("abort", () => seen.disconnect());
  const session = model.widget_manager?.context?.sessionContext;
  const connect = (told, hear) => {
    told?.connect(hear);
    signal.addEventListener("abort", () => told?.disconnect(hear));
  };
  connect(session?.statusChanged, (_, status) => ENDS.includes(status) && end());
  connect(session?.kernelChanged, (_, { oldValue }) => oldValue && end());
  look();
  return () => why;
}
