// These files run as Vite transforms them, so what they send is the case itself.
import { basename } from 'node:path'
import * as path from 'node:path'
import { expect, it } from 'vitest'
import { rebuildFunction, serializeFunction } from '../../src/index.ts'
import { parse } from '../../src/source.ts'

/** As another thread would get it: ids of this thread would give the original back. */
function there<F extends Function>(fn: F): F {
  const bytes = Buffer.from(serializeFunction(fn)).toString('latin1')
  return rebuildFunction(Buffer.from(bytes.replace(/[0-9a-f]{8}-[0-9a-f]{4}-4/g, (id) => `g${id.slice(1)}`), 'latin1')) as unknown as F
}

it('takes the imports of a module that vitest runs for imports', () => {
  const fn = (): unknown[] => [basename('/a/b'), path.sep, parse('1', false).type]
  expect(String(fn)).toContain('import_')
  expect(there(fn)()).toEqual(['b', '/', 'Program'])
})

it('keeps import.meta and dynamic imports of such a module', async () => {
  const fn = async (): Promise<unknown[]> => [import.meta.url, import.meta.dirname, (await import('node:path')).sep]
  expect(await there(fn)()).toEqual([import.meta.url, import.meta.dirname, '/'])
})
