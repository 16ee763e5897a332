// Builds dist/: the program as one ES module per command (code split, so that a command loads only what it uses), the
// codec for programmers, and its types. Only the serial port's native binding stays outside of the bundle.
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { build } from "esbuild";
import { buildPage } from "./build-page.mjs";

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

const outdir = process.env.OUTDIR ?? "dist";
rmSync(outdir, { recursive: true, force: true });
const common = {
  bundle: true,
  platform: "node",
  target: "node20.19",
  format: "esm",
  splitting: true,
  outdir,
  minifySyntax: true,
  minifyWhitespace: true,
  // What libraries do only while they are being developed stays out (winston's diagnostics: 1 MB).
  define: { "process.env.NODE_ENV": '"production"' },
  plugins: [nativeStreams, silentDebug],
  external: ["@serialport/bindings-cpp"],
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  logLevel: "warning",
};
await build({ ...common, entryPoints: { main: "src/main.ts", codec: "src/codec/index.ts" } });
// `--program`: without page and types, for tests of the program.
if (!process.argv.includes("--program")) {
  await buildPage(`${outdir}/page`);
  execFileSync("node_modules/.bin/tsc", ["-p", "scripts/tsconfig.types.json", "--outDir", `${outdir}/types`], {
    stdio: "inherit",
  });
}
