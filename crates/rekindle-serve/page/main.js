// The beginning: which models there are, and what can be done with the one that is chosen.

const panels = { ask: byId("ask"), teach: byId("teach") };
/** What teaches items of each kind. */
const teachings = new Map();
const used = {};

function about(model, isAlone) {
  const { name, task, outputs, input, kind, license, origin, architecture } = model;
  const sizes = { pictures: () => `sees ${input.height} × ${input.width} pixels`, texts: () => `reads ${input.max_length.toLocaleString("en")} tokens`, rows: () => `reads ${counted(input.columns.length, "column")}` };
  const answers = { label: "label", labels: "label", numbers: "number" }[task];
  const words = [isAlone ? name : null, architecture === name ? null : architecture, answers ? counted(outputs.length, answers) : "embeds alone", sizes[kind](), license, origin === name ? null : origin];
  return words.filter(Boolean).join(" · ");
}

function choose(tab, isFocused) {
  for (const name of Object.keys(panels)) {
    const one = byId(`tab-${name}`);
    const is = name === tab;
    one.setAttribute("aria-selected", String(is));
    one.tabIndex = is ? 0 : -1;
    panels[name].hidden = !is;
    if (is && isFocused) one.focus();
  }
  used[tab]?.();
  if (location.hash !== `#${tab}`) history.replaceState(null, "", `#${tab}`);
}

function useModel(model, models, keeps) {
  byId("about").textContent = about(model, models.length === 1);
  const can = { ask: model.task !== "none", teach: model.teaches };
  byId("tab-ask").hidden = !can.ask;
  byId("tab-teach").hidden = !can.teach;
  byId("tabs").hidden = !can.ask && !can.teach;
  panels.ask.hidden = panels.teach.hidden = true;
  if (can.ask) used.ask = askPanel(panels.ask, model, models).use;
  if (can.teach) {
    if (!teachings.has(model.kind)) teachings.set(model.kind, new Teaching(el("div", {}), model, keeps));
    const teaching = teachings.get(model.kind);
    teaching.use(model);
    panels.teach.replaceChildren(teaching.panel);
    used.teach = () => teaching.usePaste();
  }
  byId("trouble").replaceChildren(can.ask || can.teach ? "" : el("p", {}, "This model embeds alone; programs can ask it."));
  const wanted = location.hash.slice(1);
  const tab = can[wanted] ? wanted : Object.keys(can).find((name) => can[name]);
  if (tab) choose(tab, false);
}

async function begin() {
  let found;
  try {
    found = await askJson("v1/models");
  } catch (problem) {
    byId("about").textContent = "";
    byId("trouble").replaceChildren(trouble(problem, begin));
    return;
  }
  const { models, keeps } = found;
  byId("trouble").replaceChildren();
  const select = byId("model");
  select.replaceChildren(...models.map(({ name }) => el("option", { value: name }, name)));
  select.onchange = () => useModel(models.find(({ name }) => name === select.value), models, keeps);
  byId("chooser").hidden = models.length === 1;
  if (keeps) byId("keeping").textContent = "What you give is read by this server; examples are stored there when you say so.";
  useModel(models[0], models, keeps);
}

byId("tabs").addEventListener("click", (event) => {
  const tab = event.target.closest("[role=tab]");
  if (tab) choose(tab.id.slice(4), false);
});
byId("tabs").addEventListener("keydown", (event) => {
  const tabs = [...byId("tabs").querySelectorAll("[role=tab]:not([hidden])")];
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
  choose(next.id.slice(4), true);
});
addEventListener("hashchange", () => {
  const tab = location.hash.slice(1);
  if (panels[tab] && !byId(`tab-${tab}`).hidden) choose(tab, false);
});
begin();
