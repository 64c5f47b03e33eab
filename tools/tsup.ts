import { defineConfig } from 'tsup'

/** One build for every package: ESM and types, plus an entry for each file that another process starts with. */
export function library(childEntries: string[] = []) {
  return defineConfig({
    entry: Object.fromEntries(['src/index.ts', ...childEntries].map((file) => [file.replace(/^src\/|\.ts$/g, ''), file])),
    format: 'esm',
    target: 'node20',
    dts: { entry: 'src/index.ts', compilerOptions: { customConditions: [] } },
    sourcemap: true,
    clean: true,
  })
}
