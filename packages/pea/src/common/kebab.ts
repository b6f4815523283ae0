/** A key in the words of the command line: `system-config` of `systemConfig`. */
export const kebab = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
