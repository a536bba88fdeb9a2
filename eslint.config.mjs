import pulumi from "@pulumi/eslint-plugin";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  { ignores: ["node_modules/", ".posttraining/", "flows/", "coverage/"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    plugins: { "@pulumi": pulumi },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@pulumi/no-output-in-template-literal": "error",
      "@pulumi/no-output-instance-in-template-literal": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      // Numbers in messages and URLs read well as they are.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      eqeqeq: ["error", "always", { null: "ignore" }],
      // Commands are loaded by setup/run.mjs: such a guard would have them do nothing, and say nothing.
      "no-restricted-properties": [
        "error",
        { object: "require", property: "main", message: "Write what runs, and what others import, in two files." },
      ],
    },
  },
  {
    files: ["**/*.ts"],
    // Stand-ins of the tests answer for whole programs and services.
    ignores: ["tests/**"],
    rules: { complexity: ["error", 15] },
  },
  {
    files: ["**/*.ts"],
    // Constructors and handlers that declare one resource after another, one document, suites of tests: long, and flat.
    ignores: ["bench/sizingPage.ts", "components/**", "provider/handlers/**", "tests/**"],
    rules: { "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }] },
  },
);
