// Asking a model about pictures, texts and rows.

function askPanel(panel, model, models) {
  const list = panel.querySelector(".cards") ?? el("ol", { class: "cards", "aria-label": "Answers", tabIndex: -1 });
  const clear = button("Remove all", () => list.querySelectorAll("button.away").forEach((one) => one.click()), { class: "clear" });
  const taken = (items) => {
    const views = items.map((item) => {
      const view = card(item, models.length > 1 ? model.name : "", (view) => answer([view]), clear);
      list.prepend(view.card);
      return view;
    });
    enqueue(views);
  };
  // One request after the other: a hundred at once would only wait there.
  let last = Promise.resolve();
  const enqueue = (views) => {
    last = last.then(async () => {
      for (const part of parts(views.map((view) => ({ ...view.item, view })))) await answer(part.map(({ view }) => view));
    });
  };
  const answer = async (views) => {
    const here = views.filter((view) => view.card.isConnected);
    if (!here.length) return;
    for (const view of here) view.wait("Reading …");
    const found = await askEach("v1/predict", { model: model.name, top: 5 }, here.map(({ item }) => item), ({ predictions }) => predictions)
      .catch((problem) => here.map(() => problem));
    found.forEach((prediction, place) => {
      if (prediction instanceof Error) here[place].fail(prediction);
      else answered(here[place], prediction);
    });
    if (here.length > 1) say(`${counted(here.length, "answer")}.`);
    else say(found[0] instanceof Error ? found[0].message : `${here[0].item.name}: ${inWords(found[0])}`);
  };
  const answered = (view, prediction) => {
    const content = [];
    if (prediction.numbers) content.push(numbers(prediction.numbers));
    const problem = el("div", {});
    const explains = model.explains && (prediction.top?.length ?? 0) > 0;
    const more = explains ? explained(model, view.item, view, problem) : null;
    if (prediction.top?.length) content.push(guesses(prediction, more?.pick));
    if (more) {
      more.toggle.dataset.of = prediction.labels?.[0] ?? prediction.top[0].label;
      content.push(el("div", { class: "row" }, more.toggle), more.key, problem);
    }
    const alike = el("div", {});
    content.push(alike);
    view.put(...content);
    if (model.neighbors) {
      neighbors(model, view.item).then((found) => alike.replaceChildren(found), (failed) => alike.replaceChildren(el("p", { class: "problem" }, failed.message)));
    }
  };
  const hints = { pictures: "What is in your pictures?", texts: "What are your texts about?", rows: "What does a row come to?" };
  const given = intake(model, { name: "to ask about", many: false, take: taken });
  panel.replaceChildren(el("h2", {}, hints[model.kind]), given.node,
    model.explains ? el("p", { class: "faint hint" }, "Choose a label of an answer to see what spoke for it.") : "", list, clear);
  return { use: given.use };
}
