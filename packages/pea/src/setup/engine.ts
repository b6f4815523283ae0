/** Which engine gets native files. */
import { PeaError } from "@pea/core";
import type { Engine, Search } from "@pea/torch/binaries";

/** The engine that the user points to, else one with binaries, else the first. */
export function engineToServe({ binaries, passedOver }: Search): Engine | undefined {
  const engines = passedOver.flatMap(({ place: { found, isChosen } }) =>
    typeof found === "string" ? [] : [{ engine: found, isChosen }],
  );
  return (engines.find(({ isChosen }) => isChosen) ?? { engine: binaries?.engine ?? engines[0]?.engine })
    .engine;
}

/**
 * @throws PeaError for versions whose interface the sources do not know; wheels before 2.7 were made with strings of
 * another layout as well
 */
export function checkVersion({ name, library }: Engine): void {
  const [, debian, major, minor] = /^(lib)?torch(\d+)\.(\d+)$/.exec(name) ?? [];
  const [version, oldest] = [Number(major) * 1000 + Number(minor), debian === undefined ? 2007 : 2006];
  if (version >= oldest || (debian !== undefined && version === 1013)) return;
  throw new PeaError(
    `${library} is libtorch ${major}.${minor}; the sources know Debian's 1.13 and 2.6 and PyPI's from 2.7 on`,
    { kind: "usage" },
  );
}
