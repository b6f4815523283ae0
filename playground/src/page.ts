import { startActivationTab } from "./activation/tab.ts";
import { startImagesTab } from "./images/tab.ts";
import { startPointsTab } from "./points/tab.ts";
import { startTabs } from "./tabs.ts";

startTabs();
startActivationTab();
startPointsTab();
startImagesTab();
