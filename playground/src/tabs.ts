/** Tabs by mouse or keyboard: arrows go from one to the next, Home and End to the ends. */

export function startTabs(): void {
  const tabs = [...document.querySelectorAll<HTMLButtonElement>('[role="tab"]')];
  const show = (chosen: HTMLButtonElement): void => {
    for (const tab of tabs) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      panelOf(tab).hidden = !isChosen;
    }
  };
  for (const [place, tab] of tabs.entries()) {
    tab.addEventListener("click", () => show(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const target = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: -1 }[key];
      const next = target === undefined ? undefined : tabs.at(target % tabs.length);
      if (next === undefined) return;
      show(next);
      next.focus();
    });
  }
}

function panelOf(tab: Element): HTMLElement {
  return document.getElementById(tab.getAttribute("aria-controls") ?? "") as HTMLElement;
}
