import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vite";

export default defineConfig({
  base: "/static/graphiql/",
  logLevel: "warn",
  build: {
    outDir: "../static/graphiql",
    emptyOutDir: true,
    assetsDir: "",
    target: "es2022",
    manifest: "manifest.json",
    license: { fileName: "LICENSES.md" },
    // A file each: the page's Content-Security-Policy allows no data: URLs for fonts and scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Monaco is one large module graph: splitting it up would not make the page load any less.
    chunkSizeWarningLimit: 5000,
    rolldownOptions: { input: "src/main.jsx", onwarn: butForDirectives },
  },
  worker: { format: "es", plugins: () => [linesInSchemas()] },
  plugins: [noticesOfMonaco()],
});

/** "use client" speaks to servers that render React, and is of no use in a bundle. */
function butForDirectives(warning, warn) {
  if (warning.code !== "MODULE_LEVEL_DIRECTIVE") warn(warning);
}

/** Monaco's packages hold code of others, whose licences stand in a file of its own. */
function noticesOfMonaco() {
  return {
    name: "notices-of-monaco",
    writeBundle({ dir }) {
      const notices = readFileSync("node_modules/monaco-editor/ThirdPartyNotices.txt", "utf8");
      const text = notices.replaceAll("\r\n", "\n").trim();
      const section = `\n## What monaco-editor includes\n\n\`\`\`\`text\n${text}\n\`\`\`\`\n`;
      writeFileSync(join(dir, "LICENSES.md"), section, { flag: "a" });
    },
  };
}

/** The JSON schemas inside Monaco's worker, not all on one line, which no search or diff could show. */
function linesInSchemas() {
  return {
    name: "lines-in-schemas",
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type === "chunk") file.code = file.code.replaceAll("/schema#`,definitions:", "/schema#`,\ndefinitions:");
      }
    },
  };
}
