import { defineConfig } from "vitest/config";

/** CommonJS is imported as Node does it, and the bundle. */
const DEPS = { interopDefault: false };

/** `unit` needs nothing but Node; the other projects need real programs and are run by `.ci/run`, where none may skip. */
export default defineConfig({
  test: {
    globalSetup: "test/clean-run.ts",
    // `.ci/run` counts the tests of each stage from this report.
    reporters: process.env.TEST_REPORT ? ["default", ["json", { outputFile: process.env.TEST_REPORT }]] : ["default"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/system/**", "test/browser/**", "test/ha/**", "test/docker/**", "test/debian/**"],
          testTimeout: 20_000,
          deps: DEPS,
        },
      },
      {
        test: {
          name: "system",
          include: ["test/system/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          deps: DEPS,
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          deps: DEPS,
        },
      },
      {
        test: {
          name: "ha",
          include: ["test/ha/**/*.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "debian",
          include: ["test/debian/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "docker",
          include: ["test/docker/**/*.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
