import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

/**
 * Rules without type information, so that the whole workspace takes seconds. The house rules: each npm dependency and
 * each dangerous global lives in one folder, and a package is imported by its name only.
 */
const HOMES = {
  koffi: 'core/src/os',
  acorn: 'closure/src',
}

/** All import rules of a file in one setting (ESLint takes the last one, whole), but for the dependency at home there. */
function imports(home) {
  const away = Object.keys(HOMES).filter((name) => name !== home)
  return {
    'no-restricted-imports': ['error', {
      paths: [{ name: 'node:child_process', importNames: ['fork'], message: 'Processes talk over the arena: spawn, without an IPC channel.' }],
      patterns: [
        ...away.map((name) => ({ regex: `^${name}([-/].*)?$`, message: `${name} is used only in packages/${HOMES[name]}.` })),
        { regex: '^@multiproc/[^/]+/', message: 'No deep imports: what others need is exported by the package.' },
        { regex: '^(\\.\\./)+[^.].*/(src|dist)/', message: 'Import another package by its name.' },
      ],
    }],
  }
}

export default defineConfig(
  globalIgnores(['**/dist/**', '**/node_modules/**', '**/.turbo/**', '**/*.stripped.mjs', '.tmp/**']),
  tseslint.configs.recommended,
  {
    rules: {
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-function-type': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  { files: ['**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: ['packages/{testing,benchmarks}/**'],
    rules: {
      ...imports(),
      'no-restricted-globals': ['error', { name: 'Atomics', message: 'Use the injected AtomicOps (core/src/arena/atomics.ts), so that model tests see every step.' }],
      'no-restricted-properties': ['error', { object: 'process', property: 'send', message: 'Processes talk over the arena, never over an IPC channel.' }],
    },
  },
  ...Object.entries(HOMES).map(([name, folder]) => ({ files: [`packages/${folder}/**/*.ts`], rules: imports(name) })),
  { files: ['packages/core/src/arena/atomics.ts'], rules: { 'no-restricted-globals': 'off' } },
)
