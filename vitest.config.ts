import { defineConfig } from 'vitest/config'

/**
 * One project per lane. In-process lanes run the sources and integration lanes the build, both loaded by Node itself
 * and not transformed: closures are sent by their real source text, and a worker or child that loads the same file
 * must get the same module, not a twin of it.
 */
const SOURCE = '@multiproc/source'
const OURS = /\/packages\/[^/]+\/(src|dist)\//

function lane(name: string, { source }: { source: boolean }) {
  return {
    extends: true as const,
    test: {
      name,
      include: [`packages/*/test/${name}/**/*.test.ts`],
      execArgv: source ? [`--conditions=${SOURCE}`] : [],
      server: { deps: { external: [OURS] } },
    },
    ...(source ? conditions([SOURCE, 'node', 'import', 'module', 'default']) : conditions(['node', 'import', 'module', 'default'])),
  }
}

function conditions(names: string[]) {
  return { resolve: { conditions: names }, ssr: { resolve: { conditions: names, externalConditions: names } } }
}

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    globalSetup: ['./vitest.leaks.ts'],
    setupFiles: ['./vitest.leaks.ts'],
    projects: [
      lane('unit', { source: true }),
      lane('contract', { source: true }),
      lane('property', { source: true }),
      lane('model', { source: true }),
      lane('crash', { source: true }),
      lane('integration', { source: false }),
      {
        extends: true,
        test: {
          name: 'workspace',
          include: ['packages/integration-tests/{test,cpython-catalogue}/**/*.test.ts'],
          server: { deps: { external: [OURS] } },
        },
        ...conditions(['node', 'import', 'module', 'default']),
      },
    ],
  },
})
