import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    pool: "forks",
    // One less is the default, which leaves half of a machine of two cores idle.
    poolOptions: { forks: { maxForks: availableParallelism() } },
    projects: [
      {
        test: {
          name: "unit",
          include: ["tests/unit/**/*.test.ts"],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "processes",
          include: ["tests/processes/**/*.test.ts"],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "components",
          include: ["tests/components/**/*.test.ts"],
          setupFiles: ["tests/pulumiStackTraces.ts"],
          // A resource whose input never resolves shows as a test that hangs.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "golden",
          include: ["tests/golden/**/*.test.ts"],
          setupFiles: ["tests/pulumiStackTraces.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Of two dumps, a person wants the lines that differ.
          diff: { expand: false, contextLines: 8 },
        },
      },
      {
        test: {
          name: "engine",
          include: ["tests/engine/**/*.test.ts"],
          // Real runs of the real engine: minutes each. Every file has stacks, state and plugins of its own.
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
      {
        test: {
          name: "faults-fast",
          include: ["tests/faults/fast.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
      {
        test: {
          name: "faults",
          include: ["tests/faults/campaign.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
      {
        test: {
          name: "aws",
          include: ["tests/aws/**/*.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          poolOptions: { forks: { singleFork: true } },
        },
      },
    ],
  },
});
