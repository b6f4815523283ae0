/**
 * The script of the page: draws the curves of the chosen variants, and the activation at the chosen α. It finds its data
 * in the element `data` and puts text in as text only. Without it the page holds the same curves as pictures.
 */
export const browserScript = `
const data = JSON.parse(document.getElementById("data").textContent);

function tooltip(points) {
  const box = document.createElement("div");
  const shown = points.filter(({ seriesName, seriesId, value }) => value && !/:band-(low|high)$/.test(seriesId));
  if (shown.length === 0) return "";
  box.append(Object.assign(document.createElement("b"), { textContent: shown[0].axisDim + " = " + shown[0].axisValue }));
  for (const { seriesName, color, value } of shown) {
    const row = document.createElement("div");
    const mark = document.createElement("span");
    mark.style.cssText = "display:inline-block;width:.7em;height:.7em;border-radius:50%;margin-right:.5em";
    mark.style.background = color;
    row.append(mark, seriesName + ": " + Number(value[1].toPrecision(5)));
    box.append(row);
  }
  return box;
}

for (const { id, charts } of data.groups) {
  const section = document.getElementById(id);
  const variants = [...section.querySelectorAll("[name=variant]")];
  const whole = section.querySelector("[name=whole]");
  const drawn = charts.map((chart) => {
    const place = document.getElementById(id + "-" + chart.id);
    return { ...chart, place, echart: echarts.init(place, null, { renderer: "svg" }) };
  });
  const draw = () => {
    const chosen = variants.filter(({ checked }) => checked).map(({ value }) => value);
    for (const { echart, place, ...chart } of drawn) {
      const option = optionOf(chart, variants.length ? chosen : Object.keys(chart.series), { whole: whole.checked });
      option.tooltip.formatter = tooltip;
      echart.setOption(option, { notMerge: true });
      const shaded = chosen.find((variant) => chart.bands[variant]);
      const note = place.parentElement.querySelector(".shaded");
      if (note) note.textContent = shaded ? chart.bands[shaded].caption : "";
    }
  };
  section.addEventListener("change", draw);
  section.addEventListener("click", ({ target }) => {
    if (target.name !== "choose") return;
    for (const box of variants) box.checked = target.value === "all" || (target.value === "first" && box.defaultChecked);
    draw();
  });
  draw();
  const resize = (sizeOf) => {
    for (const { echart, wide } of drawn) {
      echart.resize(sizeOf(wide));
      echart.getZr().flush();
    }
  };
  // On paper: the width of A4 between its margins, and half of it.
  addEventListener("beforeprint", () => resize((wide) => (wide ? { width: 680, height: 420 } : { width: 324, height: 260 })));
  addEventListener("afterprint", () => resize(() => ({ width: "auto", height: "auto" })));
  new ResizeObserver(() => {
    if (!matchMedia("print").matches) resize(() => undefined);
  }).observe(section);
}

const shapes = document.getElementById("shapes");
if (shapes) {
  const [smooth, alpha] = [shapes.querySelector("select"), shapes.querySelector("[type=range]")];
  const show = () => {
    const a = Number(alpha.value);
    shapes.querySelector("output").textContent = a.toFixed(2);
    document.getElementById("mixture").textContent =
      a.toFixed(2) + " · ReLU + " + (1 - a).toFixed(2) + " · " + smooth.selectedOptions[0].textContent;
    for (const picture of shapes.querySelectorAll("svg")) {
      const { part, low, high, width, height } = picture.dataset;
      const { x, [part]: values } = data.shapes;
      const [relu, act] = [values.relu, values[smooth.value]];
      const path = (ys) => "M" + ys.map((y, i) =>
        ((x[i] - x[0]) / (x.at(-1) - x[0]) * width).toFixed(1) + " " +
        ((high - y) / (high - low) * height).toFixed(1)).join("L");
      picture.querySelector(".smooth").setAttribute("d", path(act));
      picture.querySelector(".ensemble").setAttribute("d", path(relu.map((y, i) => a * y + (1 - a) * act[i])));
    }
  };
  shapes.addEventListener("input", show);
  shapes.addEventListener("change", show);
}
`;
