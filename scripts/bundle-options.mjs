/** Bundler options, shared by scripts/build.mjs, bench/memory-by-part.ts and bench/ledger.ts. */

/** `readable-stream` is a copy of Node's streams for older versions; Node's own are in memory anyway (1 MB less). */
const nativeStreams = {
  name: "native-streams",
  setup(build) {
    build.onResolve({ filter: /^readable-stream(\/|$)/ }, ({ path }) => ({ path, namespace: "native-streams" }));
    build.onLoad({ filter: /./, namespace: "native-streams" }, ({ path }) => {
      const part = /_stream_(\w+)\.js$/.exec(path)?.[1];
      const name = part === undefined ? "" : `.${part[0].toUpperCase()}${part.slice(1)}`;
      return { contents: `module.exports = require("node:stream")${name};` };
    });
  },
};

/** `debug` is called a hundred times a telegram by MQTT.js and makes 36 KB of garbage to say nothing. */
const silentDebug = {
  name: "silent-debug",
  setup(build) {
    build.onResolve({ filter: /^debug$/ }, ({ path }) => ({ path, namespace: "silent-debug" }));
    build.onLoad({ filter: /./, namespace: "silent-debug" }, () => ({
      contents:
        "const silent = () => undefined; module.exports = () => silent; module.exports.default = module.exports;",
    }));
  },
};

/** Parts of MQTT.js that we never use: timers in a browser's worker, and SOCKS proxies (100 KB of source). */
const unusedParts = {
  name: "unused-parts",
  setup(build) {
    build.onResolve({ filter: /^(worker-timers|socks)$/ }, ({ path }) => ({ path, namespace: "unused-parts" }));
    build.onLoad({ filter: /./, namespace: "unused-parts" }, () => ({ contents: "module.exports = {};" }));
  },
};

/** The package with the serial port's native binding. */
export const NATIVE_PACKAGE = "@serialport/bindings-cpp";

/**
 * The binding's JavaScript is in the bundle, since loading it as twenty files takes longer; only the native binding itself
 * is loaded from its package, by the package's own loader.
 */
const nativeBinding = {
  name: "native-binding",
  setup(build) {
    build.onLoad({ filter: /[/\\]bindings-cpp[/\\]dist[/\\]serialport-bindings\.js$/ }, () => ({
      contents: `
        const manifest = require.resolve("${NATIVE_PACKAGE}/package.json");
        const load = require("node:module").createRequire(manifest)("node-gyp-build");
        exports.binding = load(require("node:path").dirname(manifest));`,
    }));
  },
};

/** @type {import("esbuild").BuildOptions} */
export const BUNDLE_OPTIONS = {
  bundle: true,
  platform: "node",
  target: "node20.19",
  format: "esm",
  splitting: true,
  minifySyntax: true,
  minifyWhitespace: true,
  // Excludes development-only code of libraries (winston's diagnostics: 1 MB).
  define: { "process.env.NODE_ENV": '"production"' },
  plugins: [nativeStreams, silentDebug, unusedParts, nativeBinding],
  external: [`${NATIVE_PACKAGE}/package.json`],
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  logLevel: "warning",
};
