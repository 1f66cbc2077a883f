import { defineConfig } from "vite";
import relay from "vite-plugin-relay";
import { sourceHashes } from "./sources.js";

const FRAMEWORK = /node_modules\/(react|react-dom|scheduler|react-relay|relay-runtime|fbjs|invariant|nullthrows)\//;

export default defineConfig({
  base: "/static/console/",
  logLevel: "warn",
  plugins: [relay, recordedSources()],
  build: {
    outDir: "../static/console",
    emptyOutDir: true,
    assetsDir: "",
    target: "es2022",
    manifest: "manifest.json",
    license: { fileName: "LICENSES.md" },
    // A file each: the page's Content-Security-Policy allows no data: URLs for scripts and styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: "src/main.tsx",
      onwarn: exceptDirectives,
      checks: { pluginTimings: false },
      // Changes rarely, so that browsers keep it when the app changes.
      output: { codeSplitting: { groups: [{ name: "framework", test: FRAMEWORK }] } },
    },
  },
});

/** "use client" is for servers that render React, and has no meaning in a bundle. */
function exceptDirectives(warning, warn) {
  if (warning.code !== "MODULE_LEVEL_DIRECTIVE") warn(warning);
}

/** Writes sources.json, from which a check tells that the built files are stale. */
function recordedSources() {
  return {
    name: "recorded-sources",
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "sources.json", source: `${JSON.stringify(sourceHashes(), null, 2)}\n` });
    },
  };
}
