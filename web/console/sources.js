import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What the built files are not made from. tests/checks/test_console.py has the same list. */
const NOT_SOURCES = new Set([".gitignore", "__generated__", "node_modules", "page.html", "persisted.json", "README.md"]);

/** SHA-256 of each source by its path in this folder. */
export function sourceHashes() {
  return Object.fromEntries(files("").map((path) => [path, createHash("sha256").update(readFileSync(path)).digest("hex")]));
}

function files(folder) {
  const entries = readdirSync(folder || ".", { withFileTypes: true }).filter(({ name }) => !NOT_SOURCES.has(name));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path) : [path];
  });
}
