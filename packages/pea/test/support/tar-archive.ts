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

/**
 * Header and data of one member.
 *
 * @param options.size what the header claims, or the bytes of that field
 * @param options.target of a link
 * @param options.also what else stands in the header, by its place there
 */
export function tarMember(
  name: string,
  data: Uint8Array | string = "",
  {
    type = "0",
    size = Buffer.byteLength(data) as number | string | Uint8Array,
    target = "",
    also = [] as [at: number, text: string][],
    hasSignedChecksum = false,
  } = {},
): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, "utf8");
  header.write("0000644\0", 100);
  const sizeField = typeof size === "number" ? `${size.toString(8).padStart(11, "0")}\0` : size;
  Buffer.from(sizeField as string).copy(header, 124);
  header.write("        ", 148);
  header.write(type, 156);
  header.write(target, 157);
  header.write("ustar\x0000", 257, "latin1");
  for (const [at, text] of also) header.write(text, at, "latin1");
  const sum = header.reduce(
    (total, byte) => total + (hasSignedChecksum && byte > 127 ? byte - 256 : byte),
    0,
  );
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const length = Buffer.byteLength(data);
  return Buffer.concat([header, Buffer.from(data as string), Buffer.alloc((512 - (length % 512)) % 512)]);
}

/** A pax header with these records; type `g` for one of all members from there on. */
export function paxHeader(records: readonly (readonly [key: string, value: string])[], type = "x"): Buffer {
  const text = records.map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`);
    // The length counts its own digits.
    let length = rest;
    while (length !== rest + `${length}`.length) length = rest + `${length}`.length;
    return `${length} ${key}=${value}\n`;
  });
  return tarMember("PaxHeaders/x", text.join(""), { type });
}

/** What ends an archive. */
export const tarEnd = Buffer.alloc(1024);
