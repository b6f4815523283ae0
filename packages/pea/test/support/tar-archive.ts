/** Tar archives, written for tests with GNU tar and by hand. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeFiles } from "./images.ts";

export type TarFormat = "ustar" | "pax" | "gnu" | "v7";

/** The bytes of an archive that GNU tar makes of files, in the order given. */
export function tarArchive(
  files: Readonly<Record<string, Uint8Array | string>>,
  format: TarFormat = "pax",
): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "tar-"));
  try {
    writeFiles(folder, files);
    return execFileSync(
      "tar",
      ["--create", `--format=${format}`, "--directory", folder, "--", ...Object.keys(files)],
      {
        maxBuffer: 2 ** 26,
      },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Header and data of one member. Fields beyond the usual ones: `size` as bytes of its field. */
export function tarMember(
  name: string,
  data: Uint8Array,
  { type = "0", sizeField = `${data.length.toString(8).padStart(11, "0")}\0` as string | Uint8Array } = {},
): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0", 100);
  Buffer.from(sizeField).copy(header, 124);
  header.write("        ", 148);
  header.write(type, 156);
  header.write("ustar\x0000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

/** What ends an archive. */
export const tarEnd = Buffer.alloc(1024);
